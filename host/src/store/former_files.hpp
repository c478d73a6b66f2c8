// The text that the former files of a position are stored as.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/source_position.hpp"

namespace penstock::store {

// "" for none.
[[nodiscard]] std::string text_of(const std::vector<FilePosition>& files);

// What text_of made; nothing when it did not make this.
[[nodiscard]] std::optional<std::vector<FilePosition>> files_of(std::string_view text);

}  // namespace penstock::store
