// SPDX-License-Identifier: Apache-2.0
// Device rules of version 2: a small program in the kernel's BPF machine, and its attachment.
// [bpf(2); linux/bpf.h: struct bpf_cgroup_dev_ctx]
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "sys/cgroup_devices.h"
#include "sys/fd.h"

namespace tare::sys::cgroups {
namespace {

constexpr char kProgramName[] = "tare_devices";
constexpr std::uint32_t kAllAccess = BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE;

enum Register : std::uint8_t {
  kResult = BPF_REG_0,
  kContext = BPF_REG_1,
  kType = BPF_REG_2,
  kLeft = BPF_REG_3,  // Kinds of access that no rule has decided yet.
  kMajor = BPF_REG_4,
  kMinor = BPF_REG_5
};

bpf_insn instruction(int code, int destination, int source, int offset, std::int32_t immediate) {
  bpf_insn out{};
  out.code = static_cast<std::uint8_t>(code);
  out.dst_reg = static_cast<std::uint8_t>(destination & 0xf);
  out.src_reg = static_cast<std::uint8_t>(source & 0xf);
  out.off = static_cast<std::int16_t>(offset);
  out.imm = immediate;
  return out;
}
bpf_insn load(Register to, std::size_t offset) {
  return instruction(BPF_LDX | BPF_MEM | BPF_W, to, kContext, static_cast<int>(offset), 0);
}
bpf_insn alu(int operation, Register to, std::uint32_t immediate) {
  return instruction(BPF_ALU | BPF_K | operation, to, 0, 0, static_cast<std::int32_t>(immediate));
}
bpf_insn jump_if(int operation, Register value, std::uint32_t immediate, int over) {
  return instruction(BPF_JMP32 | BPF_K | operation, value, 0, over,
                     static_cast<std::int32_t>(immediate));
}
bpf_insn leave() { return instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0); }

std::uint32_t access_bits(const std::string& access) {
  std::uint32_t bits = 0;
  for (const char c : access) {
    if (c == 'r') bits |= BPF_DEVCG_ACC_READ;
    if (c == 'w') bits |= BPF_DEVCG_ACC_WRITE;
    if (c == 'm') bits |= BPF_DEVCG_ACC_MKNOD;
  }
  return bits;
}

struct Condition {
  Register value;
  std::uint32_t wanted;
};

std::vector<Condition> conditions(const DeviceRule& rule) {
  std::vector<Condition> out;
  if (rule.type == 'b') out.push_back({kType, BPF_DEVCG_DEV_BLOCK});
  if (rule.type == 'c') out.push_back({kType, BPF_DEVCG_DEV_CHAR});
  if (rule.major) out.push_back({kMajor, *rule.major});
  if (rule.minor) out.push_back({kMinor, *rule.minor});
  return out;
}

// What a rule does with an access to one of its devices.
std::vector<bpf_insn> verdict(const DeviceRule& rule) {
  const std::uint32_t bits = access_bits(rule.access);
  if (rule.allow)
    return {alu(BPF_AND, kLeft, ~bits), jump_if(BPF_JNE, kLeft, 0, 2), alu(BPF_MOV, kResult, 1),
            leave()};
  if (bits == kAllAccess) return {alu(BPF_MOV, kResult, 0), leave()};
  return {instruction(BPF_ALU | BPF_X | BPF_MOV, kResult, kLeft, 0, 0), alu(BPF_AND, kResult, bits),
          jump_if(BPF_JEQ, kResult, 0, 2), alu(BPF_MOV, kResult, 0), leave()};
}

long bpf(int command, bpf_attr& attributes) {
  return ::syscall(SYS_bpf, command, &attributes, sizeof attributes);
}

Result<Fd> load_program(const std::vector<bpf_insn>& program) {
  bpf_attr attributes{};
  attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  attributes.insns = reinterpret_cast<std::uint64_t>(program.data());
  attributes.insn_cnt = static_cast<std::uint32_t>(program.size());
  static constexpr char kLicense[] = "Apache-2.0";
  attributes.license = reinterpret_cast<std::uint64_t>(kLicense);
  std::memcpy(attributes.prog_name, kProgramName, sizeof kProgramName);
  const long fd = bpf(BPF_PROG_LOAD, attributes);
  if (fd < 0) return fail_errno("load the device rules into the kernel (bpf)");
  return Fd(static_cast<int>(fd));
}

bool is_ours(int program) {
  bpf_prog_info info{};
  bpf_attr attributes{};
  attributes.info.bpf_fd = static_cast<std::uint32_t>(program);
  attributes.info.info_len = sizeof info;
  attributes.info.info = reinterpret_cast<std::uint64_t>(&info);
  return bpf(BPF_OBJ_GET_INFO_BY_FD, attributes) == 0 &&
         std::strncmp(info.name, kProgramName, sizeof info.name) == 0;
}

// The program that we attached to this group before; empty when there is none.
Fd find_ours(int group) {
  std::array<std::uint32_t, 64> ids{};
  bpf_attr attributes{};
  attributes.query.target_fd = static_cast<std::uint32_t>(group);
  attributes.query.attach_type = BPF_CGROUP_DEVICE;
  attributes.query.prog_ids = reinterpret_cast<std::uint64_t>(ids.data());
  attributes.query.prog_cnt = ids.size();
  if (bpf(BPF_PROG_QUERY, attributes) != 0) return Fd();
  for (std::uint32_t i = 0; i < attributes.query.prog_cnt && i < ids.size(); ++i) {
    bpf_attr by_id{};
    by_id.prog_id = ids[i];
    Fd program(static_cast<int>(bpf(BPF_PROG_GET_FD_BY_ID, by_id)));
    if (program && is_ours(program.get())) return program;
  }
  return Fd();
}

}  // namespace

std::vector<bpf_insn> compile_device_rules(const std::vector<DeviceRule>& rules) {
  std::vector<bpf_insn> out{load(kType, offsetof(bpf_cgroup_dev_ctx, access_type)),
                            instruction(BPF_ALU | BPF_X | BPF_MOV, kLeft, kType, 0, 0),
                            alu(BPF_AND, kType, 0xffff),
                            alu(BPF_RSH, kLeft, 16),
                            load(kMajor, offsetof(bpf_cgroup_dev_ctx, major)),
                            load(kMinor, offsetof(bpf_cgroup_dev_ctx, minor))};
  for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule) {
    const std::vector<Condition> all = conditions(*rule);
    const std::vector<bpf_insn> then = verdict(*rule);
    int over = static_cast<int>(all.size() + then.size());
    for (const Condition& each : all)
      out.push_back(jump_if(BPF_JNE, each.value, each.wanted, --over));
    out.insert(out.end(), then.begin(), then.end());
    // What follows would never run, which the kernel refuses.
    if (all.empty() && !rule->allow && access_bits(rule->access) == kAllAccess) return out;
  }
  out.push_back(alu(BPF_MOV, kResult, 0));
  out.push_back(leave());
  return out;
}

Result<> attach_device_program(const std::string& directory, const std::vector<DeviceRule>& rules) {
  const Fd group = TRY(open_path(directory, O_RDONLY | O_DIRECTORY));
  const Fd program = TRY(load_program(compile_device_rules(rules)));
  const Fd before = find_ours(group.get());
  bpf_attr attributes{};
  attributes.target_fd = static_cast<std::uint32_t>(group.get());
  attributes.attach_bpf_fd = static_cast<std::uint32_t>(program.get());
  attributes.attach_type = BPF_CGROUP_DEVICE;
  // Beside those of groups above and of systemd: all must allow an access.
  attributes.attach_flags = BPF_F_ALLOW_MULTI;
  if (before) {
    // One step, so that there is no moment without rules. Linux 5.6.
    attributes.attach_flags |= BPF_F_REPLACE;
    attributes.replace_bpf_fd = static_cast<std::uint32_t>(before.get());
  }
  if (bpf(BPF_PROG_ATTACH, attributes) != 0)
    return fail_errno("attach the device rules to " + directory);
  return {};
}

}  // namespace tare::sys::cgroups
