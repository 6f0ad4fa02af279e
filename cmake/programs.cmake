# SPDX-License-Identifier: BSD-2-Clause
# The daemon: a user of the finished library, by its installed headers alone.
set(PKV_DAEMON_SOURCES main.c pktvaultd_arguments.c pktvaultd_health.c pktvaultd_log.c pktvaultd_notify.c pktvaultd_user.c)
list(TRANSFORM PKV_DAEMON_SOURCES PREPEND server/)
add_executable(pktvaultd ${PKV_DAEMON_SOURCES})
target_link_libraries(pktvaultd PRIVATE pktvault_shared pkv_flags PkgConfig::UV)
# Beside pktvault, so that one PATH finds both.
set_target_properties(pktvaultd PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/cli)
