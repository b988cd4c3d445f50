# The programs with failpoints (src/base/failpoint.h), for tests/scenario/killed-at-every-step.sh: the
# files that have points once more, in front of the same rooms. Not installed.
if(NOT TARE_STATIC)
  return()
endif()

set(failpoint_directory ${CMAKE_BINARY_DIR}/tests/failpoints)
foreach(file bin container_networks container_volumes create exec health lifecycle recovery start volumes)
  list(APPEND failpoint_sources src/engine/${file}.cc)
endforeach()
list(APPEND failpoint_sources src/store/confine.cc src/store/erofs_backend.cc src/store/move.cc src/store/layer_import.cc
     src/store/layers.cc src/store/tree_backend.cc src/store/volumes.cc src/image/bin.cc src/image/remove.cc src/image/steps.cc)
# A file's own object is taken before the room's library is looked into.
tare_program(failpoint-tare SOURCE src/front/cli/main.cc ROOMS front/cli)
target_sources(failpoint-tare PRIVATE ${failpoint_sources} src/base/failpoint.cc src/base/steps.cc)
tare_tiny_program(failpoint-keeper ${keeper_sources})
tare_tiny_program(failpoint-init src/init/main.cc)
foreach(program tare keeper init)
  target_compile_definitions(failpoint-${program} PRIVATE TARE_FAILPOINTS)
  set_target_properties(failpoint-${program} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${failpoint_directory}
                        OUTPUT_NAME tare-${program})
endforeach()
set_target_properties(failpoint-tare PROPERTIES OUTPUT_NAME tare)
# What src/base/steps.cc stands in front of.
foreach(function openat mkdirat linkat symlinkat write pwrite renameat renameat2 unlinkat fsync syncfs
        utimensat clock_gettime)
  target_link_options(failpoint-tare PRIVATE LINKER:--wrap=${function})
endforeach()
