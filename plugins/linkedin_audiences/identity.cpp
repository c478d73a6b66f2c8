#include "identity.hpp"

#include <nlohmann/json.hpp>

#include "hook_failure.hpp"
#include "reply.hpp"

namespace penstock::linkedin {
namespace {

// Far above a profile of a few fields.
constexpr std::size_t kMaxProfile = 64 * 1024;

}  // namespace

std::int32_t tell_identity(const sdk::Host& host, const Settings& settings,
                           std::int64_t deadline_ns, std::string& answer, const sdk::Error& error) {
  const Api api(host, settings);
  const sdk::HttpResponse response = api.get("/me", Errand(deadline_ns));
  // Neither prevents deliveries.
  if (response.result == PENSTOCK_OK && response.status == 403) {
    return error.fail(PENSTOCK_ERR_NOT_FOUND, "member_not_told", {},
                      "LinkedIn does not tell, because the login lacks the permission "
                      "r_basicprofile; deliveries do not need it");
  }
  if (response.result == PENSTOCK_OK && response.status == 429) {
    return error.fail(
        PENSTOCK_ERR_NOT_FOUND, "member_not_told", {},
        "LinkedIn tells it only a few times a day, and not any more today; deliveries "
        "do not need it");
  }
  if (response.result != PENSTOCK_OK || response.status != 200) {
    const Refusal refusal =
        classify(response, settings, "Asking who the login belongs to", host.wall_ns());
    return fail_with(refusal.outcome, error);
  }
  const nlohmann::json profile = response.body.size() <= kMaxProfile
                                     ? nlohmann::json::parse(response.body, nullptr, false)
                                     : nlohmann::json();
  const std::string id = text_of(profile, "id");
  if (id.empty()) {
    return error.fail(PENSTOCK_ERR_TRANSPORT, "unreadable_answer", {},
                      "LinkedIn's answer to who the login belongs to names no member");
  }
  std::string name = text_of(profile, "localizedFirstName");
  const std::string last = text_of(profile, "localizedLastName");
  if (!name.empty() && !last.empty()) name += ' ';
  answer = nlohmann::json{{"id", id}, {"name", name + last}}.dump(
      -1, ' ', false, nlohmann::json::error_handler_t::replace);
  return PENSTOCK_OK;
}

}  // namespace penstock::linkedin
