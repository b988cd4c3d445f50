// SPDX-License-Identifier: Apache-2.0
// Prints, as one JSON object, what a process inside a container sees of itself. Tests read it with
// jq.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void print_string(const char* text) {
  putchar('"');
  for (const unsigned char* c = (const unsigned char*)text; *c; ++c) {
    if (*c == '"' || *c == '\\')
      printf("\\%c", *c);
    else if (*c < 0x20)
      printf("\\u%04x", *c);
    else
      putchar(*c);
  }
  putchar('"');
}

static void print_field(const char* name, const char* value) {
  printf(",\n\"%s\": ", name);
  print_string(value);
}

// A file's lines as an array of strings; null when it cannot be read.
static void print_lines(const char* name, const char* path) {
  printf(",\n\"%s\": ", name);
  FILE* file = fopen(path, "re");
  if (!file) {
    printf("null");
    return;
  }
  char* line = NULL;
  size_t size = 0;
  ssize_t length;
  const char* separator = "";
  putchar('[');
  while ((length = getline(&line, &size, file)) > 0) {
    if (line[length - 1] == '\n') line[length - 1] = 0;
    printf("%s", separator);
    print_string(line);
    separator = ",\n  ";
  }
  putchar(']');
  free(line);
  (void)fclose(file);
}

// The value behind "Name:" in /proc/self/status.
static void print_status(const char* name, const char* key) {
  FILE* file = fopen("/proc/self/status", "re");
  char line[512];
  while (file && fgets(line, sizeof line, file)) {
    if (strncmp(line, key, strlen(key)) != 0 || line[strlen(key)] != ':') continue;
    char* value = line + strlen(key) + 1;
    value += strspn(value, " \t");
    value[strcspn(value, "\n")] = 0;
    print_field(name, value);
    break;
  }
  if (file) (void)fclose(file);
}

// Every open descriptor and what it leads to, but for the one that reads the directory.
static void print_descriptors(void) {
  printf(",\n\"fds\": {");
  DIR* dir = opendir("/proc/self/fd");
  const char* separator = "";
  struct dirent* entry;
  while (dir && (entry = readdir(dir))) {
    char target[512];
    if (entry->d_name[0] == '.' || atoi(entry->d_name) == dirfd(dir)) continue;
    const ssize_t length = readlinkat(dirfd(dir), entry->d_name, target, sizeof target - 1);
    target[length < 0 ? 0 : length] = 0;
    printf("%s", separator);
    print_string(entry->d_name);
    printf(": ");
    print_string(target);
    separator = ", ";
  }
  putchar('}');
  if (dir) (void)closedir(dir);
}

static void print_namespaces(void) {
  static const char* const kinds[] = {"user", "mnt", "pid", "net", "ipc", "uts", "cgroup", "time"};
  printf(",\n\"namespaces\": {");
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; ++i) {
    char path[64];
    char target[64];
    (void)snprintf(path, sizeof path, "/proc/self/ns/%s", kinds[i]);
    const ssize_t length = readlink(path, target, sizeof target - 1);
    target[length < 0 ? 0 : length] = 0;
    printf("%s\"%s\": ", i ? ", " : "", kinds[i]);
    print_string(target);
  }
  putchar('}');
}

int main(void) {
  char text[4096];
  printf("{\"pid\": %d, \"ppid\": %d, \"sid\": %d, \"uid\": %u, \"gid\": %u", getpid(), getppid(),
         getsid(0), getuid(), getgid());
  printf(",\n\"tty\": %s", isatty(0) ? "true" : "false");
  print_field("hostname", gethostname(text, sizeof text) ? strerror(errno) : text);
  print_field("cwd", getcwd(text, sizeof text) ? text : strerror(errno));
  print_status("groups", "Groups");
  print_status("cap_inheritable", "CapInh");
  print_status("cap_permitted", "CapPrm");
  print_status("cap_effective", "CapEff");
  print_status("cap_bounding", "CapBnd");
  print_status("cap_ambient", "CapAmb");
  print_status("no_new_privs", "NoNewPrivs");
  print_status("seccomp", "Seccomp");
  printf(",\n\"dumpable\": %d", prctl(PR_GET_DUMPABLE));
  const mode_t mask = umask(0);
  printf(",\n\"umask\": \"%04o\"", mask);
  // A keyring of its own: the serial number differs between containers. [session-keyring(7)]
  printf(",\n\"session_keyring\": %ld",
         syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0));
  print_lines("uid_map", "/proc/self/uid_map");
  print_lines("gid_map", "/proc/self/gid_map");
  print_lines("cgroup", "/proc/self/cgroup");
  print_lines("mountinfo", "/proc/self/mountinfo");
  print_descriptors();
  print_namespaces();
  printf("}\n");
  return 0;
}
