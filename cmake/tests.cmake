# Fuzzers (tests/fuzz/NAME.cc, see fuzz.h there). Their corpora run in tare-unit too.
file(GLOB fuzz_sources CONFIGURE_DEPENDS tests/fuzz/*.cc)
list(FILTER fuzz_sources EXCLUDE REGEX "_test\\.cc$")
if(TARE_FUZZ)
  add_custom_target(fuzzers)
  foreach(source ${fuzz_sources})
    get_filename_component(name ${source} NAME_WE)
    add_executable(fuzz-${name} ${source})
    target_include_directories(fuzz-${name} PRIVATE src tests)
    target_compile_definitions(fuzz-${name} PRIVATE TARE_FUZZ_MAIN)
    target_link_libraries(fuzz-${name} PRIVATE room_front_cli room_front_transfer room_front_record room_build codec_isal)
    target_link_options(fuzz-${name} PRIVATE -fsanitize=fuzzer)
    add_dependencies(fuzzers fuzz-${name})
  endforeach()
endif()

# All *_test.cc beside the sources make one program, run by `make unit`.
file(GLOB_RECURSE unit_sources CONFIGURE_DEPENDS src/*_test.cc tests/contract/*_test.cc
     tests/bake/*.cc tests/dockerfile/*.cc tests/fuzz/*_test.cc)
# libseccomp is only the reference that our filters are compared with.
pkg_check_modules(SECCOMP libseccomp)
if(SECCOMP_FOUND)
  file(GLOB oracle_sources CONFIGURE_DEPENDS tests/seccomp/*_test.cc)
  list(APPEND unit_sources ${oracle_sources})
  add_executable(bench-seccomp EXCLUDE_FROM_ALL bench/seccomp.cc)
  set_target_properties(bench-seccomp PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  target_include_directories(bench-seccomp PRIVATE src ${CMAKE_SOURCE_DIR})
  target_link_libraries(bench-seccomp PRIVATE room_policy ${SECCOMP_LIBRARIES} fmt)
endif()
add_executable(tare-unit EXCLUDE_FROM_ALL tests/unit_main.cc ${unit_sources} ${fuzz_sources})
target_include_directories(tare-unit PRIVATE src tests ${CMAKE_SOURCE_DIR})
target_compile_definitions(tare-unit PRIVATE
                           TARE_FUZZ_CORPUS="${CMAKE_SOURCE_DIR}/tests/fuzz/corpus"
                           TARE_SECCOMP_PROFILES="${CMAKE_SOURCE_DIR}/tests/seccomp/profiles")
file(GLOB dockerfile_tests CONFIGURE_DEPENDS tests/dockerfile/*.cc)
set_source_files_properties(${dockerfile_tests} PROPERTIES COMPILE_DEFINITIONS
                            TARE_DOCKERFILES="${CMAKE_SOURCE_DIR}/tests/dockerfile")
set_source_files_properties(${CMAKE_SOURCE_DIR}/tests/bake/recorded_test.cc PROPERTIES COMPILE_DEFINITIONS
                            TARE_BAKE="${CMAKE_SOURCE_DIR}/tests/bake/recorded")
target_link_libraries(tare-unit PRIVATE room_front_cli room_front_transfer room_front_record room_build room_keeper codec_isal
                      ${SECCOMP_LIBRARIES})
