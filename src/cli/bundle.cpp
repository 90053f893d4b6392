#include "cli/bundle.h"

#include "cli/bundle_file.h"
#include "cli/find_run.h"
#include "core/error.h"
#include "core/text.h"

#include <fmt/format.h>

#include <filesystem>

namespace aunet {
namespace po = boost::program_options;

namespace {

void print_bundle(const Bundle& bundle, const std::string& path) {
  const RunResult& expected = bundle.expected;
  fmt::print("{}: run {}, {} files, {}\n", path, bundle.key, bundle.n_files,
             human_bytes(static_cast<double>(std::filesystem::file_size(path))));
  fmt::print("expected: {} steps", expected.steps);
  for (const RunResult::Eval& eval : expected.evals)
    fmt::print(", {} {:.4f} bits/byte", eval.split, eval.loss_bpb);
  fmt::print(", weights {}\n", expected.weights_hash.empty() ? "not recorded (the final checkpoint is gone)"
                                                             : expected.weights_hash);
  const NumericsRecord& numerics = expected.numerics;
  fmt::print("numerics: {} threads, {}, {}, torch {}\n", numerics.threads, numerics.device,
             numerics.instruction_set.empty() ? numerics.hardware : numerics.instruction_set,
             numerics.torch_version.empty() ? "unknown" : numerics.torch_version);
  int64_t n_sources = 0, text_bytes = 0;
  for_each_source(bundle.data, [&](const std::string&, const SourceRecord& source) {
    ++n_sources;
    text_bytes += source.text_bytes;
  });
  fmt::print("data: {} sources, {} of text{}\n", n_sources, human_bytes(static_cast<double>(text_bytes)),
             bundle.has_data ? ", included" : ", named by fingerprint and not included (--with-data)");
}

}  // namespace

int cmd_bundle(const Args& args) {
  po::options_description options("options");
  std::string name, output, runs = "runs";
  bool with_data = false;
  options.add_options()("run", po::value(&name)->required(),
                        "run directory, or the beginning of a key in RUNS")(
      "output,o", po::value(&output)->required(), "file to write")(
      "runs", po::value(&runs)->default_value(runs), "folder of run directories")(
      "with-data", po::bool_switch(&with_data), "the texts too: they may be large, or not yours to pass on");
  po::variables_map values;
  if (!parse_command_line(
          args,
          "aunet bundle KEY -o FILE [options]\n\n"
          "Writes a finished run as one file (a tar): configuration, tokenizer, what its split\n"
          "rules read, fingerprints of its data, code version, environment, expected values.",
          "aunet bundle 0123abcd -o cell.bundle", options, {"run"}, values)) {
    return static_cast<int>(ExitCode::Done);
  }
  print_bundle(write_bundle(find_run(runs, name), output, with_data), output);
  return static_cast<int>(ExitCode::Done);
}

}  // namespace aunet
