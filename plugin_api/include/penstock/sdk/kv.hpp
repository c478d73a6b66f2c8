// penstock/sdk/kv.hpp - "penstock.kv/1" for C++: small values that outlive the process.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "../ext/kv.h"
#include "host.hpp"

namespace penstock {
namespace sdk {

// The answer to a get. Owns its texts.
struct KvEntry {
  std::int32_t result = PENSTOCK_ERR_NOT_FOUND;  // OK, ERR_NOT_FOUND or why it could not be read
  std::string value;
  std::uint64_t version = 0;  // 0: does not exist
  std::string error;
};

// The answer to a put or remove.
struct KvResult {
  std::int32_t result =
      PENSTOCK_OK;  // OK, ERR_CONFLICT, ERR_NOT_FOUND or why it could not be written
  std::string error;
};

// A copyable handle. Without the service nothing is found, and what is put is lost at the end of
// the process: a plugin that can live with that need not ask. [any-thread]
class Kv {
 public:
  explicit Kv(const Host& host) : kv_(host.extension<penstock_kv>(PENSTOCK_EXT_KV)) {}
  explicit operator bool() const noexcept { return kv_ != nullptr; }

  [[nodiscard]] KvEntry get(std::string_view key) const {
    KvEntry entry;
    if (kv_ == nullptr) return entry;
    Sink sink{&entry, true};
    penstock_error error = empty_error();
    entry.result = kv_->get(kv_->ctx, str(key), &Kv::copy, &sink, &error);
    if (entry.result != PENSTOCK_OK) entry.error = error.message;
    if (!sink.complete) {
      entry.result = PENSTOCK_ERR_INTERNAL;
      entry.error = "no memory for the value";
    }
    return entry;
  }
  // [may-block] Durable when it returns OK.
  KvResult put(std::string_view key, std::string_view value,
               std::uint64_t expected_version = PENSTOCK_KV_ANY) const {
    if (kv_ == nullptr) return {};
    penstock_error error = empty_error();
    const std::int32_t result = kv_->put(kv_->ctx, str(key), str(value), expected_version, &error);
    return {result, result == PENSTOCK_OK ? "" : error.message};
  }
  // [may-block]
  KvResult remove(std::string_view key, std::uint64_t expected_version = PENSTOCK_KV_ANY) const {
    if (kv_ == nullptr) return {};
    penstock_error error = empty_error();
    const std::int32_t result = kv_->remove(kv_->ctx, str(key), expected_version, &error);
    return {result, result == PENSTOCK_OK ? "" : error.message};
  }

 private:
  struct Sink {
    KvEntry* entry;
    bool complete;
  };
  static penstock_error empty_error() noexcept {
    penstock_error error{};
    error.struct_size = sizeof error;
    return error;
  }
  static void copy(void* user, penstock_str value, std::uint64_t version) noexcept {
    auto& sink = *static_cast<Sink*>(user);
    try {
      sink.entry->value = view(value);
      sink.entry->version = version;
    } catch (...) {  // bad_alloc: get reports it
      sink.complete = false;
    }
  }

  const penstock_kv* kv_;
};

}  // namespace sdk
}  // namespace penstock
