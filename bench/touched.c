// SPDX-License-Identifier: Apache-2.0
// Which code of a program runs, for tools/link-order: executes it one instruction at a time and
// writes the address of the first instruction in every 16 bytes, in the order in which they are
// reached.
//
// usage: bench-touched OUT FROM UNTIL PROGRAM [ARGUMENT...]   FROM and UNTIL: hexadecimal addresses
// Exits with the program's status. Its children run at full speed and are not looked at.
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>
// Last: it has the numbers of register sets, and <sys/ptrace.h> the requests.
#include <elf.h>

enum { kGrain = 16 };

static unsigned long program_counter(pid_t pid) {
  struct user_regs_struct registers;
  struct iovec room = {&registers, sizeof registers};
  if (ptrace(PTRACE_GETREGSET, pid, (void*)NT_PRSTATUS, &room) != 0) return 0;
#if defined(__x86_64__)
  return registers.rip;
#else
  return registers.pc;
#endif
}

int main(int argc, char** argv) {
  if (argc < 5) {
    (void)fputs("usage: bench-touched OUT FROM UNTIL PROGRAM [ARGUMENT...]\n", stderr);
    return 2;
  }
  const unsigned long from = strtoul(argv[2], NULL, 16);
  const unsigned long until = strtoul(argv[3], NULL, 16);
  FILE* const out = fopen(argv[1], "w");
  char* const seen = calloc((until - from) / kGrain + 1, 1);
  if (out == NULL || seen == NULL) {
    perror(argv[1]);
    return 2;
  }
  const pid_t pid = fork();
  if (pid == 0) {
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    execv(argv[4], argv + 4);
    perror(argv[4]);
    _exit(127);
  }
  int status = 0;
  while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
    const long number = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
    const unsigned long at = program_counter(pid);
    if (at >= from && at < until && !seen[(at - from) / kGrain]) {
      seen[(at - from) / kGrain] = 1;
      (void)fprintf(out, "%lx\n", at);
    }
    ptrace(PTRACE_SINGLESTEP, pid, NULL, number);
  }
  return fclose(out) == 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}
