#include "analysis/gnuplot.h"

#include "core/error.h"
#include "core/file.h"

#include <fmt/format.h>

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace aunet {
namespace {

/// Runs a program without a shell; its stderr goes to `log`. Returns the exit status, 127 when it is not
/// there.
int run_program(const std::vector<std::string>& words, const std::string& log) {
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const pid_t child = fork();
  if (child < 0) throw Error(fmt::format("{}: fork: {}", words[0], std::strerror(errno)));
  if (child == 0) {
    if (std::freopen(log.c_str(), "w", stderr) == nullptr ||
        std::freopen("/dev/null", "w", stdout) == nullptr)
      _exit(126);
    execvp(argv[0], argv.data());
    _exit(127);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) throw Error(fmt::format("{}: waitpid: {}", words[0], std::strerror(errno)));
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

class ScratchDirectory {
 public:
  ScratchDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "aunet-figure-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw Error(fmt::format("{}: {}", pattern, std::strerror(errno)));
    path_ = pattern;
  }
  ~ScratchDirectory() {
    std::error_code ignored;  // a destructor has nobody to tell
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  std::string operator/(const char* name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace

bool have_gnuplot() { return run_program({"gnuplot", "--version"}, "/dev/null") == 0; }

std::string render_svg(const Figure& figure) {
  const ScratchDirectory scratch;
  const std::string svg = scratch / "figure.svg", script = scratch / "figure.gp", log = scratch / "log.txt";
  write_file_atomic(
      script,
      fmt::format("set terminal svg size {},{} font 'sans-serif,13' name {} background 'white' noenhanced\n"
                  "set output {}\n{}",
                  figure.width, figure.height, gnuplot_string(figure.name), gnuplot_string(svg),
                  figure.script));
  const int status = run_program({"gnuplot", script}, log);
  if (status == 127) throw Error("gnuplot: not found on PATH; install gnuplot-nox");
  if (status != 0) throw Error(fmt::format("gnuplot: figure '{}': {}", figure.name, read_file(log)));
  return read_file(svg);
}

std::string gnuplot_string(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') quoted += '\'';
    quoted += c == '\n' ? ' ' : c;
  }
  return quoted + "'";
}

std::string gnuplot_data(const std::string& name, const std::vector<std::vector<double>>& rows) {
  std::string text = fmt::format("${} << EOD\n", name);
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      text += i > 0 ? " " : "";
      text += std::isfinite(row[i]) ? fmt::format("{:.9g}", row[i]) : "NaN";
    }
    text += "\n";
  }
  return text + "EOD\n";
}

std::string family_colour(size_t index) {
  static constexpr std::array<const char*, 7> kColours = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                                          "#E69F00", "#56B4E9", "#000000"};
  return kColours[index % kColours.size()];
}

}  // namespace aunet
