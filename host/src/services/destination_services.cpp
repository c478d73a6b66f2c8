#include "services/destination_services.hpp"

#include <cstring>
#include <exception>
#include <mutex>
#include <utility>

#include "gate/foreign_text.hpp"
#include "services/abi_text.hpp"
#include "services/log.hpp"

namespace penstock::services {

namespace {

LogLevel log_level(std::int32_t level) {
  if (level <= PENSTOCK_LOG_DEBUG) return LogLevel::debug;
  if (level == PENSTOCK_LOG_INFO) return LogLevel::info;
  return level == PENSTOCK_LOG_WARNING ? LogLevel::warning : LogLevel::error;
}

std::int32_t out_of_memory(penstock_error* error) {
  return fail(error, PENSTOCK_ERR_INTERNAL, "internal_error",
              "The key-value service ran out of memory.");
}

Notice make_notice(std::int32_t level, std::string_view code, std::string_view message) {
  constexpr std::size_t kMaxCode = DestinationServices::kMaxNoticeCodeBytes;
  constexpr std::size_t kMaxMessage = DestinationServices::kMaxNoticeMessageBytes;
  Notice notice;
  notice.level = level >= PENSTOCK_LOG_ERROR ? LogLevel::error : LogLevel::warning;
  notice.code = code.empty() ? "notice" : gate::foreign_text(code, kMaxCode);
  notice.message = gate::foreign_text(message, kMaxMessage);
  return notice;
}

}  // namespace

// The functions that plugins call. No exception leaves them.
struct DestinationServices::Trampolines {
  static DestinationServices& self(void* ctx) { return *static_cast<DestinationServices*>(ctx); }

  static std::uint32_t log_enabled(void*, std::int32_t level) noexcept {
    return services::log_enabled(log_level(level)) ? 1 : 0;
  }

  static void log(void* ctx, std::int32_t level, penstock_str message) noexcept {
    const std::string& destination = self(ctx).destination_;
    try {
      if (!services::log_enabled(log_level(level))) return;
      const std::string_view text = view(message);
      std::string shown = gate::foreign_text(text, kMaxLogBytes);
      if (text.size() > kMaxLogBytes) shown += " [cut]";
      services::log(log_level(level), destination, shown);
    } catch (const std::exception&) {
      say_unshown(destination);
    }
  }

  static void raise(void* ctx, std::int32_t level, penstock_str code,
                    penstock_str message) noexcept {
    DestinationServices& services = self(ctx);
    try {
      Notice notice = make_notice(level, view(code), view(message));
      const std::lock_guard lock(services.sink_mutex_);
      if (services.sink_) {
        services.sink_(std::move(notice));
      } else {
        services::log(notice.level, services.destination_, notice.code + ": " + notice.message);
      }
    } catch (const std::exception&) {
      say_unshown(services.destination_);
    }
  }

  // Without memory for the masked text, say at least that there was one.
  static void say_unshown(const std::string& destination) noexcept {
    try {
      services::log(LogLevel::error, destination, "a message of the plugin could not be shown");
    } catch (const std::exception&) {
      return;  // nothing is left to say it with
    }
  }

  static std::int64_t wall_ns(void* ctx) noexcept { return self(ctx).clock_.wall_ns(); }
  static std::int64_t monotonic_ns(void* ctx) noexcept { return self(ctx).clock_.monotonic_ns(); }

  static const void* extension(void* ctx, const char* id) noexcept {
    if (id == nullptr) return nullptr;
    DestinationServices& services = self(ctx);
    if (std::strcmp(id, PENSTOCK_EXT_HTTP) == 0 && services.http_ != nullptr)
      return services.http_->table();
    if (std::strcmp(id, PENSTOCK_EXT_KV) == 0 && services.store_ != nullptr) return &services.kv_;
    if (std::strcmp(id, PENSTOCK_EXT_NOTICES) == 0) return &services.notices_;
    return nullptr;
  }

  static std::int32_t kv_get(void* ctx, penstock_str key,
                             void (*sink)(void* user, penstock_str value, std::uint64_t version),
                             void* user, penstock_error* error) noexcept {
    try {
      KeyValueStore::Entry entry;
      const std::int32_t status =
          self(ctx).store_->get(self(ctx).destination_, view(key), entry, error);
      if (status == PENSTOCK_OK) sink(user, str(entry.value), entry.version);
      return status;
    } catch (const std::exception&) {
      return out_of_memory(error);
    }
  }

  static std::int32_t kv_put(void* ctx, penstock_str key, penstock_str value,
                             std::uint64_t expected_version, penstock_error* error) noexcept {
    try {
      return self(ctx).store_->put(self(ctx).destination_, view(key), view(value), expected_version,
                                   error);
    } catch (const std::exception&) {
      return out_of_memory(error);
    }
  }

  static std::int32_t kv_remove(void* ctx, penstock_str key, std::uint64_t expected_version,
                                penstock_error* error) noexcept {
    try {
      return self(ctx).store_->remove(self(ctx).destination_, view(key), expected_version, error);
    } catch (const std::exception&) {
      return out_of_memory(error);
    }
  }
};

DestinationServices::DestinationServices(std::string destination, HttpConnection* http,
                                         KeyValueStore* store, const Clock& clock)
    : destination_(std::move(destination)),
      http_(http),
      store_(store),
      clock_(clock),
      host_{sizeof(penstock_host),    PENSTOCK_ABI_MAJOR,
            PENSTOCK_ABI_MINOR,       this,
            Trampolines::log_enabled, Trampolines::log,
            Trampolines::wall_ns,     Trampolines::monotonic_ns,
            Trampolines::extension},
      kv_{sizeof(penstock_kv),   0, this, Trampolines::kv_get, Trampolines::kv_put,
          Trampolines::kv_remove},
      notices_{sizeof(penstock_notices), 0, this, Trampolines::raise} {}

void DestinationServices::set_notice_sink(NoticeSink sink) {
  const std::lock_guard lock(sink_mutex_);
  sink_ = std::move(sink);
}

}  // namespace penstock::services
