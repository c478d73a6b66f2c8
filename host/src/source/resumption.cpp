#include "source/resumption.hpp"

#include <utility>

#include "source/file_identity.hpp"

namespace penstock::source {
namespace {

std::string bytes_of(std::uint64_t bytes) {
  return std::to_string(bytes) + (bytes == 1 ? " byte" : " bytes");
}

// Nobody can tell what stood behind the position in a file that is no more what it was.
std::string lost_rest(const std::string& offset) {
  return ". What had been written behind byte " + offset +
         " before that, if anything, was not read";
}

}  // namespace

Result<Beginning> begin_at(FileDescriptor fd, const std::string& path, const FilePosition& saved) {
  ASSIGN_OR_RETURN(FilePosition at, identify(fd.get(), path));
  at.offset = saved.offset;
  at.tail_size = saved.tail_size;
  at.tail = saved.tail;
  return Beginning{std::move(fd), std::move(at)};
}

void Resumption::say(Notice::Weight weight, std::string text) const {
  if (notify_) notify_({weight, std::move(text)});
}

std::string Resumption::hint_without_file() const {
  if (!saved_) return {};
  return ". " + bytes_of(saved_->offset) + " of " + saved_->path +
         " were read before. Put the file back to go on from there, or name another one in "
         "source.path in " +
         config_.location.text();
}

// The file in which the position was saved is read to its end before the one that the path names.
Result<Beginning> Resumption::go_on_in(MovedFile found) const {
  say(Notice::Weight::info, "The file that " + config_.path + " named before is now " + found.path +
                                "; it is read on from byte " + std::to_string(saved_->offset) +
                                ", and then " + config_.path);
  return begin_at(std::move(found.fd), found.path, *saved_);
}

Result<Beginning> Resumption::without_file() const {
  if (!saved_) return Beginning{};
  MovedFile found = find_moved(config_.path, *saved_);
  if (!found.fd.open()) return Beginning{};
  return go_on_in(std::move(found));
}

// For a warning that another file is read from its start: what became of the former one.
std::string Resumption::place_of_former(const MovedFile& found) const {
  if (!found.fd.open()) {
    return ". The former file was not found, so what was written to it behind byte " +
           std::to_string(saved_->offset) +
           ", if anything, is not read. If it was compressed or moved elsewhere, run that part of "
           "it by itself";
  }
  if (found.unread_bytes == 0) return ". What was read before is now " + found.path;
  return ". What was read before is now " + found.path + ", where " + bytes_of(found.unread_bytes) +
         " were not read; run that file by itself if they are wanted (--set source.path)";
}

void Resumption::say_what_is_found(Resemblance resemblance, const std::string& elsewhere) const {
  const std::string offset = std::to_string(saved_->offset);
  switch (resemblance) {
    case Resemblance::same:
      return say(Notice::Weight::info, config_.path + " is read on from byte " + offset);
    case Resemblance::copy:
      // While following, that is how files are replaced by longer ones. Else it may be a snapshot.
      return say(config_.follow ? Notice::Weight::info : Notice::Weight::warning,
                 config_.path + " is another file than the one that was read before (" +
                     saved_->path +
                     "), but begins with the same bytes and has the same ones "
                     "before byte " +
                     offset +
                     ": it is taken as its copy and read on from there. If it was changed in "
                     "between, as snapshots are, run it with --from-start");
    case Resemblance::shorter:
      return say(Notice::Weight::warning,
                 config_.path + " was cut off: " + bytes_of(saved_->offset) +
                     " of it were read before, more than it has now. It is read from its start" +
                     lost_rest(offset));
    case Resemblance::rewritten:
      return say(Notice::Weight::warning,
                 config_.path + " was written anew: at its beginning, or before byte " + offset +
                     ", it does not hold what was read there. It is read from its start" +
                     lost_rest(offset));
    case Resemblance::other:
      return say(Notice::Weight::warning, config_.path + " is another file than the one of which " +
                                              bytes_of(saved_->offset) + " were read before (" +
                                              saved_->path + "). It is read from its start" +
                                              elsewhere);
  }
}

Result<Beginning> Resumption::with_file(FileDescriptor fd) const {
  if (!saved_) {
    ASSIGN_OR_RETURN(FilePosition at, identify(fd.get(), config_.path));
    return Beginning{std::move(fd), std::move(at)};
  }
  ASSIGN_OR_RETURN(Resemblance resemblance, compare(fd.get(), config_.path, *saved_));
  std::string elsewhere;
  if (resemblance == Resemblance::other || resemblance == Resemblance::copy) {
    MovedFile found = find_moved(config_.path, *saved_);
    if (found.fd.open() && config_.follow) return go_on_in(std::move(found));
    // Where the file itself is there, the one that the path names is no copy that replaces it.
    if (found.fd.open()) resemblance = Resemblance::other;
    elsewhere = place_of_former(found);
  }
  say_what_is_found(resemblance, elsewhere);
  if (resemblance == Resemblance::same || resemblance == Resemblance::copy)
    return begin_at(std::move(fd), config_.path, *saved_);
  ASSIGN_OR_RETURN(FilePosition at, identify(fd.get(), config_.path));
  return Beginning{std::move(fd), std::move(at)};
}

Result<std::vector<Beginning>> Resumption::former_files() const {
  std::vector<Beginning> beginnings;
  if (!saved_) return beginnings;
  for (const FilePosition& former : saved_->former) {
    MovedFile found = find_moved(config_.path, former);
    const std::string offset = std::to_string(former.offset);
    if (!found.fd.open()) {
      say(Notice::Weight::info,
          "The file " + former.path + ", which was read up to byte " + offset +
              " before another one took its place, was not found: what was written to it since "
              "then, if anything, is not read");
    } else if (!config_.follow) {
      if (found.unread_bytes > 0) {
        say(Notice::Weight::warning,
            bytes_of(found.unread_bytes) + " of " + found.path + ", which was read up to byte " +
                offset +
                " before another file took its place, were not read; run that file by itself if "
                "they are wanted (--set source.path)");
      }
    } else {
      ASSIGN_OR_RETURN(Beginning beginning, begin_at(std::move(found.fd), found.path, former));
      beginnings.push_back(std::move(beginning));
    }
  }
  return beginnings;
}

}  // namespace penstock::source
