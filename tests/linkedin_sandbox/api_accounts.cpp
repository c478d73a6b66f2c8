#include <algorithm>
#include <charconv>

#include "api.hpp"

namespace linkedin_sandbox {
namespace {

using nlohmann::json;

// What lists show when any account is known: the one that the examples name.
constexpr const char* kShownAccount = "512345678";

json account_record(const std::string& id) {
  std::int64_t number = 0;  // stays when an entry of known_accounts is no number
  std::from_chars(id.data(), id.data() + id.size(), number);
  return {{"id", number},
          {"name", "Sandbox account " + id},
          {"status", "ACTIVE"},
          {"type", "BUSINESS"},
          {"currency", "USD"},
          {"reference", "urn:li:organization:1"},
          {"servingStatuses", {"RUNNABLE"}},
          {"test", true}};
}

json user_record(const std::string& account, const Grant& grant) {
  return {{"account", kAccountUrn + account},
          {"user", kPersonUrn + grant.member},
          {"role", grant.role}};
}

HttpReply unknown_account(const Behaviour& behaviour) {
  const int status = static_cast<int>(behaviour.unknown_account_status);
  if (status == 404) {
    return error_reply(404, 0, "RESOURCE_NOT_FOUND", "Could not find the ad account");
  }
  return error_reply(status, 100, "ACCESS_DENIED", "Not enough permissions to access: adAccounts");
}

std::vector<std::string> listed_accounts(const Behaviour& behaviour) {
  return behaviour.known_accounts.empty() ? std::vector<std::string>{kShownAccount}
                                          : behaviour.known_accounts;
}

// The account and user URNs of a composite key, in either protocol's spelling.
struct AccountUserKey {
  std::string account;
  std::string user;
};

// Protocol 2: (account:URN,user:URN) with encoded URNs. Protocol 1: account=URN&user=URN.
std::optional<AccountUserKey> read_key(std::string text, bool protocol2) {
  if (protocol2) {
    if (text.size() < 2 || text.front() != '(' || text.back() != ')') return std::nullopt;
    text = text.substr(1, text.size() - 2);
  }
  AccountUserKey key;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const std::size_t end = std::min(text.find(protocol2 ? ',' : '&', begin), text.size());
    const std::string part = text.substr(begin, end - begin);
    const std::size_t mark = part.find(protocol2 ? ':' : '=');
    if (mark == std::string::npos) return std::nullopt;
    const std::string name = part.substr(0, mark);
    const std::string value = decode_percent(part.substr(mark + 1));
    if (name == "account") key.account = value;
    if (name == "user") key.user = value;
    begin = end + 1;
  }
  if (key.account.empty() || key.user.empty()) return std::nullopt;
  return key;
}

}  // namespace

HttpReply Api::me(const Exchange& exchange) {
  return json_reply(200, {{"id", exchange.token->grant.member},
                          {"localizedFirstName", "Sandbox"},
                          {"localizedLastName", "Person"}});
}

HttpReply Api::account_user(const Exchange& exchange) {
  const auto key = read_key(exchange.target.path[2], exchange.protocol2);
  const auto id = key ? account_id(key->account) : std::nullopt;
  if (!id) {
    return error_reply(400, 0, "", "The key is not a compound key of account and user");
  }
  const Grant& grant = exchange.token->grant;
  if (grant.role.empty() || !account_exists(*id, *exchange.behaviour) ||
      key->user != kPersonUrn + grant.member) {
    return error_reply(404, 0, "RESOURCE_NOT_FOUND", "Could not find the ad account user");
  }
  return json_reply(200, user_record(*id, grant));
}

HttpReply Api::account_users(const Exchange& exchange) {
  const std::string* finder = exchange.target.parameter("q");
  json elements = json::array();
  if (finder != nullptr && *finder == "authenticatedUser") {
    for (const std::string& id : listed_accounts(*exchange.behaviour)) {
      if (exchange.token->grant.role.empty()) break;
      elements.push_back(user_record(id, exchange.token->grant));
    }
  } else if (finder != nullptr && *finder == "accounts") {
    const std::string* urn = exchange.target.parameter("accounts");
    const auto id = urn != nullptr ? account_id(*urn) : std::nullopt;
    if (!id) return error_reply(400, 0, "", "Parameter accounts is not a sponsored account URN");
    if (account_exists(*id, *exchange.behaviour)) {
      elements.push_back(user_record(*id, exchange.token->grant));
    }
  } else {
    return error_reply(400, 0, "", "The finders are q=authenticatedUser and q=accounts");
  }
  const std::size_t total = elements.size();
  return json_reply(
      200,
      {{"elements", std::move(elements)},
       {"paging", {{"start", 0}, {"count", total}, {"links", json::array()}, {"total", total}}}});
}

HttpReply Api::account(const Exchange& exchange) {
  const std::string& id = exchange.target.path[2];
  // 18 digits: what fits a 64-bit number for sure.
  if (id.size() > 18 || id.find_first_not_of("0123456789") != std::string::npos) {
    return error_reply(400, 0, "", "The id of an ad account is a bare number");
  }
  if (!account_exists(id, *exchange.behaviour)) {
    return unknown_account(*exchange.behaviour);
  }
  return json_reply(200, account_record(id));
}

HttpReply Api::accounts(const Exchange& exchange) {
  const std::string* finder = exchange.target.parameter("q");
  if (finder == nullptr || *finder != "search") {
    return error_reply(400, 0, "", "The finder is q=search");
  }
  json elements = json::array();
  for (const std::string& id : listed_accounts(*exchange.behaviour)) {
    elements.push_back(account_record(id));
  }
  return json_reply(200, {{"elements", std::move(elements)}, {"metadata", json::object()}});
}

}  // namespace linkedin_sandbox
