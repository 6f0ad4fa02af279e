# SPDX-License-Identifier: BSD-2-Clause
# How the folders are built.
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3>=3.37)
pkg_check_modules(LZ4 REQUIRED IMPORTED_TARGET liblz4)
pkg_check_modules(PCAP REQUIRED IMPORTED_TARGET libpcap)
pkg_check_modules(UV REQUIRED IMPORTED_TARGET libuv)
pkg_check_modules(INIH REQUIRED IMPORTED_TARGET inih)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)

add_library(pkv_flags INTERFACE)
target_include_directories(pkv_flags INTERFACE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR})
target_compile_definitions(pkv_flags INTERFACE _GNU_SOURCE PKV_VERSION="${PROJECT_VERSION}")
target_compile_options(pkv_flags INTERFACE -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes
    -Wmissing-prototypes -fno-strict-aliasing $<$<BOOL:${PKV_WERROR}>:-Werror>)
target_link_libraries(pkv_flags INTERFACE Threads::Threads)
if(PKV_SANITIZE)
    target_compile_options(pkv_flags INTERFACE -fsanitize=${PKV_SANITIZE} -fno-omit-frame-pointer
        -fno-sanitize-recover=all)
    target_link_options(pkv_flags INTERFACE -fsanitize=${PKV_SANITIZE})
endif()
if(PKV_COVERAGE)
    target_compile_options(pkv_flags INTERFACE --coverage)
    target_link_options(pkv_flags INTERFACE --coverage)
endif()

set_property(GLOBAL PROPERTY PKV_FOLDERS "")

# pkv_folder(NAME SOURCES … LIBRARIES …): one folder of the library, an object library pkv_NAME.
function(pkv_folder name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBRARIES")
    add_library(pkv_${name} OBJECT ${arg_SOURCES})
    target_link_libraries(pkv_${name} PUBLIC pkv_flags ${arg_LIBRARIES})
    target_include_directories(pkv_${name} PRIVATE ${CMAKE_CURRENT_BINARY_DIR})
    set_property(GLOBAL APPEND PROPERTY PKV_FOLDERS pkv_${name})
endfunction()

# pkv_test(NAME SOURCES …): a unit test with cmocka against the static library, internal names included.
function(pkv_test name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBRARIES")
    add_executable(${name} ${arg_SOURCES})
    target_link_libraries(${name} PRIVATE pktvault_static pkv_flags PkgConfig::CMOCKA ${arg_LIBRARIES})
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES TIMEOUT 300
        ENVIRONMENT "PKV_SOURCE=${PROJECT_SOURCE_DIR};PKV_CAPTURES=${PKV_CAPTURES}")
endfunction()

# pkv_fuzzer(NAME SOURCE SEEDS DIRECTORY): LLVMFuzzerTestOneInput; without libFuzzer a program that runs the seeds once.
function(pkv_fuzzer name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "SOURCE;SEEDS" "")
    if(PKV_FUZZERS)
        add_executable(${name} ${arg_SOURCE})
        target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    else()
        add_executable(${name} ${arg_SOURCE} ${PROJECT_SOURCE_DIR}/tests/fuzz/run_seeds.c)
        add_test(NAME ${name} COMMAND ${name} ${arg_SEEDS})
    endif()
    target_link_libraries(${name} PRIVATE pktvault_static pkv_flags)
endfunction()
