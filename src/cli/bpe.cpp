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
#include <limits>

namespace aunet {
namespace {

namespace po = boost::program_options;

struct Options {
  std::string action, tokenizer, pattern, out, byte_order;
  std::vector<std::string> corpus;
  int64_t vocab = 0;
  int threads = 1;
};

void train(const Options& options) {
  if (options.corpus.empty()) throw ConfigError("bpe train: expected at least one corpus file, got none");
  if (options.vocab == 0) throw ConfigError("bpe train: --vocab: expected the number of tokens, got none");
  if (options.threads < 1)
    throw ConfigError(fmt::format("--threads: expected a number from 1 on, got {}", options.threads));
  if (options.byte_order != "value" && options.byte_order != "gpt2")
    throw ConfigError(fmt::format("--byte-order: expected value or gpt2, got '{}'", options.byte_order));
  const Corpus corpus = read_texts(options.corpus);
  std::vector<std::string_view> texts;
  for (int64_t d = 0; d < corpus.n_documents(); ++d) texts.push_back(corpus.text(d));
  const auto bpe = Bpe::train(texts, options.vocab, options.pattern.empty() ? "gpt2" : options.pattern,
                              {.threads = options.threads, .gpt2_byte_order = options.byte_order == "gpt2"});
  bpe.save(options.tokenizer);
  fmt::print("{}: {} tokens from {} in {} documents, pattern {}, fingerprint {}\n", options.tokenizer,
             bpe.begin_id(), human_bytes(static_cast<double>(corpus.n_bytes())), corpus.n_documents(),
             bpe.pattern_name(), bpe.fingerprint());
}

void convert(const Bpe& bpe, const Options& options) {
  bpe.save(options.out);
  fmt::print("{}: {} ids, pattern {}\n", options.out, bpe.begin_id(),
             bpe.pattern_name().empty() ? "of its own" : bpe.pattern_name());
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
    const nlohmann::json text =
        bpe.decode(parse_ids(line, std::numeric_limits<int32_t>::max(), where), where + ": id");
    // a cut through a character leaves bytes that JSON cannot hold: U+FFFD
    std::cout << text.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
  });
}

}  // namespace

int cmd_bpe(const Args& args) {
  Options options;
  po::options_description described("options");
  described.add_options()("action", po::value(&options.action)->required(),
                          "train, encode, decode or convert")("corpus", po::value(&options.corpus),
                                                              "train: JSONL files, plain or .zst")(
      "tokenizer", po::value(&options.tokenizer)->required(),
      "tiktoken rank file or Hugging Face tokenizer.json (byte-level BPE), plain or .zst; train writes it: "
      "tokenizer.json when it ends in .json")(
      "vocab", po::value(&options.vocab),
      "train: number of tokens, the 256 bytes included, the two marks not")(
      "pattern", po::value(&options.pattern),
      "pre-tokenizer: gpt2 (default), cl100k_base, o200k_base, llama3; a tokenizer.json has its own")(
      "byte-order", po::value(&options.byte_order)->default_value("value"),
      "train: ids of the 256 bytes, which decide ties: value, or gpt2 for the merges of Hugging Face's "
      "trainer")("threads", po::value(&options.threads)->default_value(1),
                 "train: the result is the same for any number")(
      "out", po::value(&options.out), "convert: file to write, tokenizer.json when it ends in .json");
  po::variables_map values;
  if (!parse_command_line(
          args,
          "aunet bpe train CORPUS.jsonl... --vocab N --tokenizer OUT.tiktoken|OUT.json [--pattern NAME]\n"
          "       aunet bpe encode|decode --tokenizer FILE [--pattern NAME]\n"
          "       aunet bpe convert --tokenizer FILE [--pattern NAME] --out OUT.tiktoken|OUT.json\n\n"
          "encode: one JSON string a line in, one JSON array of ids a line out; specials are plain text, no "
          "marks.\n"
          "decode: the other way round; special ids give their text; bytes that are no valid UTF-8 come out "
          "as "
          "U+FFFD.\n"
          "convert: the same ids from the other format. A rank file holds no pattern and no special tokens.",
          "echo '\"hello world\"' | aunet bpe encode --tokenizer gpt2.tiktoken --pattern gpt2", described,
          {"action", "corpus..."}, values)) {
    return 0;
  }
  if (options.action == "train") {
    train(options);
    return 0;
  }
  if (options.action != "encode" && options.action != "decode" && options.action != "convert") {
    throw ConfigError(
        fmt::format("bpe: expected train, encode, decode or convert, got '{}'", options.action));
  }
  if (!options.corpus.empty())
    throw ConfigError(fmt::format("bpe {}: reads {}; expected no file, got '{}'", options.action,
                                  options.action == "convert" ? "--tokenizer" : "stdin", options.corpus[0]));
  if (options.action == "convert" && options.out.empty())
    throw ConfigError("bpe convert: --out: expected the file to write (.json or not), got none");
  const auto bpe = Bpe::load(options.tokenizer, options.pattern);
  if (options.action == "encode") encode(bpe);
  if (options.action == "decode") decode(bpe);
  if (options.action == "convert") convert(bpe, options);
  return 0;
}

}  // namespace aunet
