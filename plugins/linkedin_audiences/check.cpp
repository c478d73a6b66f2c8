#include "check.hpp"

#include <string_view>

#include <nlohmann/json.hpp>

#include "account_roles.hpp"
#include "api_version.hpp"
#include "hook_failure.hpp"
#include "reply.hpp"

namespace penstock::linkedin {
namespace {

using nlohmann::json;

// Far above these answers.
constexpr std::size_t kMaxBody = 4 * 1024 * 1024;
// Of a role or member id that is shown.
constexpr std::size_t kMaxShown = 64;

constexpr std::int64_t kMsPerSecond = 1'000;

bool answered(const sdk::HttpResponse& response, std::int32_t status) {
  return response.result == PENSTOCK_OK && response.status == status;
}

json body_of(const sdk::HttpResponse& response) {
  return response.body.size() <= kMaxBody ? json::parse(response.body, nullptr, false) : json();
}

}  // namespace

std::int32_t Check::run(std::int64_t deadline_ns, const sdk::Error& error) const {
  if (const std::optional<CheckPause::Pause> pause = pause_.load()) {
    return error.fail(PENSTOCK_ERR_TRANSPORT, pause->reason, {},
                      "LinkedIn was not asked, because it has asked for no more questions for " +
                          std::to_string((pause->remaining_ms + kMsPerSecond - 1) / kMsPerSecond) +
                          " s more. What it said: " + pause->message);
  }
  const Errand errand(deadline_ns);
  std::string member;
  if (const std::int32_t code = read_member(errand, member, error); code != PENSTOCK_OK) {
    return code;
  }
  if (const std::int32_t code = check_account(errand, error); code != PENSTOCK_OK) return code;
  std::optional<std::string> role;
  if (const std::int32_t code = read_role(errand, member, role, error); code != PENSTOCK_OK) {
    return code;
  }
  if (role) {
    if (const std::int32_t code = check_role(*role, error); code != PENSTOCK_OK) return code;
  } else {
    notices_.raise(PENSTOCK_LOG_WARNING, "role_not_checked",
                   "Which role the LinkedIn login has on ad account " + settings_.ad_account_id +
                       " could not be checked, because it lacks the permissions r_ads and "
                       "r_basicprofile, or LinkedIn did not say. Deliveries need a role other than "
                       "VIEWER. Log in with `penstock auth login` to have it checked.");
  }
  if (const std::int32_t code = check_audiences(errand, role.has_value(), error);
      code != PENSTOCK_OK)
    return code;

  if (const std::string warning = api_version_warning(settings_.api_version, host_.wall_ns());
      !warning.empty()) {
    notices_.raise(PENSTOCK_LOG_WARNING, kApiVersionAges, warning);
  }
  host_.log(PENSTOCK_LOG_INFO,
            "LinkedIn accepts the login of member " +
                (member.empty() ? std::string("(not told)") : safe_message(member)) + ", role " +
                (role ? safe_message(*role) : std::string("not told")) + ", for ad account " +
                settings_.ad_account_id);
  return PENSTOCK_OK;
}

std::int32_t Check::read_member(const Errand& errand, std::string& member,
                                const sdk::Error& error) const {
  const sdk::HttpResponse response = api_.get("/me", errand);
  if (answered(response, 200)) {
    member = text_of(body_of(response), "id");
    return PENSTOCK_OK;
  }
  // Deliveries do not need r_basicprofile.
  if (answered(response, 403)) return PENSTOCK_OK;
  return refuse(response, "Asking who the access token belongs to", error);
}

std::int32_t Check::check_account(const Errand& errand, const sdk::Error& error) const {
  const sdk::HttpResponse response = api_.get("/adAccounts/" + settings_.ad_account_id, errand);
  // 403: the account is another's, or the login lacks r_ads; the role will tell, if anything does.
  if (answered(response, 200) || answered(response, 403)) return PENSTOCK_OK;
  if (answered(response, 404) || answered(response, 400)) {
    return error.fail(PENSTOCK_ERR_INVALID, "unknown_account", "ad_account_id",
                      "LinkedIn knows no ad account " + settings_.ad_account_id +
                          " that this login may see. Compare the number with the one that Campaign "
                          "Manager shows next to the account's name, and set ad_account_id; or ask "
                          "an account manager to add the member who logged in");
  }
  return refuse(response, "Looking at the ad account", error);
}

std::int32_t Check::read_role(const Errand& errand, const std::string& member,
                              std::optional<std::string>& role, const sdk::Error& error) const {
  if (member.empty()) return read_role_from_list(errand, role, error);
  const sdk::HttpResponse response =
      api_.get("/adAccountUsers/(account:" + percent_encode(account_urn(settings_)) +
                   ",user:" + percent_encode("urn:li:person:" + member) + ")",
               errand);
  if (answered(response, 200)) {
    role = text_of(body_of(response), "role");
    return PENSTOCK_OK;
  }
  if (answered(response, 404)) return no_access(error);
  // Another's account, or no r_ads; the list of the member's own accounts tells which.
  if (answered(response, 403)) return read_role_from_list(errand, role, error);
  return refuse(response, "Asking for the role on the ad account", error);
}

std::int32_t Check::read_role_from_list(const Errand& errand, std::optional<std::string>& role,
                                        const sdk::Error& error) const {
  const std::string account = account_urn(settings_);
  const AccountRoles roles = read_account_roles(api_, errand, account);
  for (const AccountRole& entry : roles.entries) {
    if (entry.account != account) continue;
    role = entry.role;
    return PENSTOCK_OK;
  }
  if (roles.response.result != PENSTOCK_OK || roles.response.status == 429)
    return refuse(roles.response, "Asking for the role", error);
  // One that LinkedIn does not show, or that is too long to be read, says nothing.
  return roles.complete ? no_access(error) : PENSTOCK_OK;
}

std::int32_t Check::no_access(const sdk::Error& error) const {
  return error.fail(PENSTOCK_ERR_INVALID, "no_role", "ad_account_id",
                    "The LinkedIn member who logged in has no role on ad account " +
                        settings_.ad_account_id +
                        ". Let an account manager add them in Campaign Manager with the role "
                        "CAMPAIGN_MANAGER or higher, log in as somebody who has one, or correct "
                        "ad_account_id");
}

std::int32_t Check::check_role(const std::string& role, const sdk::Error& error) const {
  if (manages_audiences(role)) return PENSTOCK_OK;
  const std::string has = role == "VIEWER"
                              ? "The LinkedIn member who logged in may only view ad account " +
                                    settings_.ad_account_id + " (role VIEWER)"
                              : "The LinkedIn member who logged in has the role \"" +
                                    safe_message(std::string_view(role).substr(0, kMaxShown)) +
                                    "\" on ad account " + settings_.ad_account_id +
                                    ", which is not known to manage audiences";
  return error.fail(PENSTOCK_ERR_INVALID, "role_insufficient", "ad_account_id",
                    has +
                        ". Let an account manager give them CREATIVE_MANAGER, CAMPAIGN_MANAGER, "
                        "ACCOUNT_MANAGER or ACCOUNT_BILLING_ADMIN in Campaign Manager, or log in "
                        "as somebody who has one of these");
}

std::int32_t Check::check_audiences(const Errand& errand, bool role_is_known,
                                    const sdk::Error& error) const {
  const sdk::HttpResponse response =
      api_.get("/dmpSegments?q=account&account=" + percent_encode(account_urn(settings_)) +
                   "&start=0&count=1",
               errand);
  if (answered(response, 200)) return PENSTOCK_OK;
  if (answered(response, 403) && !role_is_known) {
    return error.fail(
        PENSTOCK_ERR_AUTH, "permission_denied", "",
        "LinkedIn does not let this login see the audiences of ad account " +
            settings_.ad_account_id +
            ". Either ad_account_id is wrong, or the member has no role there, or the "
            "login lacks the permission rw_dmp_segments. Compare the number with "
            "Campaign Manager first; a login that has r_ads and r_basicprofile, too, "
            "lets this check say which it is");
  }
  if (answered(response, 403)) {
    return error.fail(PENSTOCK_ERR_AUTH, "permission_denied", "",
                      "The LinkedIn login lacks the permission rw_dmp_segments for audiences. "
                      "Apply for the Audiences program of your app in LinkedIn's developer portal "
                      "(Products), wait until it is granted, then log in again with `penstock auth "
                      "login`");
  }
  return refuse(response, "Looking at the ad account's audiences", error,
                CheckPause::Of::audiences);
}

std::int32_t Check::refuse(const sdk::HttpResponse& response, const char* doing,
                           const sdk::Error& error, CheckPause::Of of) const {
  Refusal refusal = classify(response, settings_, doing, host_.wall_ns());
  if (refusal.outcome.status == PENSTOCK_THROTTLED) pause_.save(of, refusal.outcome);
  if (!refusal.classified) {
    refusal.outcome.status = PENSTOCK_BLOCKED;
    refusal.outcome.message +=
        ", which it should not. Does api_url lead to LinkedIn, or does a "
        "proxy on the way answer in its place?";
  }
  return fail_with(refusal.outcome, error);
}

}  // namespace penstock::linkedin
