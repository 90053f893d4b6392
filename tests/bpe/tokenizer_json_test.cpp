// tokenizer.json, read and written. Expected ids come from the Python package tokenizers 0.23.3:
// Tokenizer.from_file, encode_special_tokens set, encode(text, add_special_tokens=False).
#include "baselines/tokenizer_json.h"

#include "baselines/bpe.h"
#include "baselines/byte_alphabet.h"
#include "baselines/tokenizer_file.h"
#include "core/error.h"
#include "core/file.h"
#include "data/jsonl.h"
#include "tests/data/fixtures.h"
#include "tests/support/shared_data.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace aunet {
namespace {

using Json = nlohmann::json;
using Ids = std::vector<int32_t>;

Ids encode(const Bpe& bpe, std::string_view text) {
  Ids ids;
  bpe.encode(text, ids);
  return ids;
}

Json byte_level(bool use_regex) {
  return {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", use_regex}};
}

Json split(const std::string& regex) {
  const Json part = {
      {"type", "Split"}, {"pattern", {{"Regex", regex}}}, {"behavior", "Isolated"}, {"invert", false}};
  return {{"type", "Sequence"}, {"pretokenizers", {part, byte_level(false)}}};
}

/// Ids against the order of bytes and of merges, a token with two merges, one without any, a special token.
Json small_json() {
  const std::vector<std::pair<std::string, std::string>> merges = {
      {"l", "l"},   {"h", "e"},   {"t", "he"}, {" ", "the"}, {"e", "l"},  {"el", "l"}, {"e", "ll"},
      {"h", "ell"}, {"he", "ll"}, {"o", " "},  {"a", "a"},   {"aa", "a"}, {"a", "aa"}, {"n", "\n"}};
  std::vector<std::string> tokens;
  Json vocab = Json::object(), list = Json::array();
  for (int byte = 0; byte < 256; ++byte)
    vocab[letters_of_bytes(std::string(1, static_cast<char>(byte)))] = 255 - byte;
  for (const auto& [left, right] : merges) {
    if (std::find(tokens.begin(), tokens.end(), left + right) == tokens.end()) tokens.push_back(left + right);
    list.push_back({letters_of_bytes(left), letters_of_bytes(right)});
  }
  tokens.push_back("world");
  for (size_t i = 0; i < tokens.size(); ++i) vocab[letters_of_bytes(tokens[i])] = 255 + tokens.size() - i;
  return {{"version", "1.0"},
          {"added_tokens", {{{"id", 259 + tokens.size()}, {"content", "<|end|>"}, {"special", true}}}},
          {"normalizer", nullptr},
          {"pre_tokenizer", byte_level(true)},
          {"decoder", {{"type", "ByteLevel"}}},
          {"model", {{"type", "BPE"}, {"ignore_merges", false}, {"vocab", vocab}, {"merges", list}}}};
}

Bpe from(const Json& json) { return Bpe(parse_tokenizer(json.dump(), "t.json", "")); }

std::string refusal(const Json& json) {
  try {
    from(json);
  } catch (const ConfigError& e) {
    return e.what();
  }
  return "no error";
}

void check_small(const Json& json, const std::vector<Ids>& expected) {
  const std::vector<std::string> texts = {"hello the hell", "aaaaa aaaa", "world worlds",
                                          "o the\nn\n",     "he<|end|>",  "h\u00e9 \u4e2d"};
  const Bpe bpe = from(json);
  for (size_t i = 0; i < texts.size(); ++i) {
    INFO(texts[i]);
    CHECK(encode(bpe, texts[i]) == expected[i]);
    CHECK(bpe.decode(expected[i]) == texts[i]);
  }
}

}  // namespace

TEST_CASE("merges of a tokenizer.json go by their order, not by ids", "[bpe][json]") {
  const Ids end = {266, 195, 131, 154, 145, 155, 131, 193}, other = {151, 60, 86, 223, 27, 71, 82};
  const Ids worlds = {136, 144, 141, 147, 155, 223, 136, 144, 141, 147, 155, 140};
  Json json = small_json();
  check_small(
      json,
      {{261, 144, 264, 223, 261}, {259, 258, 223, 259, 259}, worlds, {144, 264, 245, 145, 245}, end, other});
  json["model"]["ignore_merges"] = true;  // pieces that are tokens come whole
  check_small(json, {{261, 144, 264, 223, 261},
                     {259, 258, 223, 259, 259},
                     {256, 223, 136, 144, 141, 147, 155, 140},
                     {144, 264, 245, 145, 245},
                     end,
                     other});
  json["model"]["ignore_merges"] = false;
  json["pre_tokenizer"] = byte_level(false);  // merges over all of the text
  check_small(
      json, {{261, 144, 264, 223, 261}, {259, 258, 223, 259, 259}, worlds, {144, 264, 245, 257}, end, other});
  json["pre_tokenizer"] = split(R"([a-m]+|\s)");  // what is between matches is a piece, too
  check_small(json, {{261, 144, 223, 139, 266, 223, 261},
                     {259, 258, 223, 259, 259},
                     worlds,
                     {144, 223, 139, 266, 245, 145, 245},
                     end,
                     other});
}

TEST_CASE("ids of special tokens decode, unused ones are errors", "[bpe][json]") {
  const Bpe bpe = from(small_json());
  const int32_t end = 271;  // after 256 bytes, 12 tokens and three unused ids
  CHECK(bpe.begin_id() == end + 1);
  CHECK(bpe.decode({end, 266, bpe.begin_id()}) == "<|end|>he");
  CHECK(bpe.text(end) == "<|end|>");
  CHECK(bpe.n_bytes(end) == 7);
  CHECK_THROWS_WITH(bpe.decode({end - 1}), "id: expected the id of a token, got 270, which is unused");
  CHECK_THROWS_WITH(bpe.decode({-1}), "id: expected 0 to 273, got -1");
}

TEST_CASE("a saved tokenizer.json loads as itself, and as its rank file", "[bpe][json]") {
  const ScratchFolder folder;
  for (const std::string& pattern : bpe_pattern_names()) {
    const Bpe bpe = Bpe::train({"the cat sat on the mat, the rat sat on the hat; theirs"}, 275, pattern);
    bpe.save(folder.file("t.json"));
    const Bpe loaded = Bpe::load(folder.file("t.json"), "");
    CHECK(loaded.fingerprint() == bpe.fingerprint());
    CHECK(loaded.pattern_name() == pattern);
    CHECK(Bpe::load(folder.file("t.json"), pattern).fingerprint() == bpe.fingerprint());
    loaded.save(folder.file("t.tiktoken"));
    CHECK(Bpe::load(folder.file("t.tiktoken"), pattern).fingerprint() == bpe.fingerprint());
  }
  for (Json json : {small_json(), Json::object()}) {
    if (json.empty()) {
      json = small_json();
      json["pre_tokenizer"] = split(R"([a-m]+|\s)");
    }
    const Bpe small = from(json);
    small.save(folder.file("s.json"));
    CHECK(Bpe::load(folder.file("s.json"), "json").fingerprint() == small.fingerprint());
  }
  CHECK_THROWS_WITH(from(small_json()).save(folder.file("s.tiktoken")),
                    Catch::Matchers::Contains("a name that ends in .json for a tokenizer whose ids are not"));
  CHECK_THROWS_WITH(
      Bpe::load(folder.file("s.json"), "gpt2"),
      Catch::Matchers::Contains("pattern: expected none, or json, which the file has, got 'gpt2'"));
}

TEST_CASE("the published tokenizers give their ids from a tokenizer.json, too", "[bpe][json]") {
  const auto vectors = shared_path("tokenizers/test_vectors.jsonl");
  const std::vector<std::pair<std::string, std::string>> files = {
      {"gpt2", "gpt2.tiktoken.zst"},
      {"llama3", "llama3/tokenizer.model.zst"},
      {"cl100k_base", "cl100k_base.tiktoken.zst"}};
  const ScratchFolder folder;
  for (const auto& [name, file] : files) {
    const auto ranks = shared_path("tokenizers/" + file);
    if (ranks.empty() || vectors.empty()) return;
    Bpe::load(ranks, name).save(folder.file("t.json"));
    const Bpe bpe = Bpe::load(folder.file("t.json"), "");
    int64_t n_cases = 0;
    for_each_line(vectors, [&](std::string_view line, int64_t) {
      const auto item = Json::parse(line);
      n_cases += encode(bpe, item["text"].get<std::string>()) == item[name].get<Ids>();
    });
    CHECK(n_cases == 517);
  }
}

TEST_CASE("special ids of the published tokenizers decode to their text", "[bpe]") {
  // Source: tokenizers/split_patterns.json of the shared data; llama3: llama-models 0.3.0
  const std::vector<std::pair<std::string, std::vector<std::pair<int32_t, std::string>>>> all = {
      {"gpt2", {{50256, "<|endoftext|>"}}},
      {"cl100k_base", {{100257, "<|endoftext|>"}, {100260, "<|fim_suffix|>"}, {100276, "<|endofprompt|>"}}},
      {"o200k_base", {{199999, "<|endoftext|>"}, {200018, "<|endofprompt|>"}}},
      {"llama3",
       {{128000, "<|begin_of_text|>"},
        {128001, "<|end_of_text|>"},
        {128009, "<|eot_id|>"},
        {128011, "<|image|>"},
        {128012, "<|reserved_special_token_2|>"},
        {128255, "<|reserved_special_token_245|>"}}}};
  for (const auto& [name, specials] : all) {
    const auto ranks = shared_path(
        "tokenizers/" + (name == "llama3" ? "llama3/tokenizer.model.zst" : name + ".tiktoken.zst"));
    if (ranks.empty()) return;
    const Bpe bpe = Bpe::load(ranks, name);
    for (const auto& [id, text] : specials) {
      CHECK(bpe.decode({id}) == text);
      CHECK(bpe.decode(encode(bpe, text)) == text);
      CHECK(encode(bpe, text) != Ids{id});
    }
    CHECK_THROWS_AS(bpe.decode({specials.back().first + 2}), ConfigError);
    CHECK(bpe.n_bytes(bpe.begin_id()) == 0);  // marks of models stay without bytes
  }
}

TEST_CASE("what a tokenizer.json asks for and we do not have is refused in one line", "[bpe][json]") {
  const auto with = [](const std::string& pointer, const Json& value) {
    Json json = small_json();
    json[Json::json_pointer(pointer)] = value;
    return refusal(json);
  };
  CHECK(with("/normalizer", {{"type", "NFC"}}) == "t.json: normalizer: expected null, got object");
  CHECK(with("/truncation", {{"max_length", 5}}) == "t.json: truncation: expected null, got object");
  CHECK(with("/model/type", "WordPiece") == "t.json: model.type: expected BPE, got \"WordPiece\"");
  CHECK(with("/model/dropout", 0.1) == "t.json: model.dropout: expected null, got 0.1");
  CHECK(with("/model/unk_token", "<unk>") == "t.json: model.unk_token: expected null, got \"<unk>\"");
  CHECK(with("/model/byte_fallback", true) == "t.json: model.byte_fallback: expected false, got true");
  CHECK(with("/model/end_of_word_suffix", "</w>") ==
        "t.json: model.end_of_word_suffix: expected null, got \"</w>\"");
  CHECK(with("/model/merges/3", "a b c") ==
        "t.json: model.merges[3]: expected two tokens and a space between, got \"a b c\"");
  CHECK(with("/model/merges/3", "a zz") ==
        "t.json: model.merges[3]: expected tokens of model.vocab that are not added ones, got 'zz'");
  CHECK(with("/model/vocab/a", -1) == "t.json: model.vocab.a: expected an id up to 10000000, got -1");
  CHECK(with("/pre_tokenizer/add_prefix_space", true) ==
        "t.json: pre_tokenizer.add_prefix_space: expected false, got true");
  CHECK(with("/pre_tokenizer/type", "Metaspace") ==
        "t.json: pre_tokenizer.type: expected ByteLevel or Sequence, got \"Metaspace\"");
  CHECK(with("/decoder", {{"type", "WordPiece"}}) ==
        "t.json: decoder.type: expected ByteLevel, got \"WordPiece\"");
  CHECK(with("/added_tokens/0/special", false) ==
        "t.json: added_tokens[0].special: expected true (special tokens are plain text here), got false");
  CHECK(with("/added_tokens/0/id", 7) == "t.json: added_tokens[0].id: expected an id of its own, got 7");
  CHECK(with("/surprise", 1) ==
        "t.json: expected keys version, truncation, padding, added_tokens, normalizer, pre_tokenizer, "
        "post_processor, decoder, model, got 'surprise'");
  Json json = small_json();
  json["model"]["vocab"]["he"] = json["model"]["vocab"]["a"];
  CHECK(refusal(json) == "t.json: model.vocab.he: expected an id of its own, got 158");
  json = small_json();
  json["model"]["vocab"].erase("!");
  CHECK(refusal(json) == "t.json: model.vocab: expected a token for every byte, got none for 0x21 ('!')");
  CHECK_THROWS_WITH(parse_tokenizer("{\"model\": ", "t.json", ""),
                    Catch::Matchers::Contains("t.json: expected a JSON object, got invalid JSON at line 1"));
  CHECK_THROWS_WITH(parse_tokenizer("{\"model\": 1e999}", "t.json", ""),
                    Catch::Matchers::Contains("invalid JSON: number overflow parsing '1e999'"));
}

TEST_CASE("patterns that two regex engines read differently are refused", "[bpe][json]") {
  for (const char* regex :
       {R"(^a|.)",      R"(a$|.)",   R"(\w+|.)",         R"(\bx|.)",    R"(\p{N}{1,3}+|.)",
        R"([a[bc]]|.)", R"([a&&b])", R"((?i)a|b)",       R"((?m:.)|a)", R"(a{,2}b)",
        R"((?i:ss)|.)", R"(a*)",     R"((?=[A-Z]))",     R"(\h)",       "(a",
        "a)",           R"(\p{L)",   R"((?i:\p{Lu})|.)", "[a",          "a\\"}) {
    Json json = small_json();
    json["pre_tokenizer"] = split(regex);
    INFO(regex);
    CHECK_THAT(refusal(json),
               Catch::Matchers::StartsWith("t.json: pre_tokenizer.pretokenizers[0].pattern.Regex: expected"));
  }
  Json json = small_json();
  json["pre_tokenizer"] = split(R"(a$|.)");
  CHECK(refusal(json) ==
        "t.json: pre_tokenizer.pretokenizers[0].pattern.Regex: expected a pattern with no '^' or '$', which "
        "stand "
        "for lines in one engine and for the text in the other: \\A, \\z, got '$|.' at 2 of 'a$|.'");
}

TEST_CASE("derived merges encode as ranks do, for any vocabulary", "[bpe][json]") {
  RandomStream random(6, "derived-merges");
  for (int trial = 0; trial < 300; ++trial) {
    std::vector<std::string> tokens;
    for (int byte = 0; byte < 256; ++byte) tokens.emplace_back(1, static_cast<char>(byte));
    const auto word = [&](uint64_t most) {
      std::string text;
      for (uint64_t n = 2 + random.below(most); text.size() < n;)
        text += static_cast<char>('a' + random.below(3));
      return text;
    };
    while (tokens.size() < 256 + 25) {
      const std::string token = word(5);
      if (std::find(tokens.begin(), tokens.end(), token) == tokens.end()) tokens.push_back(token);
    }
    BpeParts parts{tokens, {}, std::nullopt, true, {"gpt2", bpe_pattern("gpt2")}};
    const Bpe ranks(parts);
    parts.merges = derive_merges(tokens).merges;
    const Bpe merges(parts);
    for (int i = 0; i < 60; ++i) {
      const std::string text = word(30);
      INFO(trial << " " << text);
      REQUIRE(encode(merges, text) == encode(ranks, text));
    }
  }
}

}  // namespace aunet
