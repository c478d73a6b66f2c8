// The directory in which a pipeline keeps what must outlive the process.
#pragma once

#include <string>

#include "model/status.hpp"

namespace penstock::services {

// Makes the directory (and the missing ones above it), readable by its owner only, or checks the
// one that is there: it must be a directory, and one that others may enter is reported in the log.
// [control-thread]
[[nodiscard]] Status prepare_state_dir(const std::string& path);

// Makes an empty file there, or takes the one that is there, readable and writable by its owner
// only. [control-thread]
[[nodiscard]] Status prepare_private_file(const std::string& path);

}  // namespace penstock::services
