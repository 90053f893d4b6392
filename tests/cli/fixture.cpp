#include "fixture.h"

#include "core/error.h"
#include "core/file.h"
#include "core/random.h"

#include <nlohmann/json.hpp>
#include <unistd.h>

#include <filesystem>
#include <set>

namespace aunet {

namespace {

constexpr char kSweep[] = R"(
[sweep]
name = "small"
[data]
train = ["corpus.jsonl"]
heldout = ["heldout.jsonl"]
context_bytes = 64
[budget]
flops = [1e8, 2e8]
[[family]]
name = "aunet2"
batch_bytes = 128
model = { kind = "aunet", stages = 2, split = "word", multiple_of = 8 }
sizes = { dims = [[8, 16], [16, 16]], layers = [[1, 1], [1, 1]], head_dims = [[8, 8], [8, 8]] }
[[family]]
name = "bpe"
batch_bytes = 128
model = { kind = "llama", tokenizer = { train = true, vocab = 280 }, multiple_of = 8, head_dim = 8 }
sizes = { dims = [[8], [16]], layers = [[1], [1]] }
[tune]
axes = ["lr"]
start = { lr = 0.02 }
at = ["smallest"]
)";

/// Pseudo-prose: lower-case words of one to eight letters, a full stop now and then.
void write_corpus(const std::string& path, const std::string& name, int n_documents) {
  RandomStream stream(7, name);
  std::string lines;
  for (int document = 0; document < n_documents; ++document) {
    std::string text;
    for (int word = 0; word < 200; ++word) {
      const uint64_t length = 1 + stream.below(8);
      for (uint64_t i = 0; i < length; ++i)
        text += static_cast<char>('a' + stream.below(1 + stream.below(26)));
      text += stream.below(8) == 0 ? ". " : " ";
    }
    lines += nlohmann::json{{"text", text}}.dump() + "\n";
  }
  write_file_atomic(path, lines);
}

}  // namespace

SweepFixture::SweepFixture() {
  std::string pattern = std::filesystem::temp_directory_path() / "aunet-cli-XXXXXX";
  if (!mkdtemp(pattern.data())) throw Error("mkdtemp: no temporary folder");
  folder_ = pattern;
  write_corpus(path("corpus.jsonl"), "test corpus", 150);
  write_corpus(path("heldout.jsonl"), "test corpus, held out", 20);
  write_file_atomic(path("sweep.toml"), kSweep);
}

SweepFixture::~SweepFixture() { remove_tree(folder_); }

Environment SweepFixture::environment(const std::string& fake) const {
  return {"AUNET_TRAINER=" AUNET_FAKE_TRAINER, "AUNET_FAKE=" + fake};
}

std::vector<std::string> SweepFixture::command(const std::vector<std::string>& words) const {
  std::vector<std::string> all = {AUNET_BIN_DIR "/aunet"};
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

Finished SweepFixture::aunet(const std::vector<std::string>& words, const std::string& fake) const {
  return run(command(words), environment(fake), path("output"));
}

std::unique_ptr<Process> SweepFixture::start_sweep(const std::string& fake,
                                                   const std::vector<std::string>& words) const {
  std::vector<std::string> all = {"sweep", path("sweep.toml"), "--runs", runs().path,
                                  "--db",  path("sweep.db"),   "--jobs", "2"};
  all.insert(all.end(), words.begin(), words.end());
  return std::make_unique<Process>(command(all), environment(fake), path("output"));
}

std::map<std::string, std::vector<JournalRecord>> SweepFixture::journals() const {
  std::map<std::string, std::vector<JournalRecord>> journals;
  for (const std::string& key : list_directory(runs().path)) {
    if (exists(runs().run(key).journal())) journals[key] = read_journal(runs().run(key).journal());
  }
  return journals;
}

std::vector<std::string> SweepFixture::planned_keys() const {
  const nlohmann::json plan = nlohmann::json::parse(read_file(runs().plan("small")));
  std::set<std::string> keys;
  for (const auto& cell : plan.at("cells")) keys.insert(cell.at("key"));
  require(!keys.empty(), "fixture: a plan without cells");
  return {keys.begin(), keys.end()};
}

std::vector<std::string> SweepFixture::prepared_keys() const {
  std::vector<std::string> keys;
  for (const std::string& key : list_directory(runs().path))
    if (exists(runs().run(key).run_toml())) keys.push_back(key);
  require(!keys.empty(), "fixture: no run directories");
  return keys;
}

void SweepFixture::edit(const std::string& from, const std::string& to) const {
  std::string text = read_file(path("sweep.toml"));
  const size_t at = text.find(from);
  require(at != std::string::npos, "fixture: no such text in sweep.toml: " + from);
  write_file_atomic(path("sweep.toml"), text.replace(at, from.size(), to));
}

void SweepFixture::without_tuning() const {
  edit("axes = [\"lr\"]", "axes = []");
  edit("name = \"aunet2\"", "name = \"aunet2\"\nlr = 0.02");
  edit("name = \"bpe\"", "name = \"bpe\"\nlr = 0.02");
}

int64_t steps_executed(const std::vector<JournalRecord>& journal) {
  return summarize(journal).steps_executed;
}

}  // namespace aunet
