#include "core/machine.h"

#include <catch2/catch.hpp>

#include <cstdlib>

using namespace aunet;
using Catch::Contains;

TEST_CASE("of the environment only what can change a run is kept, sorted, one word each", "[core]") {
  ::setenv("OMP_NUM_THREADS", "3", 1);
  ::setenv("AUNET_TEST_OF_MACHINE", "a b\nc", 1);
  ::setenv("SECRET_TOKEN_OF_MACHINE", "hidden", 1);
  const std::string words = relevant_environment();
  CHECK_THAT(words, Contains("AUNET_TEST_OF_MACHINE=a_b_c") && Contains("OMP_NUM_THREADS=3"));
  CHECK(words.find("AUNET_TEST") < words.find("OMP_NUM"));
  CHECK_THAT(words, !Contains("hidden"));
  ::unsetenv("AUNET_TEST_OF_MACHINE");
  ::unsetenv("SECRET_TOKEN_OF_MACHINE");
  ::unsetenv("OMP_NUM_THREADS");
}

TEST_CASE("a machine has a name, a processor and libraries; perhaps no GPU", "[core]") {
  CHECK(!host_name().empty());
  CHECK(!cpu_name().empty());
  CHECK_THAT(library_versions(), Contains("glibc 2.") && Contains("pcre2 10."));
  CHECK(gpus_in_words().empty() == gpu_names().empty());
}
