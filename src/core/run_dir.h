// Where things lie. A run directory is the truth: everything in sweep.db can be rebuilt from it.
//
//   RUNS/KEY/run.toml            resolved configuration (config/run_config.h)
//   RUNS/KEY/journal.jsonl       core/journal.h
//   RUNS/KEY/checkpoints/step-00000100/{model.safetensors,optim.safetensors,state.json}
//   RUNS/KEY/eval/               per-document sums of evaluations
//   RUNS/KEY/lock                flock held by the process that works on the run
//   RUNS/KEY/log.txt             its stderr
//   RUNS/KEY/stop                somebody asked it to stop (sweep/stop_request.h); gone with the next start
//   RUNS/KEY/tokenizer.tiktoken  copy of the BPE that the run uses, when it uses any: a rank file or a
//                                tokenizer.json, as its content says
//   RUNS/KEY/split-1             what the first split rule reads, an n-gram model or a BPE; split-2, ...
//   RUNS/plans/NAME.json         last plan of a sweep: which keys are its cells, and as what
//   RUNS/plans/NAME.lock         flock held by its supervisor; says who that is
//   RUNS/plans/NAME.stop         somebody asked the sweep to stop
//   RUNS/cache/                  tokenizers and corpus statistics, by fingerprint; may be deleted
#pragma once

#include <string>

namespace aunet {

struct RunDir {
  std::string path;
  std::string run_toml() const { return path + "/run.toml"; }
  std::string journal() const { return path + "/journal.jsonl"; }
  std::string checkpoints() const { return path + "/checkpoints"; }
  std::string eval() const { return path + "/eval"; }
  std::string lock() const { return path + "/lock"; }
  std::string log() const { return path + "/log.txt"; }
  std::string stop() const { return path + "/stop"; }
  std::string tokenizer() const { return path + "/tokenizer.tiktoken"; }
  std::string split(size_t rule) const { return path + "/split-" + std::to_string(rule + 1); }
};

struct RunsRoot {
  std::string path;
  RunDir run(const std::string& key) const { return {path + "/" + key}; }
  std::string plan(const std::string& sweep) const { return path + "/plans/" + sweep + ".json"; }
  std::string sweep_lock(const std::string& sweep) const { return path + "/plans/" + sweep + ".lock"; }
  std::string sweep_stop(const std::string& sweep) const { return path + "/plans/" + sweep + ".stop"; }
  std::string cache() const { return path + "/cache"; }
};

}  // namespace aunet
