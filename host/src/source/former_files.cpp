#include "source/former_files.hpp"

#include <sys/stat.h>

#include <filesystem>
#include <utility>

#include "source/rotation.hpp"

namespace penstock::source {
namespace {

std::string name_of(const LineReader& reader) {
  std::string name = present_name(reader.fd());
  return name.empty() ? reader.name() : name;
}

}  // namespace

void FormerFiles::add(std::unique_ptr<LineReader> reader, bool rest_is_elsewhere, Time now) {
  if (files_.size() >= kMostFormerFiles) {
    const File& oldest = files_.front();
    if (!oldest.given_up && notify_) {
      notify_({Notice::Weight::warning,
               name_of(*oldest.reader) + " is not read any more after " +
                   std::to_string(oldest.reader->here()) +
                   " bytes: " + std::to_string(kMostFormerFiles) +
                   " newer files took its place before its writer closed it. Rotate less often"});
    }
    files_.erase(files_.begin());
  }
  const std::uint64_t here = reader->here();
  files_.push_back({std::move(reader), rest_is_elsewhere, now, here, false});
}

Result<bool> FormerFiles::give_up(File& file, Chunk& chunk) {
  file.given_up = true;
  if (file.rest_is_elsewhere) return false;
  return file.reader->read_rest(chunk);
}

Result<bool> FormerFiles::read(File& file, Chunk& chunk, Time now) {
  LineReader& reader = *file.reader;
  ASSIGN_OR_RETURN(const bool lines, reader.read(chunk));
  if (reader.here() != file.seen) {
    file.seen = reader.here();
    file.grew_at = now;
    file.rest_is_elsewhere = false;
  }
  // Stopped, it may have left lines unread.
  if (lines || reader.stopped() || now - file.grew_at < wait_) return lines;
  if (open_for_writing(reader.fd())) {
    file.grew_at = now;
    return false;
  }
  return give_up(file, chunk);
}

// False: nothing can come any more.
bool FormerFiles::report_growth(File& file) const {
  struct stat info {};
  if (::fstat(file.reader->fd(), &info) != 0 || info.st_nlink == 0) return false;
  // What NFS calls a file that was removed while it is open, which keeps its place on the disk.
  const std::string name = name_of(*file.reader);
  if (std::filesystem::path(name).filename().string().starts_with(".nfs")) return false;
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (size <= file.seen) return true;
  if (notify_) {
    notify_({Notice::Weight::warning,
             std::to_string(size - file.seen) + " bytes were written to " + name +
                 " after nothing had come for source.rotate_wait and it was given up. They are not "
                 "read; its byte " +
                 std::to_string(file.seen) +
                 " is where they begin. Have its writer reopen its file when it is rotated, or "
                 "set a longer source.rotate_wait"});
  }
  file.seen = size;
  return true;
}

Result<bool> FormerFiles::read(Chunk& chunk, Time now) {
  for (std::size_t i = 0; i < files_.size();) {
    File& file = files_[i];
    if (!file.given_up) {
      ASSIGN_OR_RETURN(const bool lines, read(file, chunk, now));
      if (lines) return true;
    }
    if (file.given_up && !report_growth(file)) {
      files_.erase(files_.begin() + static_cast<std::ptrdiff_t>(i));
    } else {
      ++i;
    }
  }
  return false;
}

std::vector<FilePosition> FormerFiles::saved() const {
  std::vector<FilePosition> positions;
  for (const File& file : files_) {
    if (!file.given_up) positions.push_back(file.reader->file());
  }
  return positions;
}

}  // namespace penstock::source
