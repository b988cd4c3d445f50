# profiles/*.json as tables for the policy room, made at build time.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(gen_dir ${CMAKE_BINARY_DIR}/gen/policy)
set(gen_tables ${gen_dir}/seccomp_default.inc ${gen_dir}/syscall_numbers.inc
               ${gen_dir}/capabilities.inc ${gen_dir}/paths.inc)
add_custom_command(
  OUTPUT ${gen_tables}
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tools/gen-profiles
          --compiler "${CMAKE_CXX_COMPILER}" --source ${CMAKE_SOURCE_DIR} --out ${gen_dir}
  DEPENDS tools/gen-profiles profiles/seccomp/default.json profiles/seccomp/syscalls.txt
          profiles/capabilities.json profiles/paths.json
  COMMENT "Tables from profiles/"
  VERBATIM)
target_sources(room_policy PRIVATE ${gen_tables})
# What clang-tidy needs to be there before it reads a file.
add_custom_target(generated DEPENDS ${gen_tables})
