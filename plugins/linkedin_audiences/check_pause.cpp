#include "check_pause.hpp"

#include <nlohmann/json.hpp>

#include "api.hpp"
#include "sha256.hpp"

namespace penstock::linkedin {
namespace {

using nlohmann::json;

constexpr std::int64_t kNsPerMs = 1'000'000;
// No answer is believed that asks for more (reply.cpp); what is stored and says so was written by a
// clock that was wrong.
constexpr std::int64_t kMaxPauseMs = 24LL * 60 * 60 * 1'000;

}  // namespace

std::optional<CheckPause::Pause> CheckPause::load() const {
  const sdk::KvEntry entry = kv_.get(key());
  if (entry.result != PENSTOCK_OK) return std::nullopt;
  const json stored = json::parse(entry.value, nullptr, false);
  if (!stored.is_object()) return std::nullopt;
  const auto until = stored.find("until_ms");
  if (until == stored.end() || !until->is_number_integer()) return std::nullopt;
  Pause pause;
  pause.remaining_ms = until->get<std::int64_t>() - now_ms();
  if (pause.remaining_ms <= 0 || pause.remaining_ms > kMaxPauseMs) return std::nullopt;
  pause.of = text_of(stored, "of") == "audiences" ? Of::audiences : Of::account;
  pause.reason = text_of(stored, "reason");
  pause.message = text_of(stored, "message");
  return pause;
}

void CheckPause::save(Of of, const sdk::Outcome& outcome) const {
  if (outcome.retry_after_ms <= 0) return;
  const json stored = {{"of", of == Of::audiences ? "audiences" : "account"},
                       {"until_ms", now_ms() + outcome.retry_after_ms},
                       {"reason", outcome.reason},
                       {"message", outcome.message}};
  const sdk::KvResult result =
      kv_.put(key(), stored.dump(-1, ' ', false, json::error_handler_t::replace));
  if (result.result == PENSTOCK_OK) return;
  host_.log(PENSTOCK_LOG_WARNING,
            "how long LinkedIn asked not to be asked could not be stored: " + result.error);
}

std::string CheckPause::key() const {
  // With the URL in it: what a test server asks for means nothing to LinkedIn.
  const Sha256Hex hash = sha256_hex(settings_.api_url);
  return "check_pause/" + settings_.ad_account_id + "/" + std::string(hash.data(), hash.size());
}

std::int64_t CheckPause::now_ms() const {
  return host_.wall_ns() / kNsPerMs;
}

}  // namespace penstock::linkedin
