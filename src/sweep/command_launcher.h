// Any scheduler whose command blocks until the run is over: ssh, srun, docker run, a queue's -sync flag.
#pragma once

#include <memory>
#include <string>

#include "sweep/launcher.h"

namespace aunet {

/// Runs `/bin/sh -c TEMPLATE` for every run, its output appended to RUN_DIR/log.txt. In the template
///   {command}  `PROGRAM work RUN_DIR --once ...`, quoted for a shell; must be there
///   {key} {dir} {threads} {gpu}  of the run; dir is absolute
/// A stop is asked for by the run's stop file, which the worker sees on any machine that shares the folder; a
/// second Ctrl-C kills the local command. Throws ConfigError for a template without {command} or with another
/// word in braces.
std::unique_ptr<Launcher> make_command_launcher(const std::string& command_template,
                                                const std::string& program);

/// The template with its words in place.
std::string expand_template(const std::string& command_template, const std::string& program,
                            const RunDir& run, int64_t threads, const std::string& gpu);

}  // namespace aunet
