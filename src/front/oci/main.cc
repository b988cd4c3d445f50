// SPDX-License-Identifier: Apache-2.0
// The program `tare-oci`.
#include "front/oci/program.h"

int main(int argc, char** argv) {
  const std::span<const char* const> words(argv, static_cast<std::size_t>(argc));
  return tare::front_oci::run_program(words.subspan(argc > 0 ? 1 : 0));
}
