#include "source/line_source.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "source/file_identity.hpp"
#include "source/rotation.hpp"

namespace penstock::source {

LineSource::LineSource(SourceConfig config, FileDescriptor stop_fd, std::string name,
                       std::optional<SavedPosition> saved, Notify notify)
    : config_(std::move(config)),
      stop_fd_(std::move(stop_fd)),
      name_(std::move(name)),
      saved_(std::move(saved)),
      notify_(std::move(notify)),
      former_(config_.rotate_wait, notify_) {
  if (config_.follow) follower_ = std::make_unique<Follower>(name_, stop_fd_.get());
}

void LineSource::read_stream(FileDescriptor fd) {
  reader_ = std::make_unique<LineReader>(std::move(fd), name_, stop_fd_.get(), stopped_);
}

void LineSource::read_file(Beginning beginning) {
  if (follower_) follower_->watch(beginning.fd.get());
  reader_ = std::make_unique<LineReader>(std::move(beginning.fd), name_, std::move(beginning.at),
                                         generation_++, stopped_);
}

void LineSource::read_former(Beginning beginning) {
  std::string name = beginning.at.path;
  former_.add(std::make_unique<LineReader>(std::move(beginning.fd), std::move(name),
                                           std::move(beginning.at), generation_++, stopped_),
              false, std::chrono::steady_clock::now());
}

void LineSource::notify(Notice::Weight weight, std::string text) const {
  if (notify_) notify_({weight, std::move(text)});
}

void LineSource::stop() {
  stopped_.store(true, std::memory_order_relaxed);
  const std::uint64_t one = 1;
  // An eventfd write of 1 can fail only when its counter is at its maximum, and then it is readable
  // already.
  [[maybe_unused]] const ssize_t written = ::write(stop_fd_.get(), &one, sizeof one);
}

std::uint64_t LineSource::known_bytes() const {
  if (!reader_) return 0;
  struct stat info {};
  // Standard input may be a file, too.
  if (::fstat(reader_->fd(), &info) == 0 && S_ISREG(info.st_mode))
    return static_cast<std::uint64_t>(info.st_size);
  return reader_->here();
}

Position LineSource::position() const {
  return reader_ ? reader_->position() : Position{0, generation_};
}

// After a wait anything may have come, and what was written anew must not be read on.
Status LineSource::wait() {
  look_at_former_ = {};
  look_first_ = true;
  return follower_->wait();
}

Result<bool> LineSource::read_former_files(Chunk& chunk) {
  if (former_.empty()) return false;
  const Time now = std::chrono::steady_clock::now();
  if (now < look_at_former_) return false;
  ASSIGN_OR_RETURN(const bool lines, former_.read(chunk, now));
  if (!lines) look_at_former_ = now + kLookEvery;
  return lines;
}

// The followed path named nothing when the source was opened.
Status LineSource::await_file() {
  ASSIGN_OR_RETURN(FileDescriptor fd, follower_->open_file());
  if (fd.open()) {
    ASSIGN_OR_RETURN(Beginning beginning,
                     Resumption(config_, saved_, notify_).with_file(std::move(fd)));
    if (awaits_ && !saved_) notify(Notice::Weight::info, name_ + " is there now and is read");
    read_file(std::move(beginning));
    return {};
  }
  if (!awaits_) {
    awaits_ = true;
    std::error_code error;
    const std::filesystem::path directory = std::filesystem::path(name_).parent_path();
    std::string text = name_ + " does not exist";
    if (!std::filesystem::exists(directory, error))
      text += ", and neither does its directory " + directory.string();
    if (saved_) {
      text += ", although " + std::to_string(saved_->offset) + " bytes of " + saved_->path +
              " were read before";
    }
    notify(Notice::Weight::warning, text +
                                        ". Penstock waits until it is there (source.follow). If "
                                        "that is not meant, check source.path in " +
                                        config_.location.text());
  }
  return wait();
}

// The file or stream has ended for good.
Result<bool> LineSource::finish(Chunk& chunk) {
  if (reader_->is_file() && reader_->rest_is_half_a_line()) {
    if (!left_rest_) {
      notify(
          Notice::Weight::warning,
          "The last " + std::to_string(reader_->rest_size()) + " bytes of " + name_ +
              ", from byte " + std::to_string(reader_->position().offset) +
              " on, have no newline and are not a whole event. They are left unread, and the next "
              "run begins with them. If nothing completes that line, its sender lost the rest "
              "of an event");
    }
    left_rest_ = true;
    return false;
  }
  ASSIGN_OR_RETURN(const bool rest, reader_->read_rest(chunk));
  return rest && hand_on(chunk);
}

Status LineSource::begin_anew() {
  std::string text = name_ + " was cut off or written anew after " +
                     std::to_string(reader_->here()) +
                     " bytes of it had been read; it is now read from its start";
  if (reader_->rest_size() > 0) {
    text += ". Its last " + std::to_string(reader_->rest_size()) +
            " bytes were a line without a newline and are no event";
  }
  notify(Notice::Weight::warning, std::move(text));
  ASSIGN_OR_RETURN(FilePosition start, identify(reader_->fd(), name_));
  reader_->start_again(std::move(start), generation_++);
  return {};
}

// The path names another file, and the one in hand is at its end. That is kept, as its writer may
// not have noticed yet.
Status LineSource::take_successor() {
  ASSIGN_OR_RETURN(FileDescriptor fd, follower_->open_file());
  if (!fd.open()) return wait();
  const FilePosition& file = reader_->file();
  ASSIGN_OR_RETURN(const Resemblance resemblance, compare(fd.get(), name_, file));
  // The former one was put back in the meantime.
  if (resemblance != Resemblance::copy && resemblance != Resemblance::other) return wait();
  const bool copy = resemblance == Resemblance::copy;
  const std::string offset = std::to_string(file.offset);
  Beginning beginning;
  if (copy) {
    ASSIGN_OR_RETURN(beginning, begin_at(std::move(fd), name_, file));
    notify(Notice::Weight::info, name_ + " names a new file with the same bytes up to byte " +
                                     offset +
                                     ": it is taken as a copy of the one before and read on from "
                                     "there");
  } else {
    ASSIGN_OR_RETURN(beginning.at, identify(fd.get(), name_));
    beginning.fd = std::move(fd);
    notify(Notice::Weight::info,
           name_ + " names a new file, which is now read. The one before was read to its end, " +
               std::to_string(reader_->here()) +
               " bytes; what still comes to it is read until nothing came for "
               "source.rotate_wait");
  }
  former_.add(std::move(reader_), copy, std::chrono::steady_clock::now());
  read_file(std::move(beginning));
  return {};
}

Status LineSource::look_at_end() {
  ASSIGN_OR_RETURN(const Follower::Found found,
                   follower_->look(reader_->fd(), reader_->file(), reader_->here()));
  switch (found) {
    case Follower::Found::nothing:
      return wait();
    case Follower::Found::more:
      return {};
    case Follower::Found::emptied:
      return begin_anew();
    case Follower::Found::replaced:
      return take_successor();
  }
  return {};
}

bool LineSource::hand_on(Chunk& chunk) {
  chunk.sequence = sequence_++;
  chunk.reached = position();
  chunk.saved.reset();
  if (reader_ && !reader_->is_file()) return true;
  // Lines of a former file, while the one of now is still awaited: that was read no further.
  if (!reader_ && !saved_) return true;
  const FilePosition& file = reader_ ? reader_->file() : *saved_;
  chunk.saved = SavedPosition{file, former_.saved()};
  return true;
}

Result<bool> LineSource::next(Chunk& chunk) {
  while (!stopped()) {
    ASSIGN_OR_RETURN(const bool late, read_former_files(chunk));
    if (late) return hand_on(chunk);
    if (stopped()) break;
    if (!reader_) {
      RETURN_IF_ERROR(await_file());
      continue;
    }
    if (look_first_) {
      look_first_ = false;
      RETURN_IF_ERROR(look_at_end());
      continue;
    }
    ASSIGN_OR_RETURN(const bool lines, reader_->read(chunk));
    if (lines) return hand_on(chunk);
    if (stopped()) break;
    if (!follower_) return finish(chunk);
    RETURN_IF_ERROR(look_at_end());
  }
  return false;
}

}  // namespace penstock::source
