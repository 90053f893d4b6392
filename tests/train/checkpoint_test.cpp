#include "tests/train/run_fixture.h"

#include <catch2/catch.hpp>

#include <fstream>

using namespace aunet;

namespace {

struct Saved {
  TemporaryFolder folder;
  BigramModel model{258};
  AdamW optimizer{model.parameters(), OptimConfig{.lr = 0.1}};
  Numerics numerics = current_numerics({});

  std::string path() const { return folder.path() + "/checkpoints"; }
  Checkpoints checkpoints(int64_t keep = 10, const std::string& key = "aaaa") const {
    return {path(), key, numerics, keep};
  }
  void save(int64_t step, Checkpoints checkpoints) {
    {
      at::NoGradGuard no_grad;
      model.table().fill_(static_cast<float>(step));
      optimizer.first_moment().fill_(0.25f * static_cast<float>(step));
      optimizer.second_moment().fill_(0.5f * static_cast<float>(step));
    }
    optimizer.step_count() = step;
    checkpoints.save({.step = step, .text_bytes = step * 100, .first_loss = 5.5}, model, optimizer);
  }
};

std::string read_bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

}  // namespace

TEST_CASE("a checkpoint gives back weights, moments and state", "[train]") {
  Saved saved;
  saved.save(3, saved.checkpoints());
  BigramModel model(258);
  AdamW optimizer(model.parameters(), OptimConfig{});
  const auto loaded = saved.checkpoints().load_newest(model, &optimizer);
  REQUIRE(loaded);
  CHECK(loaded->state == TrainState{.step = 3, .text_bytes = 300, .first_loss = 5.5});
  CHECK(loaded->numerics == saved.numerics);
  CHECK(model.table().min().item<float>() == 3.0f);
  CHECK(model.table().max().item<float>() == 3.0f);
  CHECK(optimizer.first_moment().max().item<float>() == 0.75f);
  CHECK(optimizer.second_moment().min().item<float>() == 1.5f);
  CHECK(optimizer.step_count() == 3);
}

TEST_CASE("the newest are kept, leftovers of a kill are removed", "[train]") {
  Saved saved;
  for (int64_t step = 1; step <= 4; ++step) saved.save(step, saved.checkpoints(2));
  CHECK(list_directory(saved.path()) == std::vector<std::string>{"step-00000003", "step-00000004"});
  make_directories(saved.path() + "/step-00000005.tmp-123");
  saved.checkpoints().remove_leftovers();
  CHECK(list_directory(saved.path()) == std::vector<std::string>{"step-00000003", "step-00000004"});
}

TEST_CASE("a truncated, altered or missing file makes the checkpoint before it serve", "[train]") {
  for (const std::string name : {"model.safetensors", "optim.safetensors", "state.json"}) {
    for (const std::string damage : {"truncate", "flip", "empty", "remove"}) {
      CAPTURE(name, damage);
      Saved saved;
      saved.save(1, saved.checkpoints());
      saved.save(2, saved.checkpoints());
      const std::string path = saved.path() + "/step-00000002/" + name;
      std::string bytes = read_bytes(path);
      REQUIRE(bytes.size() > 100);
      if (damage == "truncate") bytes.resize(bytes.size() - 7);
      if (damage == "flip") bytes[bytes.size() / 2] ^= 1;
      if (damage == "empty") bytes.clear();
      write_bytes(path, bytes);
      if (damage == "remove") std::filesystem::remove(path);
      BigramModel model(258);
      AdamW optimizer(model.parameters(), OptimConfig{});
      const auto loaded = saved.checkpoints().load_newest(model, &optimizer);
      REQUIRE(loaded);
      CHECK(loaded->state.step == 1);
      CHECK(model.table().max().item<float>() == 1.0f);
      CHECK_THROWS_AS(saved.checkpoints().load(saved.path() + "/step-00000002", model, nullptr), Error);
    }
  }
}

TEST_CASE("with no intact checkpoint the run starts from nothing and later replaces the damaged one",
          "[train]") {
  Saved saved;
  saved.save(2, saved.checkpoints());
  write_bytes(saved.path() + "/step-00000002/state.json", "{");
  BigramModel model(258);
  CHECK_FALSE(saved.checkpoints().load_newest(model, nullptr));
  CHECK(model.table().abs().max().item<float>() == 0.0f);
  saved.save(1,
             saved.checkpoints());  // the run has gone back behind step 2: what is there can never be right
  CHECK(list_directory(saved.path()) == std::vector<std::string>{"step-00000001"});
}

TEST_CASE("a checkpoint of another configuration is refused, not skipped", "[train]") {
  Saved saved;
  saved.save(1, saved.checkpoints());
  BigramModel model(258);
  CHECK_THROWS_WITH(saved.checkpoints(1, "bbbb").load_newest(model, nullptr),
                    saved.path() + "/step-00000001: key: expected bbbb, got aaaa (another configuration)");
}
