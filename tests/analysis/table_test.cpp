#include "analysis/csv.h"
#include "analysis/gnuplot.h"
#include "analysis/table.h"
#include "core/error.h"

#include <catch2/catch.hpp>

using namespace aunet;

namespace {

TextTable example() {
  return {.title = "Runs",
          .columns = {"family", "loss"},
          .rows = {{"a_b|<c>", "2.5"}, {"d,\"e\"", "-10.25"}, {"é", ""}},
          .note = "100 %"};
}

}  // namespace

TEST_CASE("a table in every format, to the letter", "[table]") {
  CHECK(write_table(example(), TableFormat::Text) ==
        "Runs\nfamily     loss\n-------  ------\na_b|<c>     2.5\nd,\"e\"    -10.25\né\n100 %\n");
  CHECK(write_table(example(), TableFormat::Csv) == "family,loss\na_b|<c>,2.5\n\"d,\"\"e\"\"\",-10.25\né,\n");
  CHECK(write_table(example(), TableFormat::Markdown) ==
        "**Runs**\n\n| family   |   loss |\n| -------- | -----: |\n| a_b\\|<c> |    2.5 |\n| d,\"e\"    | "
        "-10.25 |\n| é        |        |\n\n100 %\n");
  CHECK(write_table(example(), TableFormat::Latex) ==
        "% Runs\n\\begin{tabular}{lr}\n  \\toprule\n  family & loss \\\\\n  \\midrule\n  a\\_b|<c> & 2.5 "
        "\\\\\n  d,\"e\" & -10.25 \\\\\n"
        "  é &  \\\\\n  \\bottomrule\n\\end{tabular}\n% 100 %\n");
  CHECK(write_table(example(), TableFormat::Html).find("<td>a_b|&lt;c&gt;</td><td class=\"n\">2.5</td>") !=
        std::string::npos);
}

TEST_CASE("a table's CSV is read back as it was", "[csv]") {
  const CsvTable table = parse_csv(write_table(example(), TableFormat::Csv), "t.csv");
  CHECK(table.columns == example().columns);
  CHECK(table.rows == example().rows);
}

TEST_CASE("quotes, line breaks, CRLF, a BOM and blank lines are read", "[csv]") {
  const CsvTable table = parse_csv("\xEF\xBB\xBFn, loss\r\n1,\"a\nb\"\r\n\r\n2,\"x\"\"y\"", "t.csv");
  CHECK(table.columns == std::vector<std::string>{"n", "loss"});
  REQUIRE(table.rows.size() == 2);
  CHECK(table.rows[0][1] == "a\nb");
  CHECK(table.rows[1][1] == "x\"y");
  CHECK(table.lines == std::vector<int64_t>{2, 5});
}

TEST_CASE("a wrong CSV is refused with its place", "[csv]") {
  const auto message = [](const std::string& text) -> std::string {
    try {
      const CsvTable table = parse_csv(text, "t.csv");
      for (size_t i = 0; i < table.rows.size(); ++i) table.positive(i, table.column("loss"));
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "";
  };
  CHECK(message("") == "t.csv: expected a line of column names, got an empty file");
  CHECK(message("n,loss\n1\n") == "t.csv:2: expected 2 cells, got 1");
  CHECK(message("n,loss\n1,\"2\n") == "t.csv:2: expected a closing quote, got the end of the file");
  CHECK(message("n,los\n1,2\n") == "t.csv: unknown column 'loss'; did you mean 'los'?");
  CHECK(message("n,z\n1,2\n") == "t.csv: unknown column 'loss'; it has n, z");
  for (const char* bad : {"nan", "inf", "-1", "0", "two", "1.5x", "1e999", "0x10"}) {
    CHECK(message(std::string("n,loss\n1,") + bad + "\n") ==
          "t.csv:2: loss: expected a finite number above 0, got '" + std::string(bad) + "'");
  }
  CHECK(message("n,loss\n1,+2.5e0\n2,\n3, 7 \n").empty());
}

TEST_CASE("gnuplot text is quoted and missing values are named", "[figures]") {
  CHECK(gnuplot_string("it's\n`x`") == "'it''s `x`'");
  CHECK(gnuplot_data("d", {{1, std::nan("")}, {2.5, 3}}) == "$d << EOD\n1 NaN\n2.5 3\nEOD\n");
}
