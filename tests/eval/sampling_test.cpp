#include "eval/sampling.h"

#include "core/error.h"
#include "eval/stop_text.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <map>
#include <numeric>

using namespace aunet;

namespace {

const std::vector<float> kLogits = {0.5f, 2.0f, -1.0f, 2.0f, 0.0f, 1.5f};

std::vector<int32_t> all_of(size_t n) {
  std::vector<int32_t> ids(n);
  std::iota(ids.begin(), ids.end(), 0);
  return ids;
}

/// Share of each id among many draws.
std::map<int32_t, double> shares(const Sampling& sampling, const std::vector<int32_t>& allowed) {
  constexpr int kDraws = 40000;
  RandomStream random(1, "test");
  std::map<int32_t, double> found;
  for (int i = 0; i < kDraws; ++i) found[sample(kLogits, allowed, sampling, random)] += 1.0 / kDraws;
  return found;
}

/// The definition: softmax over `kept`, everything else 0.
void check_shares(const Sampling& sampling, const std::vector<int32_t>& allowed,
                  const std::vector<int32_t>& kept) {
  double total = 0;
  for (const int32_t id : kept) total += std::exp(kLogits[static_cast<size_t>(id)] / sampling.temperature);
  const auto found = shares(sampling, allowed);
  CHECK(found.size() == kept.size());
  for (const int32_t id : kept) {
    INFO("id " << id);
    const double p = std::exp(kLogits[static_cast<size_t>(id)] / sampling.temperature) / total;
    CHECK(std::abs((found.contains(id) ? found.at(id) : 0) - p) < 4 * std::sqrt(p * (1 - p) / 40000) + 1e-9);
  }
}

std::string shown(StopText& text, const std::string& bytes, bool& stopped) {
  std::string out;
  for (const char byte : bytes) {
    stopped = text.append(byte);
    out += std::string(text.take(stopped)) + "|";
    if (stopped) break;
  }
  return out;
}

}  // namespace

TEST_CASE("draws follow the softmax of what is kept", "[eval][sampling]") {
  const auto all = all_of(kLogits.size());
  check_shares({}, all, all);
  check_shares({.temperature = 0.5}, all, all);
  check_shares({.temperature = 3}, {0, 2, 3}, {0, 2, 3});
  check_shares({.top_k = 3}, all, {1, 3, 5});
  check_shares({.top_k = 1}, all, {1});  // of equal logits the smaller id
  check_shares({.top_k = 99}, all, all);
  // Probabilities in order: .332 (1), .332 (3), .201 (5), .074 (0), .045 (4), .017 (2).
  check_shares({.top_p = 0.3}, all, {1});
  check_shares({.top_p = 0.34}, all, {1, 3});
  check_shares({.top_p = 0.7}, all, {1, 3, 5});
  check_shares({.top_p = 0.98}, all, {0, 1, 3, 4, 5});
  check_shares({.top_k = 3, .top_p = 0.7}, all, {1, 3});  // of the three: .384, .384, .233
}

TEST_CASE("temperature 0 takes the likeliest id and draws nothing", "[eval][sampling]") {
  RandomStream random(1, "test");
  CHECK(sample(kLogits, all_of(6), {.temperature = 0}, random) == 1);
  CHECK(sample(kLogits, {0, 2, 4}, {.temperature = 0, .top_k = 2, .top_p = 0.1}, random) == 0);
  CHECK(random.next_u64() == RandomStream(1, "test").next_u64());
}

TEST_CASE("logits that are no numbers are an error, where they could be drawn", "[eval][sampling]") {
  RandomStream random(1, "test");
  std::vector<float> logits = kLogits;
  logits[2] = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_AS(sample(logits, all_of(6), {}, random), Error);
  CHECK_NOTHROW(sample(logits, {0, 1}, {}, random));
}

TEST_CASE("a stop string ends the text where it first is complete", "[eval][sampling]") {
  bool stopped = false;
  StopText one({"\n\n", "END"});
  CHECK(shown(one, "a\nEN\nE\n\nEND", stopped) == "a||\n||EN|\n|E||");
  CHECK(stopped);
  CHECK(one.text() == "a\nEN\nE");
  StopText nested({"abcd", "bc", "c"});
  shown(nested, "xabcd", stopped);
  CHECK(nested.text() == "xa");  // "bc" and "c" end together: the longer
  StopText overlapping({"aab"});
  shown(overlapping, "aaab", stopped);
  CHECK(stopped);
  CHECK(overlapping.text() == "a");
}

TEST_CASE("what is shown ends between characters, and in the end it is all of the text", "[eval][sampling]") {
  bool stopped = false;
  StopText text({"\xe2\x82\xac!"});
  CHECK(shown(text, "x\xe2\x82\xac\xf0\x9f\x98\x80\xff\xc3z\xe2\x82", stopped) ==
        "x||||\xe2\x82\xac|||\xf0\x9f\x98\x80|\xff||\xc3z|||");
  CHECK(text.take(true) == "\xe2\x82");
  CHECK(text.text() == "x\xe2\x82\xac\xf0\x9f\x98\x80\xff\xc3z\xe2\x82");
}
