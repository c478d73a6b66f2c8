#include "services/state_place.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <utility>

namespace penstock::services {
namespace {

constexpr char kLock[] = "lock";
constexpr char kQueue[] = "queue.db";
constexpr char kLog[] = "queue.db-wal";
constexpr char kIndex[] = "queue.db-shm";
constexpr char kValues[] = "state.db";

// What it means that the file is not what this run uses any more.
std::string consequence(const std::string& name) {
  if (name == kLock) {
    return "A second penstock could use the same state. Nothing is lost: what was read and not "
           "delivered is kept, and the next run goes on there; what was delivered last may be "
           "delivered again. The file need never be removed: the lock goes with the process.";
  }
  if (name == kLog) {
    return "Nothing is lost as long as this process can still take over into queue.db what was "
           "only there, which it tries now: the next run goes on, or says that it cannot.";
  }
  if (name == kIndex) {
    return "Nothing is lost. Another penstock that looks at the queue would make this file anew, "
           "and "
           "the two would not see each other's locks, so it must never be removed while a run goes "
           "on.";
  }
  if (name == kValues) {
    return "Lost is what plugins remembered, such as the ids of audiences: it is looked up anew. "
           "What waits for delivery, the position in the source and the counts are kept.";
  }
  return "Lost with it is what waited for delivery, the position in the source, the counts and the "
         "dead letters. Not lost is what was delivered, and the source: a run that finds no state "
         "reads it from its beginning and delivers it again; what came from standard input has to "
         "be fed in again. If it was moved, move it back before the next run: then nothing is "
         "lost.";
}

}  // namespace

StatePlace::StatePlace(std::string state_dir) : state_dir_(std::move(state_dir)) {
  // The first that is missed is named: the one whose loss means most stands first.
  for (const char* name : {kQueue, kLock, kLog, kIndex, kValues}) {
    struct stat status {};
    if (::lstat((state_dir_ + "/" + name).c_str(), &status) != 0) continue;
    files_.push_back({name, status.st_dev, status.st_ino});
  }
}

Status StatePlace::check() const {
  for (const File& file : files_) {
    const std::string path = state_dir_ + "/" + file.name;
    struct stat status {};
    const bool found = ::lstat(path.c_str(), &status) == 0;
    if (!found && errno != ENOENT && errno != ENOTDIR) continue;
    if (found && status.st_dev == file.device && status.st_ino == file.inode) continue;
    return {StatusCode::io,
            path + (found ? " was replaced by another file" : " was removed or moved away") +
                " while this run used it, so the run ends. " + consequence(file.name)};
  }
  return {};
}

}  // namespace penstock::services
