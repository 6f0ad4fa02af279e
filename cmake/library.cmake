# SPDX-License-Identifier: BSD-2-Clause
# libpktvault, shared and static, from the objects of the folders.
get_property(folders GLOBAL PROPERTY PKV_FOLDERS)
set(objects)
foreach(folder IN LISTS folders)
    list(APPEND objects $<TARGET_OBJECTS:${folder}>)
endforeach()
set(PKV_LIBRARIES PkgConfig::SQLITE PkgConfig::LZ4 PkgConfig::PCAP PkgConfig::UV PkgConfig::INIH PkgConfig::CRYPTO
    PkgConfig::ZLIB PkgConfig::ZSTD PkgConfig::XXHASH Threads::Threads)

add_library(pktvault_static STATIC ${objects})
set_target_properties(pktvault_static PROPERTIES OUTPUT_NAME pktvault EXPORT_NAME static)
add_library(pktvault_shared SHARED ${objects})
set_target_properties(pktvault_shared PROPERTIES OUTPUT_NAME pktvault EXPORT_NAME pktvault
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
foreach(library pktvault_static pktvault_shared)
    target_include_directories(${library} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
        $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    target_link_libraries(${library} PRIVATE ${PKV_LIBRARIES})
endforeach()
if(PKV_SANITIZE)
    target_link_options(pktvault_shared PRIVATE -fsanitize=${PKV_SANITIZE})
endif()
