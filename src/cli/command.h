// A subcommand of a binary, and the one way in which all of them read their command line.
#pragma once

#include <boost/program_options.hpp>
#include <string>
#include <vector>

namespace aunet {

using Args = std::vector<std::string>;  // without the program and the subcommand's name

struct Command {
  const char* name;
  const char* summary;           // one line for `--help` of the binary
  int (*run)(const Args& args);  // returns an exit code; throws ConfigError, Error, BugError
};

/// Parses `args`. `positional` names options that may be given without their name, in order; the last one
/// takes all that is left when it ends in "...". With --help: prints `usage`, the options and `example` to
/// stdout and returns false. Unknown or malformed options: ConfigError with the nearest legal option.
bool parse_command_line(const Args& args, const std::string& usage, const std::string& example,
                        boost::program_options::options_description& options,
                        const std::vector<std::string>& positional,
                        boost::program_options::variables_map& values);

/// main() of every binary: picks the command, prints --help, catches (the only catch), returns the exit code.
int run_commands(int argc, char** argv, const char* binary, const char* about,
                 const std::vector<Command>& commands);

}  // namespace aunet
