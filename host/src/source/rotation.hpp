// What became of a file whose position was saved: still there, grown, emptied, replaced, moved.
#pragma once

#include <cstdint>
#include <string>

#include "model/source_position.hpp"
#include "model/status.hpp"
#include "source/file_descriptor.hpp"

namespace penstock::source {

enum class Resemblance : std::uint8_t {
  same,       // the file itself
  copy,       // another file with the same beginning that is long enough: moved, copied or restored
  shorter,    // the file itself, but cut off before the position
  rewritten,  // the file itself, but it begins otherwise
  other,      // another file
};

// What the open regular file is to the one whose position was saved.
[[nodiscard]] Result<Resemblance> compare(int fd, const std::string& path,
                                          const SavedPosition& saved);

// A file that was moved away within the directory of `path`.
struct MovedFile {
  FileDescriptor fd;
  std::string path;
  std::uint64_t unread_bytes = 0;  // behind the saved position
};

// The very file whose position was saved, under another name beside `path`; not open when there is
// none.
[[nodiscard]] MovedFile find_moved(const std::string& path, const SavedPosition& saved);

}  // namespace penstock::source
