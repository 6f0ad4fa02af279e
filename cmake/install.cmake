# SPDX-License-Identifier: BSD-2-Clause
# What `cmake --install` puts where. Nothing is written outside the prefix: pktvault.conf goes to the examples.
include(CMakePackageConfigHelpers)

set(PKV_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/pktvault)
set(PKV_EXAMPLE_DIR ${CMAKE_INSTALL_DOCDIR}/examples)

install(DIRECTORY include/pktvault DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(TARGETS pktvault_shared EXPORT pktvault-shared LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS pktvault_static EXPORT pktvault-static ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS pktvault RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
if(TARGET pktvaultd)
    set_target_properties(pktvaultd PROPERTIES INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
    install(TARGETS pktvaultd RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
endif()

# Wireshark runs what lies in its folder, without arguments of ours: the name says what is wanted.
set(PKV_EXTCAP_DIR ${CMAKE_INSTALL_LIBDIR}/wireshark/extcap)
file(RELATIVE_PATH PKV_EXTCAP_TO_PROGRAM "/prefix/${PKV_EXTCAP_DIR}" "/prefix/${CMAKE_INSTALL_BINDIR}/pktvault")
install(CODE "
    set(PKV_LINK \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${PKV_EXTCAP_DIR}/pktvault-extcap\")
    message(STATUS \"Installing: \${PKV_LINK}\")
    file(MAKE_DIRECTORY \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${PKV_EXTCAP_DIR}\")
    file(CREATE_LINK \"${PKV_EXTCAP_TO_PROGRAM}\" \"\${PKV_LINK}\" SYMBOLIC)")

# CMake: find_package(pktvault), pktvault::pktvault and pktvault::static.
install(EXPORT pktvault-shared NAMESPACE pktvault:: DESTINATION ${PKV_PACKAGE_DIR})
install(EXPORT pktvault-static NAMESPACE pktvault:: DESTINATION ${PKV_PACKAGE_DIR})
configure_package_config_file(cmake/pktvault-config.cmake.in ${PROJECT_BINARY_DIR}/pktvault-config.cmake
    INSTALL_DESTINATION ${PKV_PACKAGE_DIR})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/pktvault-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/pktvault-config.cmake ${PROJECT_BINARY_DIR}/pktvault-config-version.cmake
    DESTINATION ${PKV_PACKAGE_DIR})

# pkg-config: the prefix follows from where the file is, so that the tree can be moved.
file(RELATIVE_PATH PKV_PC_TO_PREFIX "/prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/prefix")
configure_file(cmake/pktvault.pc.in pktvault.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/pktvault.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# systemd: the units name the programs by their place, which is known when they are installed.
foreach(unit pktvaultd.service pktvault-index.service)
    install(CODE "
        set(PKV_BINDIR \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}\")
        set(PKV_SBINDIR \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_SBINDIR}\")
        configure_file(\"${PROJECT_SOURCE_DIR}/systemd/${unit}.in\" \"${PROJECT_BINARY_DIR}/${unit}\" @ONLY)")
    install(FILES ${PROJECT_BINARY_DIR}/${unit} DESTINATION lib/systemd/system)
endforeach()
install(FILES systemd/pktvault.sysusers DESTINATION lib/sysusers.d RENAME pktvault.conf)

foreach(section 1 5 8)
    file(GLOB pages CONFIGURE_DEPENDS docs/man/*.${section})
    install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()
install(FILES completion/pktvault.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
    RENAME pktvault)
install(FILES README.md CHANGELOG.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md")
install(FILES systemd/pktvault.conf examples/record.c examples/search.c examples/CMakeLists.txt
    DESTINATION ${PKV_EXAMPLE_DIR})
