#include "cli/command.h"

#include "core/error.h"
#include "core/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>
#include <new>
#include <stdexcept>
#include <string_view>

#include <unistd.h>

namespace aunet {
namespace po = boost::program_options;

namespace {

// No prefix guessing: `--job` silently meaning `--jobs` would break scripts the day `--jobname` appears.
constexpr int kStyle = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;

po::positional_options_description positions(const std::vector<std::string>& names) {
  po::positional_options_description result;
  for (const std::string& name : names) {
    const bool takes_the_rest = name.size() > 3 && name.ends_with("...");
    result.add((takes_the_rest ? name.substr(0, name.size() - 3) : name).c_str(), takes_the_rest ? -1 : 1);
  }
  return result;
}

std::vector<std::string> long_names(const po::options_description& options) {
  std::vector<std::string> names;
  for (const auto& option : options.options()) names.push_back("--" + option->long_name());
  return names;
}

std::string unknown_name(std::string_view what, const std::string& name,
                         const std::vector<std::string>& known) {
  const std::string nearest = nearest_name(name, known);
  return nearest.empty() ? fmt::format("unknown {} '{}'", what, name)
                         : fmt::format("unknown {} '{}'; did you mean '{}'?", what, name, nearest);
}

[[noreturn]] void throw_too_many(const Args& args, const std::vector<std::string>& positional) {
  throw ConfigError(positional.empty() ? fmt::format("expected options only, got '{}'", join(args, " "))
                                       : fmt::format("expected {} without a flag ({}), got more: '{}'",
                                                     positional.size() == 1 ? "one value" : "values",
                                                     join(positional, ", "), join(args, " ")));
}

void print_commands(std::FILE* out, const char* binary, const char* about,
                    const std::vector<Command>& commands) {
  size_t width = 0;
  for (const Command& command : commands) width = std::max(width, std::strlen(command.name));
  fmt::print(out, "{}\n\nusage: {} COMMAND [options]\n\ncommands:\n", about, binary);
  for (const Command& command : commands)
    fmt::print(out, "  {:<{}}  {}\n", command.name, width, command.summary);
  fmt::print(out, "\n{} COMMAND --help explains a command and shows an example.\n", binary);
}

int run_one(const Args& args, const char* binary, const std::vector<Command>& commands) {
  std::vector<std::string> names;
  for (const Command& command : commands) {
    if (args[0] == command.name) return command.run(Args(args.begin() + 1, args.end()));
    names.emplace_back(command.name);
  }
  throw ConfigError(unknown_name("command", args[0], names) + fmt::format(" (see {} --help)", binary));
}

// A full disk behind a redirected stdout must not look like success.
void flush_stdout() {
  std::cout.flush();
  if (std::fflush(stdout) != 0 || std::ferror(stdout)) {
    throw Error(fmt::format("stdout: {}", std::strerror(errno)));
  }
}

}  // namespace

bool parse_command_line(const Args& args, const std::string& usage, const std::string& example,
                        po::options_description& options, const std::vector<std::string>& positional,
                        po::variables_map& values) {
  options.add_options()("help,h", "show this text");
  try {
    const po::positional_options_description places = positions(positional);
    po::store(po::command_line_parser(args).options(options).positional(places).style(kStyle).run(), values);
    if (values.count("help")) {
      std::cout << "usage: " << usage << "\n\n" << options << "\nexample:\n  " << example << "\n";
      return false;
    }
    po::notify(values);
  } catch (const po::unknown_option& error) {
    throw ConfigError(unknown_name("option", error.get_option_name(), long_names(options)));
  } catch (const po::too_many_positional_options_error&) {
    throw_too_many(args, positional);
  } catch (const po::required_option& error) {
    throw ConfigError(
        fmt::format("{}: expected a value, got none; usage: {}", error.get_option_name(), usage));
  } catch (const po::error& error) {
    throw ConfigError(fmt::format("command line: {}", error.what()));
  }
  return true;
}

namespace {

/// A mapped file that somebody cut while it was read: no exception can say so.
extern "C" void on_bus_error(int) {
  constexpr std::string_view kMessage =
      "error: a mapped file became shorter while it was read, or its disk failed\n";
  [[maybe_unused]] const auto n = ::write(STDERR_FILENO, kMessage.data(), kMessage.size());
  ::_exit(static_cast<int>(ExitCode::WorldFailed));
}

}  // namespace

int run_commands(int argc, char** argv, const char* binary, const char* about,
                 const std::vector<Command>& commands) {
  std::signal(SIGBUS, on_bus_error);
  const Args args(argv + 1, argv + argc);
  ExitCode failure = ExitCode::Bug;
  std::string message;
  try {
    if (args.empty() || args[0] == "--help" || args[0] == "-h" || args[0] == "help") {
      print_commands(args.empty() ? stderr : stdout, binary, about, commands);
      flush_stdout();
      return static_cast<int>(args.empty() ? ExitCode::BadInput : ExitCode::Done);
    }
    const int code = run_one(args, binary, commands);
    flush_stdout();
    return code;
  } catch (const ConfigError& error) {
    failure = ExitCode::BadInput;
    message = error.what();
  } catch (const std::bad_alloc&) {
    failure = ExitCode::WorldFailed;
    message = "out of memory";
  } catch (const std::runtime_error& error) {  // Error, and what SQLite, toml++ and the file system throw
    failure = ExitCode::WorldFailed;
    message = error.what();
  } catch (const std::exception& error) {
    message = fmt::format("bug: {}", error.what());
  }
  std::fflush(stdout);
  fmt::print(stderr, "{}: {}\n", binary, message);
  return static_cast<int>(failure);
}

}  // namespace aunet
