// Opening a source: where in which file to begin.
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "source/line_source.hpp"
#include "source/resumption.hpp"
#include "source/source.hpp"

namespace penstock::source {
namespace {

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

Status refuse_directory(const std::string& path) {
  return {StatusCode::io,
          "The event file " + path +
              " is a directory. source.path names one file of events, a JSON object a line"};
}

Result<FileDescriptor> make_stop_descriptor() {
  FileDescriptor stop_fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (stop_fd.open()) return stop_fd;
  return Status(StatusCode::io,
                std::string("Could not make an event descriptor: ") + std::strerror(errno));
}

Result<std::unique_ptr<Source>> open_standard_input(const SourceConfig& config, Notify notify) {
  // main() puts what can only be written to in the place of a closed one.
  const int flags = ::fcntl(STDIN_FILENO, F_GETFL);
  if (flags < 0 || (flags & O_ACCMODE) == O_WRONLY) {
    return Status(StatusCode::io,
                  "Standard input is closed, so there is nothing to read events from. Feed them "
                  "in, such as: penstock run PIPELINE < events.ndjson");
  }
  struct stat info {};
  if (::fstat(STDIN_FILENO, &info) == 0 && S_ISDIR(info.st_mode))
    return refuse_directory("standard input");
  ASSIGN_OR_RETURN(FileDescriptor stop_fd, make_stop_descriptor());
  auto source = std::make_unique<LineSource>(config, std::move(stop_fd), "standard input",
                                             std::nullopt, std::move(notify));
  source->read_stream(FileDescriptor(STDIN_FILENO));
  return std::unique_ptr<Source>(std::move(source));
}

// What the path names is no regular file.
Result<std::unique_ptr<Source>> open_stream(const SourceConfig& config, FileDescriptor fd,
                                            Notify notify) {
  if (config.follow) {
    return Status(StatusCode::configuration,
                  config.location.text() + ": source.follow: " + config.path +
                      " is no regular file, so it cannot be followed. Remove follow: what is no "
                      "file is read until its writer closes it");
  }
  ASSIGN_OR_RETURN(FileDescriptor stop_fd, make_stop_descriptor());
  auto source = std::make_unique<LineSource>(config, std::move(stop_fd), config.path, std::nullopt,
                                             std::move(notify));
  source->read_stream(std::move(fd));
  return std::unique_ptr<Source>(std::move(source));
}

// `fd`: of a regular file, or none where the path names nothing.
Result<std::unique_ptr<Source>> open_file(const SourceConfig& config, FileDescriptor fd,
                                          const std::optional<SavedPosition>& saved,
                                          Notify notify) {
  const Resumption resumption(config, saved, notify);
  Beginning start;
  if (fd.open()) {
    ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
    ASSIGN_OR_RETURN(start, resumption.with_file(std::move(fd)));
  } else if (config.follow) {
    ASSIGN_OR_RETURN(start, resumption.without_file());
  } else {
    return refused(config, ENOENT, resumption.hint_without_file());
  }
  ASSIGN_OR_RETURN(std::vector<Beginning> former, resumption.former_files());
  ASSIGN_OR_RETURN(FileDescriptor stop_fd, make_stop_descriptor());
  auto source = std::make_unique<LineSource>(config, std::move(stop_fd), config.path, saved,
                                             std::move(notify));
  for (Beginning& beginning : former) source->read_former(std::move(beginning));
  if (start.fd.open()) source->read_file(std::move(start));
  return std::unique_ptr<Source>(std::move(source));
}

}  // namespace

Result<std::unique_ptr<Source>> open(const SourceConfig& config,
                                     const std::optional<SavedPosition>& saved, bool from_start,
                                     Notify notify) {
  if (config.type != SourceConfig::Type::file)
    return open_standard_input(config, std::move(notify));
  FileDescriptor fd(::open(config.path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.open() && errno != ENOENT) return refused(config, errno, {});
  struct stat info {};
  if (fd.open() && ::fstat(fd.get(), &info) != 0) {
    return Status(StatusCode::io,
                  "Could not look at the event file " + config.path + ": " + std::strerror(errno));
  }
  if (fd.open() && S_ISDIR(info.st_mode)) return refuse_directory(config.path);
  if (fd.open() && !S_ISREG(info.st_mode))
    return open_stream(config, std::move(fd), std::move(notify));
  static const std::optional<SavedPosition> kNothing;
  return open_file(config, std::move(fd), from_start ? kNothing : saved, std::move(notify));
}

}  // namespace penstock::source
