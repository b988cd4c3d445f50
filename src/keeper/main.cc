// SPDX-License-Identifier: Apache-2.0
#include "keeper/keeper.h"
#include "sys/bare_start.h"

int bare_main(int argc, char** argv, char** envp) {
  static tare::keeper::Options options;
  const char* wrong = tare::keeper::parse_options(argc, argv, options);
  if (wrong == nullptr) return tare::keeper::keep(options, envp);
  tare::bare::Text<512> message;
  message.add("tare-keeper: argument '").add(wrong).add("' is missing or wrong\n");
  tare::bare::write(2, message.text(), message.size());
  return 125;
}
