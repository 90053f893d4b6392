#include "db/step_line.h"

#include <charconv>
#include <limits>
#include <type_traits>

namespace aunet {
namespace {

class Scanner {
 public:
  explicit Scanner(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  Scanner& literal(std::string_view text) {
    ok_ = ok_ && rest().starts_with(text);
    if (ok_) at_ += text.size();
    return *this;
  }
  template <class Number>
  Scanner& field(std::string_view name, Number& value) {
    literal(name);
    return ok_ ? number(value) : *this;
  }
  bool finished() const { return ok_ && at_ == end_; }

 private:
  std::string_view rest() const { return {at_, static_cast<size_t>(end_ - at_)}; }
  // A JSON number begins with a digit or a minus; from_chars alone would also take "inf" and "nan".
  bool begins_number() const { return at_ != end_ && (*at_ == '-' || (*at_ >= '0' && *at_ <= '9')); }
  template <class Number>
  Scanner& number(Number& value) {
    if constexpr (std::is_same_v<Number, double>) {
      if (rest().starts_with("null")) {  // a loss that is not finite (core/journal.cpp)
        value = std::numeric_limits<double>::quiet_NaN();
        return literal("null");
      }
    }
    if (!begins_number()) return fail();
    const auto [stop, error] = std::from_chars(at_, end_, value);
    at_ = stop;
    return error == std::errc() ? *this : fail();
  }
  Scanner& fail() {
    ok_ = false;
    return *this;
  }

  const char *at_, *end_;
  bool ok_ = true;
};

}  // namespace

std::optional<StepRecord> parse_step_line(std::string_view line) {
  StepRecord r;
  Scanner scanner(line);
  scanner.literal(R"({"type":"step")")
      .field(R"(,"attempt":)", r.attempt)
      .field(R"(,"step":)", r.step)
      .field(R"(,"text_bytes":)", r.text_bytes)
      .field(R"(,"units":)", r.units)
      .field(R"(,"flops_useful":)", r.flops_useful)
      .field(R"(,"flops_paper":)", r.flops_paper)
      .field(R"(,"flops_executed":)", r.flops_executed)
      .field(R"(,"loss_nats":)", r.loss_nats)
      .field(R"(,"loss_bpb":)", r.loss_bpb)
      .field(R"(,"lr":)", r.lr)
      .field(R"(,"grad_norm":)", r.grad_norm)
      .field(R"(,"seconds":)", r.seconds)
      .literal("}");
  if (!scanner.finished()) return std::nullopt;
  return r;
}

}  // namespace aunet
