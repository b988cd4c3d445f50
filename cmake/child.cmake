# tare-child (src/child), the first program of every process of a container: a part of the programs
# that start containers (src/sys/helper.cc), not a file of its own.
file(GLOB child_sources CONFIGURE_DEPENDS src/child/*.cc)
tare_tiny_program(tare-child ${child_sources})
set(child_program ${CMAKE_BINARY_DIR}/gen/tare-child)
set_target_properties(tare-child PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/gen)
target_link_options(tare-child PRIVATE -s)
add_dependencies(room_sys tare-child)
set_source_files_properties(src/sys/helper.cc PROPERTIES
  COMPILE_DEFINITIONS TARE_CHILD_PROGRAM="${child_program}" OBJECT_DEPENDS ${child_program})
# It runs on a stack that no sanitizer knows.
set_source_files_properties(src/isolate/birth.cc PROPERTIES
  COMPILE_OPTIONS "-fno-sanitize=all;-fno-profile-arcs;-fno-test-coverage")
