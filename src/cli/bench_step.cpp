#include "cli/bench_step.h"

#include "baselines/make_model.h"
#include "budget/flops.h"
#include "cli/device.h"
#include "cli/model_flags.h"
#include "config/run_config.h"
#include "core/error.h"
#include "core/file.h"
#include "core/random.h"
#include "core/text.h"
#include "data/batch.h"
#include "nn/adamw.h"
#include "nn/allocator.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>

namespace aunet {

namespace {

namespace po = boost::program_options;

constexpr double kMeanWord = 4.9;  // bytes, spaces included: web text (paper.md 1.3), as the peer

po::options_description step_options() {
  po::options_description o("options");
  const auto text = [](const char* v) { return po::value<std::string>()->default_value(v); };
  const auto number = [](int64_t v) { return po::value<int64_t>()->default_value(v); };
  o.add_options()("experiment", po::value<std::string>(),
                  "experiment file to take model, batch and optimizer from")(
      "model", text("aunet"), "aunet or llama")("dims", text("64,256"), "width per stage")(
      "layers", text("2,4"), "blocks per stage")("head-dims", text("32,64"), "head width per stage")(
      "windows", text("128,512"), "keys a query sees, per stage")("seqlens", text("1024,256"),
                                                                  "rows per stage; the first counts")(
      "vocab", number(0), "ids (0: 258 for aunet, 128256 for llama)")(
      "multiple-of", number(32), "feed-forward width step")("batch", number(4), "sequences a step")(
      "steps", number(10), "steps timed")("warmup", number(3), "steps before")(
      "threads", number(0), "threads (0: as torch decides)")(
      "data", po::value<std::string>(), "text file instead of synthetic words")("device", text("cpu"),
                                                                                "cpu or cuda")(
      "dtype", text(""), "activations on cuda: float32 or bfloat16 (default)")("json", po::bool_switch(),
                                                                               "print one JSON object");
  return o;
}

/// Bytes of `batch` sequences: from the file (as the peer's --data), or random letters cut into words.
std::vector<int32_t> bench_bytes(const po::variables_map& v, int64_t n) {
  std::vector<int32_t> ids(static_cast<size_t>(n));
  if (v.count("data")) {
    const std::string text = read_file(v["data"].as<std::string>());
    if (static_cast<int64_t>(text.size()) < n)
      throw ConfigError(fmt::format("--data: expected {} bytes, got {}", n, text.size()));
    for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<unsigned char>(text[i]);
    return ids;
  }
  RandomStream stream(0, "bench.words");
  for (int32_t& id : ids)
    id = stream.uniform() < 1 / kMeanWord ? ' ' : static_cast<int32_t>('a' + stream.below(26));
  return ids;
}

/// A word ends at each space or line feed, a pair of words at every second one; deeper stages halve again.
std::vector<Sequence> bench_sequences(const po::variables_map& v, const ModelConfig& model) {
  const int64_t batch = v["batch"].as<int64_t>(),
                length = positive_integers(v["seqlens"].as<std::string>(), "seqlens")[0];
  const std::vector<int32_t> ids = bench_bytes(v, batch * (length + 1));
  const auto* aunet = std::get_if<AunetConfig>(&model);
  const int64_t vocab = aunet ? aunet->vocab_size : std::get<TransformerConfig>(model).vocab_size;
  std::vector<Sequence> sequences(static_cast<size_t>(batch));
  for (int64_t s = 0; s < batch; ++s) {
    Sequence& q = sequences[static_cast<size_t>(s)];
    int64_t words = 0;
    for (int64_t i = 0; i <= length; ++i) {
      const int32_t id = ids[static_cast<size_t>(s * (length + 1) + i)];
      int32_t level = 0;
      if (id == ' ' || id == '\n') {
        ++words;
        for (int64_t n = words; aunet && level < static_cast<int32_t>(aunet->dimensions.size()) - 1; n /= 2) {
          ++level;
          if (n % 2 != 0) break;
        }
      }
      if (i < length) q.inputs.push_back(static_cast<int32_t>(id % vocab));
      if (i > 0) q.targets.push_back(static_cast<int32_t>(id % vocab));
      if (aunet && i < length) q.input_levels.push_back(level);
      if (aunet && i > 0) q.target_levels.push_back(level);
    }
    q.text_bytes = length;
  }
  return sequences;
}

double model_flops(const Batch& batch, const ModelConfig& model) {
  double total = 0;
  for (int64_t s = 0; s < batch.n_sequences; ++s) {
    std::vector<int64_t> rows;
    for (const auto& cu : batch.cu_rows)
      rows.push_back(cu[static_cast<size_t>(s) + 1] - cu[static_cast<size_t>(s)]);
    total += sequence_flops(model, rows, Convention::Useful).total();
  }
  return total;
}

int64_t peak_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return int64_t{1024} * usage.ru_maxrss;
}

/// Seconds of each timed step.
std::vector<double> time_steps(LanguageModel& model, const Batch& host, const at::Device& device,
                               int64_t warmup, int64_t steps) {
  const DeviceBatch batch = to_device(host, device);
  TargetCounts counts;
  counts += host;
  OptimConfig optim;
  AdamW optimizer(model.parameters(), optim);
  std::vector<double> seconds;
  for (int64_t i = 0; i < warmup + steps; ++i) {
    const auto start = std::chrono::steady_clock::now();
    optimizer.zero_grad();
    objective(model, model.loss(batch), counts).backward();
    optimizer.step(1e-4);  // reads the gradient norm on the host, so a GPU is done here too
    if (i >= warmup)
      seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds;
}

}  // namespace

int cmd_bench_step(const Args& args) {
  po::options_description options = step_options();
  po::variables_map v;
  if (!parse_command_line(
          args, "aunet bench step [EXPERIMENT.toml] [options]",
          "aunet bench step --dims 64,128 --layers 1,3 --head-dims 32,64 --windows 64,256 --seqlens 512,224",
          options, {"experiment"}, v))
    return static_cast<int>(ExitCode::Done);
  const std::string device = v["device"].as<std::string>();
  open_device(device, "--device");
  tune_allocator();
  if (v["threads"].as<int64_t>() > 0) at::set_num_threads(static_cast<int>(v["threads"].as<int64_t>()));
  const ModelConfig config =
      v.count("experiment") ? read_run_config(v["experiment"].as<std::string>()).model : model_from_flags(v);
  const std::shared_ptr<LanguageModel> model = make_model(config, 0);
  model->to(at::Device(device));
  if (device == "cuda" && v["dtype"].as<std::string>() != "float32") model->set_compute_type(at::kBFloat16);
  const Batch batch = pack(bench_sequences(v, config), config);
  const std::vector<double> seconds = time_steps(*model, batch, at::Device(device), v["warmup"].as<int64_t>(),
                                                 std::max<int64_t>(1, v["steps"].as<int64_t>()));
  const double median = seconds[seconds.size() / 2], flops = model_flops(batch, config) / median;
  int64_t params = 0;
  for (const auto& p : model->official_parameters()) params += p.second.numel();
  std::vector<int64_t> rows;
  for (int64_t k = 0; k < batch.n_stages(); ++k) rows.push_back(batch.rows(k));
  const double positions = static_cast<double>(batch.rows(0)) / median;
  if (v["json"].as<bool>()) {
    fmt::print("{}\n",
               nlohmann::json{{"positions_per_s", positions},
                              {"step_ms", {seconds.front() * 1e3, median * 1e3, seconds.back() * 1e3}},
                              {"peak_bytes", peak_bytes()},
                              {"params", params},
                              {"rows", rows},
                              {"model_tflops_per_s", flops / 1e12},
                              {"mfu", nullptr}}
                   .dump());
  } else {
    fmt::print("{:.2f} ms a step (min {:.2f}, max {:.2f}), {} positions/s, {} FLOP/s useful, {} parameters\n",
               median * 1e3, seconds.front() * 1e3, seconds.back() * 1e3, human_count(positions),
               human_flops(flops), human_count(static_cast<double>(params)));
  }
  return static_cast<int>(ExitCode::Done);
}

}  // namespace aunet
