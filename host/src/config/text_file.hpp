// Whole small files as text.
#pragma once

#include <cstddef>
#include <string>

#include "model/status.hpp"

namespace penstock::config {

// The bytes of a file. Fails with StatusCode::configuration, the message saying which file, what is
// wrong with it and what to do; a file longer than `max_bytes` is refused, so that a wrong path
// cannot fill the memory. May block.
[[nodiscard]] Result<std::string> read_text_file(const std::string& path, std::size_t max_bytes);

}  // namespace penstock::config
