// KeyValueStore: small values of plugins that outlive the process (penstock.kv/1), kept in
// state_dir/state.db.
#pragma once

#include <penstock/ext/kv.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "model/status.hpp"

namespace penstock::services {

// One for all destinations of a process; each sees its own name space. A version counts the writes
// and removals of a key and never goes back, so that compare-and-set holds over a removal; what was
// removed reads as version 0. [any-thread]
class KeyValueStore {
 public:
  static constexpr std::size_t kMaxKeyBytes = 256;  // ext/kv.h
  static constexpr std::size_t kMaxValueBytes = 64 * 1024;

  // Opens state_dir/state.db, made where it is missing (directory 0700, file 0600). A damaged file,
  // one that is no database and one of a newer Penstock are refused and left as they are.
  // [control-thread]
  [[nodiscard]] static Result<std::unique_ptr<KeyValueStore>> open(const std::string& state_dir);
  KeyValueStore(const KeyValueStore&) = delete;
  KeyValueStore& operator=(const KeyValueStore&) = delete;
  ~KeyValueStore();

  struct Entry {
    std::string value;
    std::uint64_t version = 0;
  };
  // PENSTOCK_OK, ERR_NOT_FOUND, ERR_INVALID (key) or ERR_INTERNAL (the database cannot be read).
  // `error` may be null.
  std::int32_t get(std::string_view name_space, std::string_view key, Entry& entry,
                   penstock_error* error);
  // [may-block] Durable when it returns PENSTOCK_OK; else ERR_CONFLICT, ERR_INVALID or
  // ERR_INTERNAL, and nothing has changed. expected_version 0: only if there is none;
  // PENSTOCK_KV_ANY: in any case.
  std::int32_t put(std::string_view name_space, std::string_view key, std::string_view value,
                   std::uint64_t expected_version, penstock_error* error);
  // As put. What does not exist is removed already: OK for versions 0 and PENSTOCK_KV_ANY.
  std::int32_t remove(std::string_view name_space, std::string_view key,
                      std::uint64_t expected_version, penstock_error* error);

 private:
  class Database;
  explicit KeyValueStore(std::unique_ptr<Database> database);
  std::int32_t write(std::string_view name_space, std::string_view key,
                     const std::string_view* value, std::uint64_t expected_version,
                     penstock_error* error);

  std::mutex mutex_;
  std::unique_ptr<Database> database_;  // guarded by mutex_
};

}  // namespace penstock::services
