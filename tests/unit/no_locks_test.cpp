// Guards what is said on a file system that gives no locks: each lock of this program is refused by
// the kernel with ENOLCK, as NFS without its lock daemon does.
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>

#include "services/state_lock.hpp"
#include "store_fixture.hpp"

namespace {

bool locks_are_left = true;

bool asks_for_lock(int command) {
  return command == F_SETLK || command == F_SETLKW || command == F_GETLK ||
         command == F_OFD_SETLK || command == F_OFD_SETLKW || command == F_OFD_GETLK;
}

}  // namespace

// In the place of the C library's, also for SQLite. Every command that is used here takes one
// argument of the size of a pointer, or none.
extern "C" __attribute__((visibility("default"))) int fcntl64(int fd, int command, ...) {
  if (!locks_are_left && asks_for_lock(command)) {
    errno = ENOLCK;
    return -1;
  }
  va_list arguments;
  va_start(arguments, command);
  void* const argument = va_arg(arguments, void*);
  va_end(arguments);
  return static_cast<int>(::syscall(SYS_fcntl, fd, command, argument));
}
extern "C" __attribute__((visibility("default"))) int fcntl(int fd, int command, ...) {
  va_list arguments;
  va_start(arguments, command);
  void* const argument = va_arg(arguments, void*);
  va_end(arguments);
  return fcntl64(fd, command, argument);
}

namespace penstock::store {
namespace {

struct NoLocks {
  NoLocks() { locks_are_left = false; }
  NoLocks(const NoLocks&) = delete;
  NoLocks& operator=(const NoLocks&) = delete;
  ~NoLocks() { locks_are_left = true; }
};

void check_says_locks(const Status& status) {
  INFO(status.message());
  CHECK(status.code() == StatusCode::io);
  CHECK_THAT(status.message(), Catch::Contains("locks") && Catch::Contains("state_dir") &&
                                   !Catch::Contains("fault of Penstock") &&
                                   !Catch::Contains("damaged"));
}

}  // namespace

TEST_CASE("Where no locks are left the state directory is refused for that") {
  const Directory directory;
  const NoLocks none;
  const auto lock = services::StateLock::acquire(directory.path, "pipeline.yaml");
  REQUIRE_FALSE(lock.ok());
  check_says_locks(lock.status());
  CHECK_THAT(lock.status().message(), Catch::Contains(directory.path + "/lock"));
}

TEST_CASE("Where no locks are left the queue is neither damaged nor a fault of Penstock") {
  const Directory directory;
  const services::SystemClock clock;
  {
    const auto store = open_store(directory, clock);
    Commit commit;
    append(commit, make_block(0, {0, 1, 2}));
    must(store->commit(commit));
  }
  const std::string before = bytes_of(directory.database());
  {
    const NoLocks none;
    check_says_locks(Store::open(directory.path, catalog(), {}, clock).status());
    // Nobody writes to what was closed, and nobody can begin to. It is sound: a repair does
    // nothing.
    CHECK(Reader::open(directory.path, clock).ok());
    CHECK(repair(directory.path, clock).ok());
    const auto checked = check(directory.path);
    REQUIRE(checked.ok());
    CHECK(checked->sound);
  }
  CHECK(bytes_of(directory.database()) == before);
  CHECK(open_store(directory, clock)->backlog().blocks == 1);
}

TEST_CASE("A queue that is made where no locks are left says so") {
  const Directory directory;
  const services::SystemClock clock;
  const NoLocks none;
  check_says_locks(Store::open(directory.path, catalog(), {}, clock).status());
}

}  // namespace penstock::store
