#include "account_roles.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include <nlohmann/json.hpp>

namespace penstock::linkedin {
namespace {

using nlohmann::json;

// The roles that may manage audiences: all there are but VIEWER.
constexpr std::array<std::string_view, 4> kManagingRoles = {
    "ACCOUNT_BILLING_ADMIN", "ACCOUNT_MANAGER", "CAMPAIGN_MANAGER", "CREATIVE_MANAGER"};
// Of the list of a member's accounts: an agency's may be long.
constexpr std::size_t kRolesPerPage = 100;
constexpr int kMaxRolePages = 50;
// Far above such a page.
constexpr std::size_t kMaxBody = 4 * 1024 * 1024;

std::optional<std::size_t> total_of(const json& page) {
  const auto paging = page.find("paging");
  if (paging == page.end() || !paging->is_object()) return std::nullopt;
  const auto total = paging->find("total");
  if (total == paging->end() || !total->is_number_unsigned()) return std::nullopt;
  return total->get<std::size_t>();
}

}  // namespace

bool manages_audiences(std::string_view role) {
  return std::find(kManagingRoles.begin(), kManagingRoles.end(), role) != kManagingRoles.end();
}

AccountRoles read_account_roles(const Api& api, const Errand& errand,
                                std::string_view until_account) {
  AccountRoles roles;
  for (int page = 0; page < kMaxRolePages; ++page) {
    roles.readable = false;
    roles.response = api.get(
        "/adAccountUsers?q=authenticatedUser&start=" + std::to_string(roles.entries.size()) +
            "&count=" + std::to_string(kRolesPerPage),
        errand);
    if (roles.response.result != PENSTOCK_OK || roles.response.status != 200 ||
        roles.response.body.size() > kMaxBody) {
      return roles;
    }
    const json body = json::parse(roles.response.body, nullptr, false);
    if (!body.is_object()) return roles;
    const auto entries = body.find("elements");
    if (entries == body.end() || !entries->is_array()) return roles;
    roles.readable = true;
    bool found = false;
    for (const json& entry : *entries) {
      roles.entries.push_back({text_of(entry, "account"), text_of(entry, "role")});
      found = found || (!until_account.empty() && roles.entries.back().account == until_account);
    }
    if (found) return roles;
    // Without a total only an empty page is the end.
    const std::optional<std::size_t> total = total_of(body);
    if (entries->empty() || (total && roles.entries.size() >= *total)) {
      roles.complete = true;
      return roles;
    }
  }
  return roles;
}

}  // namespace penstock::linkedin
