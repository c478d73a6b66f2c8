// SavedPosition: how far the source was read, and in which files, so that another run goes on
// there.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace penstock {

// How far one file was read, and which file that was.
struct FilePosition {
  std::string path;  // absolute, symbolic links resolved: where it was found
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t offset = 0;  // bytes from the start that need not be read again
  // SHA-256, hex, of the file's first fingerprint_size bytes and of the tail_size bytes before
  // offset, so that another file in the same place is noticed. tail_size 0: not known.
  std::uint64_t fingerprint_size = 0;
  std::string fingerprint;
  std::uint64_t tail_size = 0;
  std::string tail;

  friend bool operator==(const FilePosition&, const FilePosition&) = default;
};

// The file that the source's path named, and those it named before that may still grow.
struct SavedPosition : FilePosition {
  std::vector<FilePosition> former;  // oldest first

  friend bool operator==(const SavedPosition&, const SavedPosition&) = default;
};

}  // namespace penstock
