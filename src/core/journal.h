// A run's journal: `journal.jsonl` in the run directory, append-only, one JSON object a line, each with
// "type". The trainer writes it, the supervisor and the ingest read it. Nothing else connects them.
//
// A step may occur in several attempts (a resume repeats the steps since its checkpoint): the row of
// the last attempt counts. Cumulative fields count from the first step of the run, whatever the attempt.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace aunet {

/// A process began to work on the run. type "attempt"
struct AttemptRecord {
  int64_t attempt = 0;           // 1, 2, ...
  std::string started{};         // ISO 8601 UTC
  int64_t from_step = 0;         // 0, or the step of the checkpoint it resumed from
  std::string from_run{};        // key of the run whose checkpoint that was; "": its own
  std::string host{}, device{};  // "cpu: Intel(R) ... x1", "cuda: NVIDIA H100"
  int64_t pid = 0, threads = 1;
  std::string commit{}, dirty_diff_hash{}, torch_version{}, command{};
  // core/machine.h; journals of earlier releases have none of these.
  std::string gpu{}, driver{};  // GPUs of the host in words, version of their driver; "" on a CPU
  std::string libraries{};      // "g++ 12.2.0, glibc 2.36, pcre2 10.42"
  std::string environment{};    // what of it matters: "CUDA_VISIBLE_DEVICES=1 OMP_NUM_THREADS=2"
};

/// One optimizer step. type "step"
struct StepRecord {
  int64_t attempt = 0, step = 0;  // step counts from 1: after it, `step` steps are done
  int64_t text_bytes = 0;         // cumulative text bytes trained on
  int64_t units = 0;              // cumulative target units (bytes + marks, or tokens + marks)
  double flops_useful = 0, flops_paper = 0, flops_executed = 0;  // cumulative
  double loss_nats = 0;                                          // mean over this step's target units
  double loss_bpb = 0;           // nats of this step's targets / ln 2 / its text bytes
  double lr = 0, grad_norm = 0;  // grad_norm before clipping
  double seconds = 0;            // of this step
  // Rows of this step's batch that max_seqlens cut, over all stages; absent when there are none.
  std::optional<int64_t> cut_rows{};
};

/// A checkpoint is complete and durable. type "checkpoint"
struct CheckpointRecord {
  int64_t attempt = 0, step = 0;
  std::string path{};  // relative to the run directory
};

/// Bits per byte of a text the run did not train on. type "eval"
struct EvalRecord {
  int64_t attempt = 0, step = 0;
  std::string split{};  // "heldout", or the name of an [[eval]]
  double nats = 0;      // summed over scored units
  int64_t text_bytes = 0, units = 0, documents = 0;
  double loss_nats = 0;    // nats / units
  double loss_bpb = 0;     // nats / ln 2 / text_bytes
  std::string eval_key{};  // hash of key, held-out fingerprint, scorer version
  double seconds = 0;
};

/// A gate's verdict. type "gate"
struct GateRecord {
  int64_t attempt = 0, step = 0;
  std::string gate{};     // "causal"
  std::string verdict{};  // "pass" | "leak" | "fail"
  double leak_rate = 0;   // share of held-out bytes whose level depends on later bytes
  std::string detail{};
  // Journals of earlier releases have none of these (their leak_rate was the share of perturbations that
  // moved an earlier level or logit).
  std::optional<int64_t> perturbations{};  // texts whose future was changed
  std::optional<int64_t> positions{};      // held-out bytes whose levels were compared
  std::optional<int64_t> leaky_bytes{},
      clean_bytes{};                               // of a leak: bytes predicted with and without its help
  std::optional<double> bpb_leaky{}, bpb_clean{};  // bits per byte there
  std::optional<double> seconds{};                 // that the gate took
};

/// An attempt ended in an orderly way. type "end". A killed attempt leaves none.
struct EndRecord {
  int64_t attempt = 0, step = 0;
  std::string status{};  // "done" | "failed" | "interrupted" | "stopped"
  /// "" | "nan" | "diverged" | "oom" | "disk" | "gate" | "crash" | "signal" | "config" | "preempted" |
  /// "timeout"; of "interrupted" also "retry": a failed run that `aunet retry` has marked, the old cause in
  /// its message
  std::string cause{};
  std::string message{};
  // Of the process that ended; journals of earlier releases, and of ends that others wrote, have none of
  // these.
  std::optional<int64_t> peak_bytes{};    // its largest resident memory (host memory, also of a run on a GPU)
  std::optional<double> seconds{};        // since it was started
  std::optional<double> start_seconds{};  // of them, until the first step began
};

/// What a run looked like at the step that failed it as "nan" or "diverged". type "diagnosis", before the end
/// record.
struct DiagnosisRecord {
  struct Norms {
    std::string part{};           // "embedding", "stage 1 encoder", "trunk", "stage 1 decoder", "head"
    double weight = 0, grad = 0;  // Euclidean; grad before clipping; NaN where a value is not finite
    int64_t not_finite = 0;       // gradient values that are no number
  };
  struct Text {
    std::string source{};  // path of the training file
    int64_t document = 0;  // its index there, from 0
    std::string head{};    // its first 80 bytes, cut at a character
  };
  int64_t attempt = 0, step = 0;
  std::vector<double> rates{};    // of the last steps, oldest first
  std::vector<Norms> norms{};     // weights as they gave the step's loss; from the input to the output
  std::vector<Text> documents{};  // of the step's batch, in order; the first few dozen
  int64_t n_documents = 0;        // of the batch in all
};

using JournalRecord = std::variant<AttemptRecord, StepRecord, CheckpointRecord, EvalRecord, GateRecord,
                                   EndRecord, DiagnosisRecord>;

std::string to_json_line(const JournalRecord& record);  ///< no newline; doubles round-trip
/// Throws Error (`path:line: ...`) on a broken line that is not the last; a torn last line is skipped.
std::vector<JournalRecord> read_journal(const std::string& path);
/// Parses one line; nullopt when it is not valid JSON of a known type.
std::optional<JournalRecord> parse_journal_line(const std::string& line);

/// What a journal says about its run, without reading every step twice.
struct JournalSummary {
  std::string status =
      "new";  // new | running (no end record in the last attempt) | done | failed | interrupted | stopped
  std::string cause{}, message{};
  int64_t attempts = 0, last_step = 0, steps_executed = 0;
  std::optional<StepRecord> last;
  std::optional<EvalRecord> final_eval;  // last "heldout"
  std::optional<GateRecord> final_gate;
  std::optional<std::string> latest_checkpoint;
};
JournalSummary summarize(const std::vector<JournalRecord>& records);

}  // namespace aunet
