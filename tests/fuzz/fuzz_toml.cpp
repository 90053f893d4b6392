// libFuzzer target: the configuration readers: a sweep, an experiment, a run.toml.
#include "config/experiment.h"
#include "config/run_config.h"
#include "config/sweep_spec.h"
#include "fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace aunet;
  const std::string input(reinterpret_cast<const char*>(data), size);
  const InputFile file(input, ".toml");
  expect_answer([&] { read_sweep_spec(file.path()); });
  expect_answer([&] { read_experiment(file.path()); });
  expect_answer([&] {
    const RunConfig run = parse_run_config(input, "run.toml");
    // what was read is what is written
    if (to_toml(parse_run_config(to_toml(run), "again.toml")) != to_toml(run)) std::abort();
  });
  return 0;
}
