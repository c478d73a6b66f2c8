// The commands. Each returns the exit code (README.md); results go to stdout, everything
// else to stderr.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/arguments.hpp"
#include "config/pipeline.hpp"
#include "model/diagnostics.hpp"
#include "model/status.hpp"

namespace penstock::cli {

int run_command(const Arguments& arguments);
int validate_command(const Arguments& arguments);
int try_command(const Arguments& arguments);
int status_command(const Arguments& arguments);
int audiences_command(const Arguments& arguments);
int audiences_rename_command(const Arguments& arguments);
int audiences_test_command(const Arguments& arguments);
int dead_letters_command(const Arguments& arguments);  // all of `dead-letters ...`
int auth_command(const Arguments& arguments);          // all of `auth ...`
int queue_check_command(const Arguments& arguments);
int queue_repair_command(const Arguments& arguments);
int import_segment_command(const Arguments& arguments);
int plugin_list_command(const Arguments& arguments);
int plugin_describe_command(const Arguments& arguments);

// ---- shared by the commands ----

// Overrides, and where plugins are looked for: --plugin-dir, then PENSTOCK_PLUGIN_PATH (separated
// by ":"), then PREFIX/lib/penstock/plugins, where PREFIX is the directory above the one that this
// program lies in.
[[nodiscard]] Result<config::LoadOptions> load_options(const Arguments& arguments);

// From now on results go to a descriptor of their own, and what plugins write to stdout goes to
// stderr: it would stand amid a report. To be called once, before plugins are loaded.
void keep_results_apart();
// Whether results go to a terminal.
[[nodiscard]] bool results_on_terminal();
// Writes to stdout, with control characters but for line ends and tabs as escapes
// (gate/escape.hpp). A failed write (a full disk, a closed pipe) is an I/O error, not a crash and
// not silence.
[[nodiscard]] Status print(const std::string& document);
// Empties the terminal that stdout is.
[[nodiscard]] Status clear_screen();
// Prints a line for a person to stderr; through the gate, as it may quote others.
void tell(std::string_view line);
// Prints diagnostics, if there are any, to stderr.
void show(const Diagnostics& diagnostics);
// Prints diagnostics and, if it is not the diagnostics themselves, the status to stderr; returns
// the exit code.
int fail(const Status& status, const Diagnostics& diagnostics);
int fail(const Status& status);
// 12345678 as "12,345,678".
[[nodiscard]] std::string with_separators(std::uint64_t number);

}  // namespace penstock::cli
