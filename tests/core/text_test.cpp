#include "core/text.h"

#include <catch2/catch.hpp>

#include <limits>

namespace aunet {

TEST_CASE("numbers for people keep three digits and a unit", "[core]") {
  CHECK(human_count(0) == "0");
  CHECK(human_count(999) == "999");
  CHECK(human_count(999.9) == "1.00K");
  CHECK(human_count(98591488) == "98.6M");
  CHECK(human_count(1324203008) == "1.32B");
  CHECK(human_count(-1500) == "-1.50K");
  CHECK(human_bytes(512) == "512 B");
  CHECK(human_bytes(3.4e6) == "3.40 MB");
  CHECK(human_bytes(1e12) == "1.00 TB");
  CHECK(human_flops(4e11) == "4e11");
  CHECK(human_flops(2.38e10) == "2.38e10");
  CHECK(human_flops(1.5e-3) == "1.5e-3");
  CHECK(human_flops(9.999e11) == "1e12");
  CHECK(human_flops(0) == "0");
}

TEST_CASE("durations carry over at every unit", "[core]") {
  CHECK(human_duration(0.42) == "0.4 s");
  CHECK(human_duration(12) == "12 s");
  CHECK(human_duration(59.6) == "1 min 0 s");
  CHECK(human_duration(200) == "3 min 20 s");
  CHECK(human_duration(3599.7) == "1 h 0 min");
  CHECK(human_duration(5 * 3600 + 12 * 60) == "5 h 12 min");
  CHECK(human_duration(86400 - 10) == "1 d 0 h");
  CHECK(human_duration(3 * 86400 + 4 * 3600) == "3 d 4 h");
  CHECK(human_duration(std::numeric_limits<double>::infinity()) == "unknown");
}

TEST_CASE("the nearest name is suggested only when it is near", "[core]") {
  CHECK(nearest_name("slidng_windows", {"dimensions", "sliding_windows"}) == "sliding_windows");
  CHECK(nearest_name("lrr", {"lr", "clip"}) == "lr");
  CHECK(nearest_name("at", {"lr", "eps"}).empty());
  CHECK(nearest_name("wholly_different", {"lr", "clip"}).empty());
  CHECK(nearest_name("x", {}).empty());
}

TEST_CASE("split, join and trim", "[core]") {
  CHECK(split_on("a,,b,", ',') == std::vector<std::string>{"a", "", "b", ""});
  CHECK(split_on("", ',') == std::vector<std::string>{""});
  CHECK(join({"a", "b"}, ", ") == "a, b");
  CHECK(join({}, ", ").empty());
  CHECK(trim(" \t a b\r\n") == "a b");
  CHECK(trim(" \n").empty());
}

}  // namespace aunet
