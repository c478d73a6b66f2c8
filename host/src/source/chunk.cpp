#include <algorithm>
#include <utility>

#include "source/file_identity.hpp"
#include "source/source.hpp"

namespace penstock::source {

Result<std::optional<SavedPosition>> saved_at(const Chunk& chunk, std::uint64_t offset) {
  if (!chunk.saved || !chunk.before) return std::optional<SavedPosition>();
  FilePosition place = *chunk.before;
  if (offset > chunk.begin.offset) {
    const auto read = static_cast<std::size_t>(offset - chunk.begin.offset);
    const std::size_t tail = std::min({read, chunk.size, kFingerprintBytes});
    place.offset = offset;
    place.tail_size = tail;
    ASSIGN_OR_RETURN(place.tail, checksum({chunk.bytes.get() + read - tail, tail}));
  }
  SavedPosition saved = *chunk.saved;
  const auto is_same = [&](const FilePosition& file) {
    return file.device == place.device && file.inode == place.inode;
  };
  if (is_same(saved)) {
    static_cast<FilePosition&>(saved) = std::move(place);
    return std::optional(std::move(saved));
  }
  const auto former = std::find_if(saved.former.begin(), saved.former.end(), is_same);
  if (former != saved.former.end()) {
    *former = std::move(place);
  } else {
    saved.former.push_back(std::move(place));  // given up with these lines
  }
  return std::optional(std::move(saved));
}

}  // namespace penstock::source
