#include "sweep/exclude.h"
#include "core/error.h"

#include <catch2/catch.hpp>

using namespace aunet;

namespace {

Cell cell() {
  Cell c;
  c.family = "bpe";
  c.budget_flops = 1e12;
  c.epochs = 3.5;
  c.params.total = 120'000;
  c.text_bytes = 5e6;
  c.steps = 400;
  c.run.optim.lr = 0.01;
  c.size_index = 2;
  return c;
}

bool holds(const std::string& where) { return compile_exclude({where, "", 7}, "s.toml")(cell()); }

std::string message(const std::string& where) {
  try {
    compile_exclude({where, "", 7}, "s.toml");
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("comparisons of every name with every operator", "[exclude]") {
  for (const char* yes :
       {"epochs > 3", "epochs >= 3.5", "budget == 1e12", "budget >= 1e+12", "params < 120001", "bytes <= 5e6",
        "steps != 399", "lr > 5e-3", "size_index == 2", "2 == size_index", "family == 'bpe'",
        "family != \"aunet2\"", "role == 'grid'", "epochs > -1", "batch_bytes == 0"})
    CHECK(holds(yes));
  for (const char* no : {"epochs > 4", "budget < 1e12", "family == 'aunet2'", "role != 'grid'", "steps<400"})
    CHECK(!holds(no));
}

TEST_CASE("not binds closer than and, and closer than or; parentheses override", "[exclude]") {
  CHECK(holds("family == 'bpe' or epochs > 9 and steps < 0"));
  CHECK(!holds("(family == 'bpe' or epochs > 9) and steps < 0"));
  CHECK(!holds("not family == 'bpe' and epochs > 1"));
  CHECK(holds("not (family == 'bpe' and epochs > 9)"));
  CHECK(holds("not not steps == 400"));
}

TEST_CASE("wrong conditions are refused at their line, with what was expected", "[exclude]") {
  CHECK(message("epoch > 4") ==
        "s.toml:7: exclude.where: expected one of epochs, budget, params, bytes, steps, lr, size_index, "
        "batch_bytes, family, key, "
        "role (did you mean 'epochs'?), got 'epoch'");
  CHECK(message("epochs 4") == "s.toml:7: exclude.where: expected ==, !=, <, <=, > or >=, got '4'");
  CHECK(message("epochs >") ==
        "s.toml:7: exclude.where: expected a name, a number or a text in quotes, got the end");
  CHECK(message("family > 'a'") == "s.toml:7: exclude.where: expected == or != after a text, got '>'");
  CHECK(message("family == 4") == "s.toml:7: exclude.where: expected a text in quotes, got '4'");
  CHECK(message("epochs == 'many'") == "s.toml:7: exclude.where: expected a number, got ''many''");
  CHECK(message("(epochs > 4") == "s.toml:7: exclude.where: expected ')', got the end");
  CHECK(message("epochs > 4 budget < 2") ==
        "s.toml:7: exclude.where: expected 'and', 'or' or the end, got 'budget'");
  CHECK(message("family == 'bpe") == "s.toml:7: exclude.where: expected a closing quote, got ''bpe'");
  CHECK(message("epochs > 4 and") ==
        "s.toml:7: exclude.where: expected a name, a number or a text in quotes, got the end");
  CHECK(message("epochs = 4") == "s.toml:7: exclude.where: expected ==, !=, <, <=, > or >=, got '='");
}
