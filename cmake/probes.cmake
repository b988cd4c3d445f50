# Small static C programs that tests run inside containers (tests/probes/NAME.c becomes
# build/release/tests/probe-NAME), and bench/NAME.c, which becomes bench-NAME beside them.
if(NOT TARE_STATIC)
  return()
endif()

file(GLOB probe_sources CONFIGURE_DEPENDS tests/probes/*.c)
file(GLOB bench_sources CONFIGURE_DEPENDS bench/*.c)
# Debian has ISA-L as a shared library only.
list(FILTER bench_sources EXCLUDE REGEX "/limit-image\\.c$")
add_executable(bench-limit-image EXCLUDE_FROM_ALL bench/limit-image.c)
set_target_properties(bench-limit-image PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests
                      C_STANDARD 17)
target_link_libraries(bench-limit-image PRIVATE isal crypto zstd)
foreach(source ${probe_sources} ${bench_sources})
  get_filename_component(name ${source} NAME_WE)
  if(source MATCHES "/bench/")
    set(name bench-${name})
  else()
    set(name probe-${name})
  endif()
  add_executable(${name} ${source})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests
                        C_STANDARD 17)
  target_link_options(${name} PRIVATE -static -s)
endforeach()
# Its start is measured: no C library, one page of code.
target_compile_options(probe-true PRIVATE -Os -fno-stack-protector -fno-pie)
target_link_options(probe-true PRIVATE -nostdlib -no-pie -Wl,--build-id=none)
# A room's parts, for scripts to call one by one.
add_executable(probe-network tests/probes/network.cc)
set_target_properties(probe-network PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
target_include_directories(probe-network PRIVATE src)
target_link_libraries(probe-network PRIVATE room_network)
target_link_options(probe-network PRIVATE ${TARE_STATIC} -s)
