#include "faulty_disk.hpp"

#include <sqlite3.h>

#include <atomic>

namespace penstock::store {

namespace {

// Atomic, as a test arms and reads while the queue's own thread writes.
struct State {
  sqlite3_vfs* real = nullptr;
  std::atomic<std::uint64_t> calls = 0;
  std::atomic<std::uint64_t> failing_call = FaultyDisk::kNever;
  std::atomic<bool> from_then = false;
  std::atomic<std::uint64_t> reads = 0;
  std::atomic<std::uint64_t> failing_read = FaultyDisk::kNever;
  std::atomic<FaultyDisk::Fault> fault = FaultyDisk::Fault::error;
} state;

// The real file follows directly behind it.
struct File {
  sqlite3_file base;
  [[nodiscard]] sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

sqlite3_file* real(sqlite3_file* file) {
  return reinterpret_cast<File*>(file)->real();
}

bool fails() {
  const std::uint64_t call = state.calls++;
  return state.from_then ? call >= state.failing_call : call == state.failing_call;
}

int close(sqlite3_file* file) {
  return real(file)->pMethods->xClose(real(file));
}
int read(sqlite3_file* file, void* bytes, int size, sqlite3_int64 offset) {
  if (state.reads++ == state.failing_read) return SQLITE_IOERR_READ;
  return real(file)->pMethods->xRead(real(file), bytes, size, offset);
}
int write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset) {
  if (!fails()) return real(file)->pMethods->xWrite(real(file), bytes, size, offset);
  if (state.fault == FaultyDisk::Fault::full) return SQLITE_FULL;
  if (state.fault == FaultyDisk::Fault::half_write) {
    real(file)->pMethods->xWrite(real(file), bytes, size / 2, offset);
  }
  return SQLITE_IOERR_WRITE;
}
int truncate(sqlite3_file* file, sqlite3_int64 size) {
  return fails() ? SQLITE_IOERR_TRUNCATE : real(file)->pMethods->xTruncate(real(file), size);
}
// Without a real sync: the operating system does not fail here, and it would take most of the time.
int sync(sqlite3_file* /*file*/, int /*flags*/) {
  return fails() ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}
int file_size(sqlite3_file* file, sqlite3_int64* size) {
  return real(file)->pMethods->xFileSize(real(file), size);
}
int lock(sqlite3_file* file, int level) {
  return real(file)->pMethods->xLock(real(file), level);
}
int unlock(sqlite3_file* file, int level) {
  return real(file)->pMethods->xUnlock(real(file), level);
}
int check_lock(sqlite3_file* file, int* result) {
  return real(file)->pMethods->xCheckReservedLock(real(file), result);
}
int control(sqlite3_file* file, int operation, void* argument) {
  return real(file)->pMethods->xFileControl(real(file), operation, argument);
}
int sector_size(sqlite3_file* file) {
  return real(file)->pMethods->xSectorSize(real(file));
}
int characteristics(sqlite3_file* file) {
  return real(file)->pMethods->xDeviceCharacteristics(real(file));
}
int shm_map(sqlite3_file* file, int page, int size, int extend, void volatile** memory) {
  return fails() ? SQLITE_IOERR_SHMMAP
                 : real(file)->pMethods->xShmMap(real(file), page, size, extend, memory);
}
int shm_lock(sqlite3_file* file, int offset, int count, int flags) {
  return real(file)->pMethods->xShmLock(real(file), offset, count, flags);
}
void shm_barrier(sqlite3_file* file) {
  real(file)->pMethods->xShmBarrier(real(file));
}
int shm_unmap(sqlite3_file* file, int remove) {
  return real(file)->pMethods->xShmUnmap(real(file), remove);
}

// Version 2: without memory-mapped files, which SQLite does not use unless it is told to.
const sqlite3_io_methods kMethods = {
    2,         close,      read,    write,       truncate,        sync,    file_size, lock,
    unlock,    check_lock, control, sector_size, characteristics, shm_map, shm_lock,  shm_barrier,
    shm_unmap, nullptr,    nullptr};

int open(sqlite3_vfs* /*vfs*/, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  file->pMethods = nullptr;
  if (fails()) return SQLITE_CANTOPEN;
  const int result = state.real->xOpen(state.real, name, real(file), flags, out_flags);
  // xClose is called whenever methods are set, also after a failure.
  if (real(file)->pMethods != nullptr) file->pMethods = &kMethods;
  return result;
}
int remove(sqlite3_vfs* /*vfs*/, const char* name, int sync_directory) {
  return fails() ? SQLITE_IOERR_DELETE : state.real->xDelete(state.real, name, sync_directory);
}

}  // namespace

void FaultyDisk::arm_read(std::uint64_t failing_read) {
  state.reads = 0;
  state.failing_read = failing_read;
}

std::uint64_t FaultyDisk::reads() {
  return state.reads;
}

void FaultyDisk::install() {
  if (state.real != nullptr) return;
  state.real = sqlite3_vfs_find(nullptr);
  static sqlite3_vfs vfs = *state.real;
  vfs.zName = kName;
  vfs.pNext = nullptr;
  vfs.szOsFile = static_cast<int>(sizeof(File)) + state.real->szOsFile;
  vfs.xOpen = open;
  vfs.xDelete = remove;
  sqlite3_vfs_register(&vfs, 0);
}

void FaultyDisk::arm(std::uint64_t failing_call, bool from_then, Fault fault) {
  state.calls = 0;
  state.failing_call = failing_call;
  state.from_then = from_then;
  state.fault = fault;
}

std::uint64_t FaultyDisk::calls() {
  return state.calls;
}

}  // namespace penstock::store
