#include "destination_check.hpp"

#include <charconv>
#include <cstring>
#include <future>

#include "send/retry_policy.hpp"
#include "services/log.hpp"

namespace penstock {
namespace {

// No destination has such a name: they have no ":".
constexpr std::string_view kNameSpace = "host:check";
// How soon a signal ends a check.
constexpr std::chrono::milliseconds kLookInterval{50};

// 64-bit FNV-1a over texts with their lengths. It only has to notice changes; the texts cannot be
// had back from it.
class Fingerprint {
 public:
  void add(std::string_view text) {
    add_bytes(std::to_string(text.size()));
    add_bytes(":");
    add_bytes(text);
  }
  [[nodiscard]] std::string text() const { return std::to_string(hash_); }

 private:
  void add_bytes(std::string_view bytes) {
    for (const char c : bytes) {
      hash_ ^= static_cast<unsigned char>(c);
      hash_ *= 1'099'511'628'211U;
    }
  }
  std::uint64_t hash_ = 14'695'981'039'346'656'037U;
};

void add_setting(Fingerprint& fingerprint, const SettingValue& setting) {
  fingerprint.add(setting.name);
  if (!setting.present) return;
  fingerprint.add(setting.text);
  fingerprint.add(std::to_string(setting.boolean));
  fingerprint.add(std::to_string(setting.integer));
  std::uint64_t bits = 0;
  static_assert(sizeof bits == sizeof setting.number);
  std::memcpy(&bits, &setting.number, sizeof bits);
  fingerprint.add(std::to_string(bits));
}

}  // namespace

bool DestinationCheck::possible(std::uint32_t destination) const {
  const plugin::Instance* instance = pipeline_.instance(destination);
  return instance != nullptr && instance->has_check();
}

// Of all that the answer depends on and that this side knows.
std::string DestinationCheck::fingerprint(std::uint32_t destination) const {
  const DestinationConfig& config = pipeline_.config().destinations[destination];
  Fingerprint fingerprint;
  fingerprint.add(config.plugin->name);
  fingerprint.add(config.plugin->version);
  for (const SettingValue& setting : config.settings) add_setting(fingerprint, setting);
  if (const ConnectionConfig* connection = pipeline_.config().find_connection(config.connection)) {
    fingerprint.add(connection->name);
    fingerprint.add(connection->client_id);
    fingerprint.add(connection->authorize_url);
    fingerprint.add(connection->token_url);
    fingerprint.add(connection->client_secret.reveal());
    fingerprint.add(connection->access_token.reveal());
    fingerprint.add(connection->refresh_token.reveal());
    // Somebody else may have logged in.
    fingerprint.add(std::to_string(pipeline_.http(destination)->credentials().given_ms()));
  }
  return fingerprint.text();
}

// What is stored: the fingerprint, a blank, and when it passed in milliseconds since 1970.
bool DestinationCheck::passed_lately(std::uint32_t destination) const {
  services::KeyValueStore* store = pipeline_.store();
  if (store == nullptr) return false;
  services::KeyValueStore::Entry entry;
  const std::string& name = pipeline_.config().destinations[destination].name;
  if (store->get(kNameSpace, name, entry, nullptr) != PENSTOCK_OK) return false;
  const std::string expected = fingerprint(destination) + " ";
  if (entry.value.compare(0, expected.size(), expected) != 0) return false;
  std::int64_t passed_ms = 0;
  const char* end = entry.value.data() + entry.value.size();
  const auto read = std::from_chars(entry.value.data() + expected.size(), end, passed_ms);
  if (read.ec != std::errc() || read.ptr != end) return false;
  const std::int64_t age_ms = pipeline_.clock().wall_ns() / send::kNanosPerMilli - passed_ms;
  return age_ms >= 0 && age_ms < std::chrono::milliseconds(kRemembered).count();
}

void DestinationCheck::remember(std::uint32_t destination) const {
  services::KeyValueStore* store = pipeline_.store();
  if (store == nullptr) return;
  const std::string& name = pipeline_.config().destinations[destination].name;
  const std::string now_ms = std::to_string(pipeline_.clock().wall_ns() / send::kNanosPerMilli);
  penstock_error error{};
  error.struct_size = sizeof error;
  const std::int32_t status = store->put(kNameSpace, name, fingerprint(destination) + " " + now_ms,
                                         PENSTOCK_KV_ANY, &error);
  if (status == PENSTOCK_OK) return;
  services::log(services::LogLevel::warning, name,
                std::string("that its check passed could not be remembered, so it will be asked "
                            "again at the next start: ") +
                    error.message);
}

plugin::CheckResult DestinationCheck::ask(std::uint32_t destination,
                                          const std::function<bool()>& cancelled) const {
  plugin::Instance* instance = pipeline_.instance(destination);
  services::HttpConnection* http = pipeline_.http(destination);
  const std::int64_t deadline_ns =
      pipeline_.clock().monotonic_ns() + std::chrono::nanoseconds(kTimeout).count();
  auto checking = std::async(std::launch::async,
                             [instance, deadline_ns] { return instance->check(deadline_ns); });
  while (checking.wait_for(kLookInterval) != std::future_status::ready) {
    if (cancelled()) http->interrupt(true);
  }
  http->interrupt(false);
  plugin::CheckResult result = checking.get();
  if (result.ok()) remember(destination);
  return result;
}

}  // namespace penstock
