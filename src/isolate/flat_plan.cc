// SPDX-License-Identifier: Apache-2.0
#include "isolate/flat_plan.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <type_traits>

#include "sys/fd.h"
#include "sys/rights.h"

namespace tare::isolate {
namespace {

using child::List;

class Flattener {
 public:
  explicit Flattener(FlatPlan& flat) : flat_(flat) {
    constexpr std::size_t kUsual = 8 << 10;
    flat_.bytes.reserve(kUsual);
    flat_.bytes.resize(sizeof(child::Plan));  // The plan itself is first.
  }

  void finish(const child::Plan& plan) { std::memcpy(flat_.bytes.data(), &plan, sizeof plan); }

  // Where a copy of them will be.
  template <typename T>
  T* array(const T* items, std::size_t count) {
    if (items == nullptr) return nullptr;
    constexpr std::size_t kAlign = alignof(std::max_align_t);
    flat_.bytes.resize((flat_.bytes.size() + kAlign - 1) / kAlign * kAlign);
    const std::uintptr_t address = child::kPlanAddress + flat_.bytes.size();
    flat_.bytes.append(reinterpret_cast<const char*>(items), count * sizeof(T));
    return reinterpret_cast<T*>(address);  // NOLINT(performance-no-int-to-ptr)
  }
  void text(const char*& text) {
    if (text != nullptr) text = array(text, std::strlen(text) + 1);
  }
  // Ends with a null pointer.
  template <typename Word>
  Word* words(Word* words) {
    if (words == nullptr) return nullptr;
    std::vector<std::remove_const_t<Word>> copies;
    for (; *words != nullptr; ++words) {
      const char* copy = *words;
      text(copy);
      copies.push_back(const_cast<Word>(copy));
    }
    copies.push_back(nullptr);
    return array(copies.data(), copies.size());
  }
  // `fix` flattens what an item points to.
  template <typename T, typename Fix>
  void list(List<T>& list, Fix fix) {
    std::vector<T> copies(list.items, list.items + list.count);
    for (T& copy : copies) fix(copy);
    list.items = array(copies.data(), copies.size());
  }
  template <typename T>
  void list(List<T>& list) {
    list.items = array(list.items, list.count);
  }

 private:
  FlatPlan& flat_;
};

void flatten_hooks(Flattener& flat, child::Hooks& hooks) {
  flat.list(hooks.hooks, [&](child::Hook& hook) {
    flat.text(hook.path);
    hook.argv = flat.words(hook.argv);
    hook.envp = flat.words(hook.envp);
  });
}

void flatten_mount(Flattener& flat, child::Mount& mount) {
  flat.text(mount.target);
  flat.text(mount.type);
  flat.text(mount.source_name);
  flat.list(mount.options, [&](child::Option& option) {
    flat.text(option.key);
    flat.text(option.value);
  });
}

void flatten_container(Flattener& flat, child::Container& container) {
  flat.text(container.root_place);
  flat.text(container.hostname);
  flat.text(container.domainname);
  flat.list(container.mounts, [&](child::Mount& mount) { flatten_mount(flat, mount); });
  container.made = flat.array(container.made, container.mounts.count);
  flat.list(container.devices, [&](child::Device& device) { flat.text(device.path); });
  flat.text(container.files_size);
  flat.list(container.files, [&](child::File& file) {
    flat.text(file.target);
    file.content = flat.array(file.content, file.size);
  });
  flat.list(container.read_only_paths, [&](const char*& path) { flat.text(path); });
  flat.list(container.masked_paths, [&](const char*& path) { flat.text(path); });
  flat.list(container.sysctls, [&](child::Sysctl& sysctl) {
    flat.text(sysctl.path);
    sysctl.value = flat.array(sysctl.value, sysctl.size);
  });
  flatten_hooks(flat, container.create_hooks);
}

void flatten_process(Flattener& flat, child::Process& process) {
  constexpr unsigned kBits = 8 * sizeof(unsigned long);
  process.argv = flat.words(process.argv);
  process.envp = flat.words(process.envp);
  process.candidates = flat.words(process.candidates);
  process.init_argv = flat.words(process.init_argv);
  flat.text(process.cwd);
  flat.list(process.groups);
  flat.list(process.filter);
  flat.list(process.rlimits);
  process.memory_policy.nodes =
      flat.array(process.memory_policy.nodes, (process.memory_policy.bits + kBits - 1) / kBits);
  flat.text(process.label);
  flat.text(process.label_path);
  flatten_hooks(flat, process.start_hooks);
}

Result<> send_some(int channel, const child::Handover& handover, std::span<const int> fds) {
  sys::RightsMessage<child::kDescriptorsAMessage> message(&handover, sizeof handover);
  message.put(fds.data(), fds.size());
  if (::sendmsg(channel, message.header(), MSG_NOSIGNAL) < 0)
    return fail_errno("give the new process its plan");
  return {};
}

}  // namespace

Result<FlatPlan> flatten(const child::Plan& plan) {
  FlatPlan flat;
  Flattener flattener(flat);
  const auto as_index = [&flat](int& fd) {
    if (fd < 0) return;
    flat.descriptors.push_back(fd);
    fd = static_cast<int>(flat.descriptors.size()) - 1;
  };
  child::Plan copy = plan;
  if (plan.container != nullptr) {
    child::Container container = *plan.container;
    // The lists first: what is changed in them must be the copies.
    std::vector<child::Mount> mounts(container.mounts.items,
                                     container.mounts.items + container.mounts.count);
    std::vector<child::Device> devices(container.devices.items,
                                       container.devices.items + container.devices.count);
    container.mounts.items = mounts.data();
    container.devices.items = devices.data();
    child::for_each_descriptor(container, as_index);
    flatten_container(flattener, container);
    copy.container = flattener.array(&container, 1);
  }
  if (plan.entry != nullptr) {
    child::Entry entry = *plan.entry;
    as_index(entry.pidfd);
    copy.entry = flattener.array(&entry, 1);
  }
  child::for_each_descriptor(copy.process, as_index);
  flatten_process(flattener, copy.process);
  flattener.finish(copy);
  if (flat.descriptors.size() >= child::kMostDescriptors)
    return fail(Kind::Invalid, "the container has more than 4,000 mounts and devices");
  return flat;
}

Result<> hand_over(int channel, const FlatPlan& plan) {
  const sys::Fd file = TRY(sys::make_memfd("plan"));
  TRY(sys::write_all(file.get(), plan.bytes), "write the plan of the new process");
  std::vector<int> fds{file.get()};
  fds.insert(fds.end(), plan.descriptors.begin(), plan.descriptors.end());
  const child::Handover handover{.size = plan.bytes.size(),
                                 .descriptors = static_cast<std::uint32_t>(fds.size())};
  for (std::span<const int> rest = fds; !rest.empty();) {
    const std::size_t some = std::min(rest.size(), child::kDescriptorsAMessage);
    TRY(send_some(channel, handover, rest.first(some)));
    rest = rest.subspan(some);
  }
  return {};
}

}  // namespace tare::isolate
