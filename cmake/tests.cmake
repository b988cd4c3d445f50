# All *_test.cc beside the sources make one program, run by `make unit`.
file(GLOB_RECURSE unit_sources CONFIGURE_DEPENDS src/*_test.cc tests/contract/*_test.cc)
add_executable(tare-unit EXCLUDE_FROM_ALL tests/unit_main.cc ${unit_sources})
target_include_directories(tare-unit PRIVATE src)
target_link_libraries(tare-unit PRIVATE room_front_cli)
