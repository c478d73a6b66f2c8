// A virtual file system for SQLite over its default one, whose n-th change of a file fails.
#pragma once

#include <cstdint>

namespace penstock::store {

struct FaultyDisk {
  enum class Fault : std::uint8_t {
    error,       // SQLITE_IOERR
    full,        // SQLITE_FULL for writes, else SQLITE_IOERR
    half_write,  // half of the bytes are written, then SQLITE_IOERR
  };
  static constexpr char kName[] = "penstock_faulty";
  static constexpr std::uint64_t kNever = UINT64_MAX;

  static void install();  // once a process or more often
  // Counts calls anew. The call with that number (from 0) fails, and all later ones if `from_then`.
  static void arm(std::uint64_t failing_call, bool from_then, Fault fault);
  static void disarm() { arm(kNever, false, Fault::error); }
  // The xRead with that number (from 0) fails, once.
  static void arm_read(std::uint64_t failing_read);
  static std::uint64_t reads();  // since arm_read()
  // Of xWrite, xSync, xTruncate, xDelete, xOpen and xShmMap since arm().
  static std::uint64_t calls();
};

}  // namespace penstock::store
