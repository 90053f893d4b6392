#include "cli/watch.h"

#include "cli/select_runs.h"
#include "core/text.h"
#include "sweep/signal_inbox.h"
#include "sweep/slurm_round.h"
#include "sweep/sweep_lock.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <string_view>
#include <tuple>

namespace aunet {

namespace {

constexpr double kPeriodSeconds = 1, kPlainTotalsSeconds = 60;
constexpr size_t kNarrow = 100;  // characters, below which the step column is left out

enum class Rank { Failed, Running, Interrupted, Waiting, Done };

Rank rank_of(const StatusRow& row) {
  const std::string& status = row.state.status;
  if (status == "failed") return Rank::Failed;
  if (status == "running") return Rank::Running;
  if (status == "new") return Rank::Waiting;
  return status == "done" ? Rank::Done : Rank::Interrupted;
}

const char* word_of(const StatusRow& row) {
  constexpr const char* kWords[] = {"FAIL", "run", "stop", "wait", "done"};
  return kWords[static_cast<size_t>(rank_of(row))];
}

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

size_t width_of(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !is_continuation(c); }));
}

/// At most `width` characters; a text that is longer ends in "…". Control characters become spaces.
std::string cut(std::string_view text, size_t width) {
  std::string result;
  size_t n = 0;
  const bool whole = width_of(text) <= width;
  for (const char c : text) {
    if (!is_continuation(c) && n++ == (whole ? width : width - 1)) break;
    result += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  }
  return whole ? result : result + "…";
}

std::string left(std::string_view text, size_t width) {
  std::string field = cut(text, width);
  return field + std::string(width - width_of(field), ' ');
}

std::string right(std::string_view text, size_t width) {
  const std::string field = cut(text, width);
  return std::string(width - width_of(field), ' ') + field;
}

double share_done(const StatusRow& row) {
  if (row.state.status == "done") return 1;
  if (row.n_steps <= 0) return 0;
  return std::clamp(static_cast<double>(row.state.step) / static_cast<double>(row.n_steps), 0.0, 1.0);
}

std::string bar(double share, size_t width) {
  const auto full = static_cast<size_t>(share * static_cast<double>(width));
  return std::string(full, '#') + std::string(width - full, '.');
}

/// Bits per byte of the held-out text, else of the last step.
std::string loss_text(const RunState& state) {
  if (state.heldout_bpb) return fmt::format("{:.4f}*", *state.heldout_bpb);
  return state.last ? fmt::format("{:.4f} ", state.last->loss_bpb) : "- ";
}

std::string left_text(const StatusRow& row) {
  if (row.state.status != "running") return "";
  if (row.n_steps > 0 && row.state.step >= row.n_steps) return "evaluates";
  const double seconds = seconds_left(row);
  return seconds > 0 ? human_duration(seconds) : "begins";
}

std::string cause_text(const RunState& state) {
  return state.cause.empty() ? state.message : state.cause + ": " + state.message;
}

/// 8 + 10 + 7 + 4 characters and spaces.
std::string head_of(const StatusRow& row) {
  return fmt::format("{} {} {} {} ", left(row.key.substr(0, 8), 8), left(row.family, 10),
                     right(row.budget_flops > 0 ? human_flops(row.budget_flops) : "-", 7),
                     left(word_of(row), 4));
}

std::string row_line(const StatusRow& row, const Screen& screen) {
  const std::string head = head_of(row);
  const Rank rank = rank_of(row);
  if (rank == Rank::Failed) return cut(head + cause_text(row.state), screen.width);
  const bool wide = screen.width >= kNarrow;
  const size_t bar_width = wide ? std::min<size_t>(30, screen.width - 87) : 8;
  std::string line = head + fmt::format("{} {:>4} ", bar(share_done(row), bar_width),
                                        fmt::format("{:.0f}%", 100 * share_done(row)));
  if (wide) line += right(fmt::format("{}/{}", row.state.step, row.n_steps), 15) + " ";
  const bool runs = rank == Rank::Running && row.state.bytes_per_second > 0;
  line += right(loss_text(row.state), 8) + " ";
  line += right(runs ? human_bytes(row.state.bytes_per_second) + "/s" : "", 9) + " ";
  line += right(rank == Rank::Interrupted ? row.state.status : left_text(row), 12);
  line.erase(line.find_last_not_of(' ') + 1);
  return cut(line, screen.width);
}

std::string title(const Screen& screen) {
  std::string line =
      left("key", 8) + " " + left("family", 10) + " " + right("budget", 7) + " " + left("", 4) + " ";
  const bool wide = screen.width >= kNarrow;
  line += left("progress", (wide ? std::min<size_t>(30, screen.width - 87) : 8) + 5) + " ";
  if (wide) line += right("step", 15) + " ";
  line += right("bpb ", 8) + " " + right("bytes", 9) + " " + right("left", 12);
  return cut(line, screen.width);
}

std::string painted(const std::string& text, const char* code, bool colour) {
  return colour ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : text;
}

std::string counts_text(const std::vector<StatusRow>& rows) {
  constexpr const char* kNames[] = {"failed", "running", "stopped", "waiting", "done"};
  std::map<Rank, int64_t> counts;
  for (const StatusRow& row : rows) ++counts[rank_of(row)];
  std::vector<std::string> words;
  for (const auto& [rank, count] : counts)
    words.push_back(fmt::format("{} {}", count, kNames[static_cast<size_t>(rank)]));
  return words.empty() ? "no runs" : join(words, ", ");
}

double total_speed(const std::vector<StatusRow>& rows) {
  double sum = 0;
  for (const StatusRow& row : rows)
    if (row.state.status == "running") sum += row.state.bytes_per_second;
  return sum;
}

std::string totals(const std::vector<StatusRow>& rows, const std::string& runs, const std::string& clock) {
  const double speed = total_speed(rows);
  return fmt::format("{}  {}  {}{}", clock, runs, counts_text(rows),
                     speed > 0 ? fmt::format("; {}/s", human_bytes(speed)) : "");
}

Screen terminal_screen() {
  Screen screen;
  winsize size = {};
  const char* columns = std::getenv("COLUMNS");
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    screen.width = size.ws_col;
    screen.height = std::max<size_t>(4, size.ws_row);
  } else if (columns) {
    screen.width = static_cast<size_t>(std::strtoul(columns, nullptr, 10));
  }
  screen.width = std::max<size_t>(60, screen.width);
  screen.colour = !std::getenv("NO_COLOR");
  return screen;
}

std::string time_of_day() {
  const std::time_t now = std::time(nullptr);
  std::tm parts = {};
  ::localtime_r(&now, &parts);
  char text[16];
  std::strftime(text, sizeof text, "%H:%M:%S", &parts);
  return text;
}

bool anything_alive(const RunsRoot& runs, const std::vector<StatusRow>& rows) {
  if (std::any_of(rows.begin(), rows.end(), [](const StatusRow& r) { return r.state.status == "running"; }))
    return true;
  const std::vector<std::string> sweeps = all_sweeps(runs);
  return std::any_of(sweeps.begin(), sweeps.end(), [&](const std::string& sweep) {
    return holder_of_sweep(runs, sweep).pid > 0 || !open_slurm_jobs(runs, sweep).empty();
  });
}

/// The other screen of the terminal while it lives, without a cursor; the person's own text comes back after.
class OtherScreen {
 public:
  explicit OtherScreen(bool on) : on_(on) {
    if (on_) fmt::print("\x1b[?1049h\x1b[?25l");
  }
  ~OtherScreen() {
    if (!on_) return;
    fmt::print("\x1b[?25h\x1b[?1049l");
    std::fflush(stdout);
  }
  OtherScreen(const OtherScreen&) = delete;
  OtherScreen& operator=(const OtherScreen&) = delete;

 private:
  bool on_;
};

/// Over the old picture, line by line: no flicker, nothing left of longer lines.
void draw(const std::vector<std::string>& lines) {
  std::string text = "\x1b[H";
  for (size_t i = 0; i < lines.size(); ++i) text += (i ? "\r\n" : "") + lines[i] + "\x1b[K";
  fmt::print("{}\x1b[J", text);
}

}  // namespace

std::vector<std::string> watch_picture(const std::vector<StatusRow>& rows, const std::string& runs,
                                       const std::string& clock, const Screen& screen) {
  std::vector<const StatusRow*> order;
  for (const StatusRow& row : rows) order.push_back(&row);
  std::stable_sort(order.begin(), order.end(),
                   [](const StatusRow* a, const StatusRow* b) { return rank_of(*a) < rank_of(*b); });
  std::vector<std::string> lines = {painted(cut(totals(rows, runs, clock), screen.width), "1", screen.colour),
                                    painted(title(screen), "2", screen.colour)};
  const size_t room = screen.height - lines.size();
  const size_t shown = order.size() <= room ? order.size() : room - 1;
  for (size_t i = 0; i < shown; ++i) {
    const bool failed = rank_of(*order[i]) == Rank::Failed;
    lines.push_back(painted(row_line(*order[i], screen), failed ? "31" : "0", screen.colour && failed));
  }
  if (shown == order.size()) return lines;
  std::vector<StatusRow> rest;
  for (size_t i = shown; i < order.size(); ++i) rest.push_back(*order[i]);
  lines.push_back(cut(fmt::format("... and {} more: {}", rest.size(), counts_text(rest)), screen.width));
  return lines;
}

std::vector<std::string> watch_lines(const std::vector<StatusRow>& before,
                                     const std::vector<StatusRow>& rows) {
  std::map<std::tuple<std::string, std::string>, const StatusRow*> known;  // sweep, key
  for (const StatusRow& row : before) known[{row.sweep, row.key}] = &row;
  std::vector<std::string> lines;
  for (const StatusRow& row : rows) {
    const auto old = known.find({row.sweep, row.key});
    if (old != known.end() && old->second->state.status == row.state.status) continue;
    std::string line =
        fmt::format("{} {} {} {}", row.key, row.family,
                    row.budget_flops > 0 ? human_flops(row.budget_flops) : "-", row.state.status);
    if (row.state.step > 0) line += fmt::format(", step {}/{}", row.state.step, row.n_steps);
    if (row.state.heldout_bpb) line += fmt::format(", {:.4f} bits per byte", *row.state.heldout_bpb);
    if (const std::string cause = cause_text(row.state); !cause.empty()) line += ": " + cause;
    lines.push_back(line);
  }
  return lines;
}

void watch(const RunsRoot& runs) {
  const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  SignalInbox inbox;
  std::vector<StatusRow> rows;
  bool seen_alive = false;
  {
    const OtherScreen other(terminal);
    for (double quiet = kPlainTotalsSeconds;; quiet += kPeriodSeconds) {
      const std::vector<StatusRow> before = std::move(rows);
      rows = read_status_rows(runs, true);
      if (terminal) {
        draw(watch_picture(rows, runs.path, time_of_day(), terminal_screen()));
      } else {
        for (const std::string& line : watch_lines(before, rows)) fmt::print("{} {}\n", time_of_day(), line);
        if (quiet >= kPlainTotalsSeconds) fmt::print("{}\n", totals(rows, runs.path, time_of_day()));
        if (quiet >= kPlainTotalsSeconds) quiet = 0;
      }
      std::fflush(stdout);
      const bool alive = anything_alive(runs, rows);
      if (seen_alive && !alive) break;
      seen_alive = seen_alive || alive;
      const int signal = inbox.wait(kPeriodSeconds);
      if (signal == SIGINT || signal == SIGTERM || signal == SIGHUP) break;
    }
  }
  if (!terminal) {
    fmt::print("{}\n", totals(rows, runs.path, time_of_day()));
    return;
  }
  Screen screen = terminal_screen();
  for (const std::string& line : watch_picture(rows, runs.path, time_of_day(), screen))
    fmt::print("{}\n", line);
}

}  // namespace aunet
