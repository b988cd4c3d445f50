// SPDX-License-Identifier: Apache-2.0
// --check-reproducible: the same build twice.
#include <sched.h>
#include <sys/stat.h>

#include <thread>

#include "engine/build.h"
#include "engine/build_workshop.h"
#include "store/layers.h"

namespace tare::engine {
namespace {

// What should not matter to a build, changed until the end of this.
class OtherCircumstances {
 public:
  OtherCircumstances() : umask_(::umask(0077)) {
    CPU_ZERO(&processors_);
    if (::sched_getaffinity(0, sizeof processors_, &processors_) != 0) return;
    cpu_set_t one;
    CPU_ZERO(&one);
    for (std::size_t i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++i)
      if (CPU_ISSET(i, &processors_)) CPU_SET(i, &one);
    has_one_ = ::sched_setaffinity(0, sizeof one, &one) == 0;
  }
  OtherCircumstances(const OtherCircumstances&) = delete;
  OtherCircumstances& operator=(const OtherCircumstances&) = delete;
  ~OtherCircumstances() {
    if (has_one_) (void)::sched_setaffinity(0, sizeof processors_, &processors_);
    ::umask(umask_);
  }

 private:
  mode_t umask_;
  cpu_set_t processors_{};
  bool has_one_ = false;
};

// Programs note seconds, so that the second build must not begin in the second of the first.
void await_next_second() {
  constexpr UnixNanos kSecond = 1'000'000'000;
  std::this_thread::sleep_for(std::chrono::nanoseconds(kSecond - now_ns() % kSecond));
}

}  // namespace

Result<Checked> check_reproducible(Engine& engine, const build::BuildRequest& request,
                                   build::Reporter& reporter,
                                   const image::TransferProgress& progress) {
  Checked checked{.built = TRY(build_image(engine, request, reporter, progress)),
                  .different = std::nullopt};
  await_next_second();
  BuildWorkshop workshop(engine, progress);
  workshop.use(request);
  workshop.use_other_order();
  workshop.keep_no_steps();
  TRY(workshop.begin());
  build::BuildRequest again = request;
  again.is_check = true;
  again.pull = false;
  const auto compare = [&]() -> Result<> {
    const OtherCircumstances circumstances;
    const build::Built second = TRY(build::build(workshop, again, reporter));
    const store::Store& store = BuildWorkshop::store_of(engine);
    checked.different =
        TRY(build::compare_builds(checked.built.trace, second.trace, [&](const Digest& diff_id) {
          return store::load_layer(store, diff_id);
        }));
    return {};
  };
  TRY(compare());
  return checked;
}

}  // namespace tare::engine
