// What became of a file whose position was saved: still there, grown, emptied, replaced, moved.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/source_position.hpp"
#include "model/status.hpp"
#include "source/file_descriptor.hpp"

namespace penstock::source {

enum class Resemblance : std::uint8_t {
  same,       // the file itself
  copy,       // another file with the same bytes up to the position: moved, copied or restored
  shorter,    // the file itself, but cut off before the position
  rewritten,  // the file itself, but with other bytes at its beginning or before the position
  other,      // another file
};

// What the open regular file is to the one whose position was saved. Its inode and its beginning
// alone are never believed: what was read last must stand there, too.
[[nodiscard]] Result<Resemblance> compare(int fd, const std::string& path,
                                          const FilePosition& saved);

// A file that was moved away.
struct MovedFile {
  FileDescriptor fd;
  std::string path;
  std::uint64_t unread_bytes = 0;  // behind the saved position
};

// The very file whose position was saved, under whatever name it has now: in the directory of
// `path`, in that of the file which `path` leads to, or in the one where it was read. Not open when
// it is in none of them.
[[nodiscard]] MovedFile find_moved(const std::string& path, const FilePosition& saved);

// The name that an open file has now; "" when the system does not say.
[[nodiscard]] std::string present_name(int fd);

// Whether some process that this one may look at has the open file open for writing.
[[nodiscard]] bool open_for_writing(int fd);

}  // namespace penstock::source
