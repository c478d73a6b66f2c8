// What a process needs of its descriptors before it opens anything.
#pragma once

#include "model/status.hpp"

namespace penstock::cli {

// First of all: puts /dev/null in the place of each of standard input, output and error that is
// closed. The next file would get its number, and be read as events or written over. Reading from a
// standard input that was closed stays an error. Writing to a standard output that was closed is
// none: who closed it wants no report.
void replace_closed_streams();

// Raises the limit on open files where it is low. StatusCode::io when it stays too low for any
// command: what it fails at would not say so.
[[nodiscard]] Status allow_enough_files();

}  // namespace penstock::cli
