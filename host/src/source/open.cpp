// Opening a source: where in which file to begin.
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "source/line_source.hpp"
#include "source/rotation.hpp"
#include "source/source.hpp"

namespace penstock::source {
namespace {

std::string bytes_of(std::uint64_t bytes) {
  return std::to_string(bytes) + (bytes == 1 ? " byte" : " bytes");
}

// What is read, and where it begins.
struct Beginning {
  FileDescriptor fd;
  std::string path;
  std::uint64_t offset = 0;
};

// Finds the place in the file to go on from.
class Resumption {
 public:
  Resumption(const SourceConfig& config, const SavedPosition& saved, const Notify& notify)
      : config_(config), saved_(saved), notify_(notify) {}

  // The path names no file. One that is followed may be between being moved away and made anew.
  [[nodiscard]] Beginning without_file() {
    if (!config_.follow) return {};
    return moved();
  }

  [[nodiscard]] std::string hint_without_file() const {
    return ". " + bytes_of(saved_.offset) + " of " + saved_.path +
           " were read before. Put the file back to go on from there, or name another one in "
           "source.path in " +
           config_.location.text();
  }

  [[nodiscard]] Result<Beginning> with_file(FileDescriptor fd) {
    ASSIGN_OR_RETURN(Resemblance resemblance, compare(fd.get(), config_.path, saved_));
    std::string elsewhere;
    if (resemblance == Resemblance::other || resemblance == Resemblance::copy) {
      MovedFile found = find_moved(config_.path, saved_);
      if (found.fd.open() && config_.follow) return from(std::move(found));
      if (found.fd.open()) {
        // The file itself is there, so this one is no copy that replaces it.
        resemblance = Resemblance::other;
        elsewhere =
            ". What was read before is now " + found.path + ", where " +
            bytes_of(found.unread_bytes) +
            " were not read; run that file by itself if they are wanted (--set source.path)";
      }
    }
    Beginning start{std::move(fd), config_.path, 0};
    switch (resemblance) {
      case Resemblance::same:
        start.offset = saved_.offset;
        say(Notice::Weight::info,
            config_.path + " is read on from byte " + std::to_string(saved_.offset));
        break;
      case Resemblance::copy:
        start.offset = saved_.offset;
        say(Notice::Weight::info,
            config_.path + " is another file than the one that was read before (" + saved_.path +
                "), but begins with the same bytes and is long enough: it is taken as its copy and "
                "read on from byte " +
                std::to_string(saved_.offset));
        break;
      case Resemblance::shorter:
        say(Notice::Weight::warning,
            config_.path + " was cut off: " + bytes_of(saved_.offset) +
                " of it were read before, more than it has now. It is read from its start");
        break;
      case Resemblance::rewritten:
        say(Notice::Weight::warning,
            config_.path + " was written anew: it does not begin as it did when " +
                bytes_of(saved_.offset) + " of it were read. It is read from its start");
        break;
      case Resemblance::other:
        say(Notice::Weight::warning, config_.path + " is another file than the one of which " +
                                         bytes_of(saved_.offset) + " were read before (" +
                                         saved_.path + "). It is read from its start" + elsewhere);
        break;
    }
    return start;
  }

 private:
  void say(Notice::Weight weight, std::string text) const {
    if (notify_) notify_({weight, std::move(text)});
  }

  Beginning moved() {
    MovedFile found = find_moved(config_.path, saved_);
    return found.fd.open() ? from(std::move(found)) : Beginning{};
  }

  // The file in which the position was saved is read to its end before the one that the path names.
  Beginning from(MovedFile found) {
    say(Notice::Weight::info, "The file that " + config_.path + " named before is now " +
                                  found.path + "; it is read on from byte " +
                                  std::to_string(saved_.offset) + ", and then " + config_.path);
    return {std::move(found.fd), found.path, saved_.offset};
  }

  const SourceConfig& config_;
  const SavedPosition& saved_;
  const Notify& notify_;
};

Status refused(const SourceConfig& config, int error, const std::string& hint) {
  std::string what = "Could not open the event file " + config.path + ": " + std::strerror(error);
  if (!hint.empty()) {
    what += hint;
  } else if (error == ENOENT) {
    what += ". Check source.path in " + config.location.text();
  }
  if (error == EINTR) what += ". A signal came while it waited for somebody to write to it";
  if (error == EACCES) what += ". Make it readable for the user who runs penstock";
  return {StatusCode::io, what};
}

// Whether the byte before the offset ends a line.
Result<bool> ends_line(int fd, const std::string& path, std::uint64_t offset) {
  if (offset == 0) return true;
  char byte = 0;
  ssize_t count = 0;
  do {
    count = ::pread(fd, &byte, 1, static_cast<off_t>(offset - 1));
  } while (count < 0 && errno == EINTR);
  if (count < 0) {
    return Status(StatusCode::io, "Could not read " + path + " at byte " +
                                      std::to_string(offset - 1) + ": " + std::strerror(errno));
  }
  return count == 1 && byte == '\n';
}

Result<std::unique_ptr<Source>> make_source(const SourceConfig& config, Beginning start,
                                            Notify notify) {
  struct stat info {};
  if (::fstat(start.fd.get(), &info) != 0) {
    return Status(StatusCode::io, "Could not read " + start.path + ": " + std::strerror(errno));
  }
  if (S_ISDIR(info.st_mode)) {
    return Status(
        StatusCode::io,
        "The event file " + start.path +
            " is a directory. source.path names one file of events, a JSON object a line");
  }
  const bool stream = !S_ISREG(info.st_mode) || config.type != SourceConfig::Type::file;
  if (config.follow && stream) {
    return Status(StatusCode::configuration,
                  config.location.text() + ": source.follow: " + start.path +
                      " is no regular file, so it cannot be followed. Remove follow: what is no "
                      "file is read until its writer closes it");
  }
  FileDescriptor stop_fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop_fd.open()) {
    return Status(StatusCode::io,
                  std::string("Could not make an event descriptor: ") + std::strerror(errno));
  }
  std::optional<OpenedFile> file;
  if (!stream) {
    ::posix_fadvise(start.fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
    if (::lseek(start.fd.get(), static_cast<off_t>(start.offset), SEEK_SET) < 0) {
      return Status(StatusCode::io, "Could not go to byte " + std::to_string(start.offset) +
                                        " of " + start.path + ": " + std::strerror(errno));
    }
    file.emplace();
    ASSIGN_OR_RETURN(file->identity, identify(start.fd.get(), start.path));
    file->offset = start.offset;
    ASSIGN_OR_RETURN(const bool at_line, ends_line(start.fd.get(), start.path, start.offset));
    file->within_line = !at_line;
  }
  std::string name = config.type == SourceConfig::Type::file ? config.path : start.path;
  return std::unique_ptr<Source>(
      std::make_unique<LineSource>(std::move(start.fd), std::move(stop_fd), std::move(name),
                                   std::move(file), config.follow, std::move(notify)));
}

}  // namespace

Result<std::unique_ptr<Source>> open(const SourceConfig& config,
                                     const std::optional<SavedPosition>& saved, bool from_start,
                                     Notify notify) {
  if (config.type != SourceConfig::Type::file)
    return make_source(config, {FileDescriptor(STDIN_FILENO), "standard input", 0},
                       std::move(notify));
  std::optional<Resumption> resumption;
  if (saved && !from_start) resumption.emplace(config, *saved, notify);
  FileDescriptor fd(::open(config.path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.open()) {
    const int error = errno;
    if (error != ENOENT || !resumption) return refused(config, error, {});
    Beginning start = resumption->without_file();
    if (!start.fd.open()) return refused(config, error, resumption->hint_without_file());
    return make_source(config, std::move(start), std::move(notify));
  }
  Beginning start{std::move(fd), config.path, 0};
  struct stat info {};
  if (resumption && ::fstat(start.fd.get(), &info) == 0 && S_ISREG(info.st_mode)) {
    ASSIGN_OR_RETURN(start, resumption->with_file(std::move(start.fd)));
  }
  return make_source(config, std::move(start), std::move(notify));
}

}  // namespace penstock::source
