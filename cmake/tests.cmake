# All *_test.cc beside the sources make one program, run by `make unit`.
file(GLOB_RECURSE unit_sources CONFIGURE_DEPENDS src/*_test.cc tests/contract/*_test.cc)
# libseccomp is only the reference that our filters are compared with.
pkg_check_modules(SECCOMP libseccomp)
if(SECCOMP_FOUND)
  file(GLOB oracle_sources CONFIGURE_DEPENDS tests/seccomp/*_test.cc)
  list(APPEND unit_sources ${oracle_sources})
endif()
add_executable(tare-unit EXCLUDE_FROM_ALL tests/unit_main.cc ${unit_sources})
target_include_directories(tare-unit PRIVATE src ${CMAKE_SOURCE_DIR})
target_link_libraries(tare-unit PRIVATE room_front_cli room_keeper ${SECCOMP_LIBRARIES})
