// penstock/sdk/plugin.hpp - write a plugin as a class; PENSTOCK_PLUGIN turns it into the hooks of
// abi.h.
//
//   using namespace penstock::sdk;
//   class Plugin {
//    public:
//     explicit Plugin(const Host& host);
//     std::int32_t settings(const Config& config, const Error& error);
//     std::int32_t mapping(const Record& record, const Emitter& emitter, const Error& error) const;
//     std::int32_t send(const Batch& batch, const Error& error);
//     // These are optional:
//     std::int32_t check(std::int64_t deadline_ns, const Error& error);
//     std::int32_t query(std::string_view name, std::string_view arguments_json,
//                        std::int64_t deadline_ns, std::string& answer, const Error& error);
//     void quiesce();
//   };
//   PENSTOCK_PLUGIN(acme, Plugin)    acme_init, acme_settings, acme_mapping and acme_send
//   PENSTOCK_PLUGIN_WITH_CHECK(acme, Plugin)              and acme_check
//   PENSTOCK_PLUGIN_WITH_CHECK_AND_QUERY(acme, Plugin)    and acme_query
//
// query writes the text of a JSON object to `answer`, which reaches the host if it returns OK.
// Hooks return the codes of abi.h. Whatever they throw is caught and becomes ERR_INTERNAL; nothing
// crosses the boundary.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include "batch.hpp"
#include "error.hpp"
#include "host.hpp"
#include "record.hpp"

#if defined(_WIN32)
#define PENSTOCK_SDK_EXPORT __declspec(dllexport)
#else
#define PENSTOCK_SDK_EXPORT __attribute__((visibility("default")))
#endif

namespace penstock {
namespace sdk {
namespace detail {

// Runs `body` and turns whatever it throws into ERR_INTERNAL. The exception's own text stays
// inside: it may quote personal data.
template <typename Body>
std::int32_t guarded(const char* hook, const Error& error, const Body& body) noexcept {
  try {
    try {
      return body();
    } catch (const std::bad_alloc&) {
      return error.fail(PENSTOCK_ERR_INTERNAL, "out_of_memory", {}, "not enough memory");
    } catch (const std::exception& e) {
      return error.fail(PENSTOCK_ERR_INTERNAL, "exception", {},
                        std::string("the hook ") + hook + " let an exception out (" +
                            typeid(e).name() + "): a fault of the plugin");
    }
  } catch (...) {
    return error.fail(PENSTOCK_ERR_INTERNAL, "exception", {},
                      "a hook let something out that is no std::exception: a fault of the plugin");
  }
}

template <typename Plugin, typename = void>
struct HasQuiesce : std::false_type {};
template <typename Plugin>
struct HasQuiesce<Plugin, std::void_t<decltype(std::declval<Plugin&>().quiesce())>>
    : std::true_type {};

// Says at compile time, in words, what a plugin class lacks.
template <typename Plugin>
struct Requirements {
  template <typename P>
  static auto has_settings(int)
      -> std::is_same<decltype(std::declval<P&>().settings(std::declval<const Config&>(),
                                                           std::declval<const Error&>())),
                      std::int32_t>;
  template <typename P>
  static std::false_type has_settings(...);
  template <typename P>
  static auto has_mapping(int)
      -> std::is_same<decltype(std::declval<const P&>().mapping(std::declval<const Record&>(),
                                                                std::declval<const Emitter&>(),
                                                                std::declval<const Error&>())),
                      std::int32_t>;
  template <typename P>
  static std::false_type has_mapping(...);
  template <typename P>
  static auto has_send(int)
      -> std::is_same<decltype(std::declval<P&>().send(std::declval<const Batch&>(),
                                                       std::declval<const Error&>())),
                      std::int32_t>;
  template <typename P>
  static std::false_type has_send(...);

  static_assert(std::is_constructible_v<Plugin, const Host&>,
                "a plugin needs a constructor that takes const penstock::sdk::Host&");
  static_assert(std::is_nothrow_destructible_v<Plugin>, "a plugin's destructor must not throw");
  static_assert(decltype(has_settings<Plugin>(0))::value,
                "a plugin needs std::int32_t settings(const Config&, const Error&)");
  static_assert(
      decltype(has_mapping<Plugin>(0))::value,
      "a plugin needs std::int32_t mapping(const Record&, const Emitter&, const Error&) const: "
      "const, because many workers call it at once");
  static_assert(decltype(has_send<Plugin>(0))::value,
                "a plugin needs std::int32_t send(const Batch&, const Error&)");
  static constexpr bool kMet = true;
};

template <typename Plugin>
struct Hooks {
  static_assert(Requirements<Plugin>::kMet, "");

  static std::int32_t init(const penstock_host* host, penstock_descriptor* out,
                           penstock_error* raw_error) noexcept {
    const Error error(raw_error);
    if (host == nullptr || host->struct_size < sizeof(penstock_host) ||
        host->abi_major != PENSTOCK_ABI_MAJOR || out == nullptr ||
        out->struct_size < sizeof(penstock_descriptor)) {
      return error.fail(
          PENSTOCK_ERR_UNSUPPORTED, "abi_mismatch", {},
          "this plugin was built for Penstock ABI 1; the host offers another, or less of it");
    }
    return guarded("init", error, [&] {
      auto plugin = std::make_unique<Plugin>(Host(host));
      out->abi_major = PENSTOCK_ABI_MAJOR;
      out->abi_minor = PENSTOCK_ABI_MINOR;
      out->quiesce = &Hooks::quiesce;
      out->destroy = &Hooks::destroy;
      out->plugin = plugin.release();
      return PENSTOCK_OK;
    });
  }
  static std::int32_t settings(void* plugin, const penstock_config* config,
                               penstock_error* raw_error) noexcept {
    const Error error(raw_error);
    return guarded("settings", error,
                   [&] { return self(plugin).settings(Config(*config), error); });
  }
  static std::int32_t mapping(void* plugin, const penstock_record* record,
                              const penstock_emitter* emitter, penstock_error* raw_error) noexcept {
    const Error error(raw_error);
    return guarded("mapping", error, [&] {
      return std::as_const(self(plugin)).mapping(Record(*record), Emitter(*emitter), error);
    });
  }
  static std::int32_t send(void* plugin, const penstock_batch* batch,
                           penstock_error* raw_error) noexcept {
    const Error error(raw_error);
    return guarded("send", error, [&] { return self(plugin).send(Batch(*batch), error); });
  }
  static std::int32_t check(void* plugin, std::int64_t deadline_ns,
                            penstock_error* raw_error) noexcept {
    const Error error(raw_error);
    return guarded("check", error, [&] { return self(plugin).check(deadline_ns, error); });
  }
  static std::int32_t query(void* plugin, const penstock_query* query,
                            penstock_error* raw_error) noexcept {
    const Error error(raw_error);
    return guarded("query", error, [&] {
      std::string answer;
      const std::int32_t status = self(plugin).query(view(query->name), view(query->arguments),
                                                     query->deadline_ns, answer, error);
      if (status == PENSTOCK_OK) query->answer(query->ctx, str(answer));
      return status;
    });
  }

 private:
  static Plugin& self(void* plugin) noexcept { return *static_cast<Plugin*>(plugin); }
  static void quiesce(void* plugin) noexcept {
    if constexpr (HasQuiesce<Plugin>::value) {
      guarded("quiesce", Error(nullptr), [&] {
        self(plugin).quiesce();
        return PENSTOCK_OK;
      });
    }
  }
  static void destroy(void* plugin) noexcept { delete static_cast<Plugin*>(plugin); }
};

}  // namespace detail
}  // namespace sdk
}  // namespace penstock

// The declarations alone: for a test that is linked with the plugin's objects.
#define PENSTOCK_PLUGIN_DECLARE(prefix)                                                      \
  extern "C" {                                                                               \
  PENSTOCK_SDK_EXPORT std::int32_t prefix##_init(const penstock_host*, penstock_descriptor*, \
                                                 penstock_error*) noexcept;                  \
  PENSTOCK_SDK_EXPORT std::int32_t prefix##_settings(void*, const penstock_config*,          \
                                                     penstock_error*) noexcept;              \
  PENSTOCK_SDK_EXPORT std::int32_t prefix##_mapping(void*, const penstock_record*,           \
                                                    const penstock_emitter*,                 \
                                                    penstock_error*) noexcept;               \
  PENSTOCK_SDK_EXPORT std::int32_t prefix##_send(void*, const penstock_batch*,               \
                                                 penstock_error*) noexcept;                  \
  }

// Defines the four hooks of `Class`. Use it once, at namespace scope, in one source file.
#define PENSTOCK_PLUGIN(prefix, Class)                                                             \
  PENSTOCK_PLUGIN_DECLARE(prefix)                                                                  \
  std::int32_t prefix##_init(const penstock_host* host, penstock_descriptor* out,                  \
                             penstock_error* error) noexcept {                                     \
    return ::penstock::sdk::detail::Hooks<Class>::init(host, out, error);                          \
  }                                                                                                \
  std::int32_t prefix##_settings(void* plugin, const penstock_config* config,                      \
                                 penstock_error* error) noexcept {                                 \
    return ::penstock::sdk::detail::Hooks<Class>::settings(plugin, config, error);                 \
  }                                                                                                \
  std::int32_t prefix##_mapping(void* plugin, const penstock_record* record,                       \
                                const penstock_emitter* emitter, penstock_error* error) noexcept { \
    return ::penstock::sdk::detail::Hooks<Class>::mapping(plugin, record, emitter, error);         \
  }                                                                                                \
  std::int32_t prefix##_send(void* plugin, const penstock_batch* batch,                            \
                             penstock_error* error) noexcept {                                     \
    return ::penstock::sdk::detail::Hooks<Class>::send(plugin, batch, error);                      \
  }

#define PENSTOCK_PLUGIN_WITH_CHECK(prefix, Class)                                    \
  PENSTOCK_PLUGIN(prefix, Class)                                                     \
  extern "C" PENSTOCK_SDK_EXPORT std::int32_t prefix##_check(                        \
      void* plugin, std::int64_t deadline_ns, penstock_error* error) noexcept {      \
    return ::penstock::sdk::detail::Hooks<Class>::check(plugin, deadline_ns, error); \
  }

#define PENSTOCK_PLUGIN_WITH_CHECK_AND_QUERY(prefix, Class)                        \
  PENSTOCK_PLUGIN_WITH_CHECK(prefix, Class)                                        \
  extern "C" PENSTOCK_SDK_EXPORT std::int32_t prefix##_query(                      \
      void* plugin, const penstock_query* query, penstock_error* error) noexcept { \
    return ::penstock::sdk::detail::Hooks<Class>::query(plugin, query, error);     \
  }
