// The ad accounts of the member who logged in, with their role on each.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <penstock/sdk/http.hpp>

#include "api.hpp"

namespace penstock::linkedin {

// Whether a role on an ad account is known to manage audiences: each there is but VIEWER.
[[nodiscard]] bool manages_audiences(std::string_view role);

struct AccountRole {
  std::string account;  // "urn:li:sponsoredAccount:N"
  std::string role;
};

struct AccountRoles {
  bool readable = false;  // what LinkedIn answered was such a list
  bool complete = false;  // and it was short enough to be read to its end
  std::vector<AccountRole> entries;
  sdk::HttpResponse response;  // the last
};

// [may-block] Over all pages; or up to the one with this account.
[[nodiscard]] AccountRoles read_account_roles(const Api& api, const Errand& errand,
                                              std::string_view until_account = {});

}  // namespace penstock::linkedin
