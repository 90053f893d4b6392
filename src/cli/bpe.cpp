#include "cli/bpe.h"

#include "baselines/bpe.h"
#include "cli/id_lines.h"
#include "core/error.h"
#include "core/text.h"
#include "data/read_corpus.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <iostream>

namespace aunet {
namespace {

namespace po = boost::program_options;

struct Options {
  std::string action, tokenizer, pattern;
  std::vector<std::string> corpus;
  int64_t vocab = 0;
};

void train(const Options& options) {
  if (options.corpus.empty()) throw ConfigError("bpe train: expected at least one corpus file, got none");
  if (options.vocab == 0) throw ConfigError("bpe train: --vocab: expected the number of tokens, got none");
  const Corpus corpus = read_texts(options.corpus);
  std::vector<std::string_view> texts;
  for (int64_t d = 0; d < corpus.n_documents(); ++d) texts.push_back(corpus.text(d));
  const auto bpe = Bpe::train(texts, options.vocab, options.pattern);
  bpe.save(options.tokenizer);
  fmt::print("{}: {} tokens from {} in {} documents, pattern {}, fingerprint {}\n", options.tokenizer,
             bpe.begin_id(), human_bytes(static_cast<double>(corpus.n_bytes())), corpus.n_documents(),
             options.pattern, bpe.fingerprint());
}

void encode(const Bpe& bpe) {
  std::vector<int32_t> ids;
  for_each_stdin_line([&](const std::string& line, const std::string& where) {
    ids.clear();
    bpe.encode(parse_string(line, where), ids);
    print_ids(ids);
  });
}

void decode(const Bpe& bpe) {
  for_each_stdin_line([&](const std::string& line, const std::string& where) {
    const nlohmann::json text = bpe.decode(parse_ids(line, bpe.vocab_size() - 1, where));
    // a cut through a character leaves bytes that JSON cannot hold: U+FFFD
    std::cout << text.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
  });
}

}  // namespace

int cmd_bpe(const Args& args) {
  Options options;
  po::options_description described("options");
  described.add_options()("action", po::value(&options.action)->required(), "train, encode or decode")(
      "corpus", po::value(&options.corpus), "train: JSONL files, plain or .zst")(
      "tokenizer", po::value(&options.tokenizer)->required(), "rank file (tiktoken format); train writes it")(
      "vocab", po::value(&options.vocab),
      "train: number of tokens, the 256 bytes included, the two marks not")(
      "pattern", po::value(&options.pattern)->default_value("gpt2"),
      "pre-tokenizer: gpt2, cl100k_base, o200k_base, llama3");
  po::variables_map values;
  if (!parse_command_line(
          args,
          "aunet bpe train CORPUS.jsonl... --vocab N --tokenizer OUT [--pattern NAME]\n"
          "       aunet bpe encode|decode --tokenizer FILE [--pattern NAME]\n\n"
          "encode: one JSON string a line in, one JSON array of ids a line out; specials are plain text, no "
          "marks.\n"
          "decode: the other way round; bytes that are no valid UTF-8 come out as U+FFFD.",
          "echo '\"hello world\"' | aunet bpe encode --tokenizer gpt2.tiktoken --pattern gpt2", described,
          {"action", "corpus..."}, values)) {
    return 0;
  }
  if (options.action == "train") {
    train(options);
    return 0;
  }
  if (options.action != "encode" && options.action != "decode") {
    throw ConfigError(fmt::format("bpe: expected train, encode or decode, got '{}'", options.action));
  }
  if (!options.corpus.empty())
    throw ConfigError(
        fmt::format("bpe {}: reads stdin; expected no file, got '{}'", options.action, options.corpus[0]));
  const auto bpe = Bpe::load(options.tokenizer, options.pattern);
  options.action == "encode" ? encode(bpe) : decode(bpe);
  return 0;
}

}  // namespace aunet
