#include "data/segment_rule.h"

#include "data/bpe_hook.h"
#include "data/file_rule.h"
#include "data/make_boundary_rule.h"

namespace aunet {
namespace {

class StepByStep final : public SegmentRule {
 public:
  explicit StepByStep(std::unique_ptr<BoundaryRule> rule) : rule_(std::move(rule)) {}
  std::vector<int64_t> boundaries(std::string_view segment) override {
    std::vector<int64_t> at;
    rule_->start();
    for (size_t i = 0; i < segment.size(); ++i) {
      if (rule_->step(static_cast<uint8_t>(segment[i]))) at.push_back(static_cast<int64_t>(i));
    }
    return at;
  }

 private:
  std::unique_ptr<BoundaryRule> rule_;
};

}  // namespace

std::unique_ptr<SegmentRule> make_segment_rule(const SplitRule& rule) {
  const auto kind = kind_of_rule(rule.name);
  if (kind == "file") return std::make_unique<FileRule>(rule);
  if (kind == "bpe") return bpe_rules().segment(rule);
  return std::make_unique<StepByStep>(make_boundary_rule(rule));
}

}  // namespace aunet
