# What a start runs stands together in the program (docs/decisions/0010).
set(link_order ${CMAKE_SOURCE_DIR}/cmake/link-order.txt)
find_program(LLD ld.lld)

# tare_program(NAME SOURCE main.cc ROOMS rooms... [DYNAMIC]): a program in bin/.
function(tare_program name)
  cmake_parse_arguments(PROGRAM "DYNAMIC" "SOURCE" "ROOMS" ${ARGN})
  if(NOT EXISTS ${CMAKE_SOURCE_DIR}/${PROGRAM_SOURCE})
    return()
  endif()
  add_executable(${name} ${PROGRAM_SOURCE})
  target_include_directories(${name} PRIVATE src)
  foreach(room ${PROGRAM_ROOMS})
    string(REPLACE "/" "_" target room_${room})
    target_link_libraries(${name} PRIVATE ${target})
  endforeach()
  target_link_options(${name} PRIVATE $<$<CONFIG:Release>:-s>)
  if(PROGRAM_DYNAMIC)
    return()
  endif()
  target_link_options(${name} PRIVATE ${TARE_STATIC})
  if(LLD AND TARE_STATIC)
    target_link_options(${name} PRIVATE -fuse-ld=lld -Wl,--symbol-ordering-file=${link_order}
                                        -Wl,--no-warn-symbol-ordering)
    set_target_properties(${name} PROPERTIES LINK_DEPENDS ${link_order})
  endif()
endfunction()

tare_program(tare SOURCE src/front/cli/main.cc ROOMS front/cli)
tare_program(tare-oci SOURCE src/front/oci/main.cc ROOMS front/oci)
tare_program(tare-net SOURCE src/front/net/main.cc ROOMS front/net)
# What it needs (TLS, HTTP/2, resolvers) is in 30 libraries, which only transfers pay for.
tare_program(tare-transfer SOURCE src/front/transfer/main.cc ROOMS front/transfer DYNAMIC)
# What RUN of builds downloads goes through it (docs/decisions/0025).
tare_program(tare-record SOURCE src/front/record/main.cc ROOMS front/record DYNAMIC)
# ISA-L, which Debian has as a shared library only (docs/decisions/0014).
tare_program(tare-inflate SOURCE src/front/inflate/main.cc ROOMS store DYNAMIC)
target_link_libraries(tare-inflate PRIVATE codec_isal)
target_link_options(tare-inflate PRIVATE -Wl,--as-needed)

# tare_tiny_program(NAME sources...): a program without a C library (src/sys/bare.h). One that only
# sleeps costs about 20 kB of memory of its own; with static glibc it is 690 kB.
function(tare_tiny_program name)
  add_executable(${name} ${ARGN})
  target_include_directories(${name} PRIVATE src)
  target_compile_options(${name} PRIVATE
    -ffreestanding -fno-exceptions -fno-rtti -fno-threadsafe-statics -fno-pie
    -fno-asynchronous-unwind-tables -fno-unwind-tables -fno-sanitize=all
    -fno-profile-arcs -fno-test-coverage -U_FORTIFY_SOURCE -mstack-protector-guard=global -O2)
  target_link_options(${name} PRIVATE
    -nostdlib -static -no-pie -fno-sanitize=all -Wl,--build-id=none -Wl,-z,noexecstack
    $<$<CONFIG:Release>:-s>)
endfunction()

file(GLOB keeper_sources CONFIGURE_DEPENDS src/keeper/*.cc)
list(FILTER keeper_sources EXCLUDE REGEX "_test\\.cc$")
tare_tiny_program(tare-keeper ${keeper_sources})
tare_tiny_program(tare-init src/init/main.cc)

# The manual pages, made by the programs from their own tables of commands.
if(NOT TARE_FUZZ)
  add_custom_command(TARGET tare-oci POST_BUILD VERBATIM
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/man
    COMMAND sh -c "$<TARGET_FILE:tare-oci> man > ${CMAKE_BINARY_DIR}/man/tare-oci.8")
  add_custom_command(TARGET tare POST_BUILD VERBATIM
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/man
    COMMAND sh -c "$<TARGET_FILE:tare> man > ${CMAKE_BINARY_DIR}/man/tare.1")
endif()

# The other programs are looked for beside tare.
install(TARGETS tare tare-oci tare-net tare-keeper tare-init tare-transfer tare-record tare-inflate RUNTIME DESTINATION bin)
install(FILES ${CMAKE_BINARY_DIR}/man/tare.1 DESTINATION share/man/man1)
install(FILES ${CMAKE_BINARY_DIR}/man/tare-oci.8 DESTINATION share/man/man8)
foreach(pair "bash|share/bash-completion/completions/tare" "zsh|share/zsh/site-functions/_tare"
             "fish|share/fish/vendor_completions.d/tare.fish")
  string(REPLACE "|" ";" pair ${pair})
  list(GET pair 0 shell)
  list(GET pair 1 place)
  install(CODE "execute_process(COMMAND ${CMAKE_BINARY_DIR}/bin/tare completion ${shell}
      OUTPUT_FILE ${CMAKE_BINARY_DIR}/man/completion.${shell} COMMAND_ERROR_IS_FATAL ANY)")
  get_filename_component(directory ${place} DIRECTORY)
  get_filename_component(name ${place} NAME)
  install(FILES ${CMAKE_BINARY_DIR}/man/completion.${shell} DESTINATION ${directory} RENAME ${name})
endforeach()
