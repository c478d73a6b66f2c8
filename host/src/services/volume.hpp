// Volume: how much room is left where a file is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace penstock::services {

struct Volume {
  std::uint64_t free_bytes = 0;  // that this user may still write; quotas of users are not in it
  std::uint64_t total_bytes = 0;
  bool has_inodes = true;  // false: no further file can be made
  bool read_only = false;

  // Of the file, or of the nearest directory above it that is there. Nothing when the system does
  // not say.
  [[nodiscard]] static std::optional<Volume> of(const std::string& path);
  // "0 bytes of 16.0 MiB are free"
  [[nodiscard]] std::string words() const;
};

}  // namespace penstock::services
