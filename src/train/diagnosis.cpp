#include "train/diagnosis.h"

#include "config/schedule.h"
#include "data/stream.h"
#include "data/utf8.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace aunet {

namespace {

constexpr int64_t kRates = 5, kHeadBytes = 80;
constexpr size_t kDocuments = 32;

/// Adds the squares of a tensor's values; the count of those that are no number goes to `not_finite`.
double squares(const at::Tensor& tensor, int64_t& not_finite) {
  const at::Tensor values = tensor.detach().to(at::kCPU, at::kDouble);
  not_finite += values.numel() - at::isfinite(values).sum().item<int64_t>();
  return values.pow(2).sum().item<double>();
}

double norm_of(double sum) {
  return std::isfinite(sum) ? std::sqrt(sum) : std::numeric_limits<double>::quiet_NaN();
}

std::vector<DiagnosisRecord::Norms> norms(LanguageModel& model) {
  std::vector<DiagnosisRecord::Norms> parts;  // holds sums of squares until the end
  const auto weights = model.official_parameters(), gradients = model.official_gradients();
  for (size_t i = 0; i < weights.size(); ++i) {
    const std::string name = part_of(weights[i].first);
    auto part = std::find_if(parts.begin(), parts.end(), [&](const auto& p) { return p.part == name; });
    if (part == parts.end()) part = parts.insert(parts.end(), {.part = name});
    int64_t ignored = 0;
    part->weight += squares(weights[i].second, ignored);
    part->grad += squares(gradients[i].second, part->not_finite);
  }
  for (auto& part : parts) {
    part.weight = norm_of(part.weight);
    part.grad = norm_of(part.grad);
  }
  return parts;
}

/// Index of a document among those of its source.
int64_t index_in_source(const Corpus& corpus, int64_t document) {
  return document - corpus.documents_of(corpus.source(document)).first;
}

void add_documents(DiagnosisRecord& record, const RunConfig& run, const Corpus& train) {
  const TrainingStream stream(train, run.data, run.seeds.data);
  const int64_t first = (record.step - 1) * run.horizon.batch_windows;
  const int64_t last = std::min(first + run.horizon.batch_windows, run.horizon.windows);
  std::vector<int64_t> seen;
  for (int64_t w = first; w < last; ++w) {
    for (const Span& span : stream.window(w).spans) {
      if (std::find(seen.begin(), seen.end(), span.document) == seen.end()) seen.push_back(span.document);
    }
  }
  record.n_documents = static_cast<int64_t>(seen.size());
  for (size_t i = 0; i < std::min(seen.size(), kDocuments); ++i) {
    const auto text = train.text(seen[i]);
    const size_t source = train.source(seen[i]);
    record.documents.push_back({source < run.data.train.size() ? run.data.train[source].path : "",
                                index_in_source(train, seen[i]),
                                std::string(text.substr(0, utf8_cut(text, 0, kHeadBytes)))});
  }
}

}  // namespace

std::string part_of(const std::string& parameter) {
  int k = 0;
  if (parameter.starts_with("tok_embeddings")) return "embedding";
  if (std::sscanf(parameter.c_str(), "encoders.%d.", &k) == 1) return fmt::format("stage {} encoder", k + 1);
  if (std::sscanf(parameter.c_str(), "decoders.%d.", &k) == 1) return fmt::format("stage {} decoder", k + 1);
  if (std::sscanf(parameter.c_str(), "transitions.%d.", &k) == 1)
    return fmt::format("stage {} to {}", k + 1, k + 2);
  if (parameter.starts_with("trunk.") || parameter.starts_with("layers.")) return "trunk";
  return "head";
}

DiagnosisRecord diagnose(LanguageModel& model, const RunConfig& run, const Corpus& train, int64_t step,
                         int64_t attempt) {
  DiagnosisRecord record;
  record.attempt = attempt;
  record.step = step;
  const int64_t n_steps = total_steps(run.horizon);
  for (int64_t s = std::max<int64_t>(1, step - kRates + 1); s <= step; ++s)
    record.rates.push_back(run.optim.lr * rate_factor(run.schedule, s, n_steps));
  record.norms = norms(model);
  add_documents(record, run, train);
  return record;
}

}  // namespace aunet
