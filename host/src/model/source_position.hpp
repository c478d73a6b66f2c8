// SavedPosition: how far a file was read, and which file that was.
#pragma once

#include <cstdint>
#include <string>

namespace penstock {

struct SavedPosition {
  std::string path;  // absolute, for messages
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t offset = 0;  // bytes from the start that need not be read again
  // SHA-256, hex, of the file's first fingerprint_size bytes, so that another file in the same
  // place is noticed.
  std::uint64_t fingerprint_size = 0;
  std::string fingerprint;

  friend bool operator==(const SavedPosition&, const SavedPosition&) = default;
};

}  // namespace penstock
