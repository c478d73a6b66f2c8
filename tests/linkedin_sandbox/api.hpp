// The simulated API: one call per request, no transport.
//
//   api.cpp           which endpoint, the checks that every request passes, faults, what every
//   reply carries api_segments.cpp  segments: create, find, get, update, delete, destinations
//   api_batches.cpp   users and companies
//   api_accounts.cpp  /me, ad accounts and roles
//   api_oauth.cpp     the authorize URL, the token endpoint and introspection
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "message.hpp"
#include "world.hpp"

namespace linkedin_sandbox {

class Api {
 public:
  explicit Api(World& world) : world_(world) {}

  // [any-thread]
  [[nodiscard]] HttpReply handle(const HttpRequest& request);

 private:
  enum class Endpoint {
    create,
    find,
    get,
    update,
    remove,
    destinations,
    destination,
    users,
    companies,
    me,
    account_user,
    account_users,
    account,
    accounts,
    authorize,
    token,
    introspect,
    unknown,
  };
  struct Route {
    Endpoint endpoint = Endpoint::unknown;
    const char* name = "unknown";
    std::string resource;  // as LinkedIn names it in "Not enough permissions to access: ..."
    std::string scope;     // that the token needs; empty: none
    std::string other_scope = {};  // that does as well
    bool writes = false;           // not for a VIEWER
  };
  // One request on its way.
  struct Exchange {
    const HttpRequest& request;
    Target target;
    Route route;
    std::shared_ptr<const Behaviour> behaviour;
    std::uint64_t number = 0;
    RequestFaults faults;
    bool protocol2 = false;
    std::optional<AccessToken> token;
    std::size_t elements = 0;  // of a batch, for the log
  };

  [[nodiscard]] static Route route_of(const std::string& method, const Target& target);
  [[nodiscard]] HttpReply answer(Exchange& exchange);
  // The answer is lost, and what was asked for is done later.
  [[nodiscard]] HttpReply answer_late(const Exchange& exchange);
  // Each gives the reply that refuses the request, or nothing.
  [[nodiscard]] std::optional<HttpReply> check_token(Exchange& exchange) const;
  [[nodiscard]] static std::optional<HttpReply> check_version(const Exchange& exchange);
  [[nodiscard]] static std::optional<HttpReply> check_permission(const Exchange& exchange);
  [[nodiscard]] std::optional<HttpReply> check_limits(const Exchange& exchange);
  [[nodiscard]] HttpReply dispatch(Exchange& exchange);
  void finish(const Exchange& exchange, HttpReply& reply) const;

  [[nodiscard]] HttpReply create_segment(const Exchange& exchange);
  [[nodiscard]] HttpReply find_segments(const Exchange& exchange) const;
  [[nodiscard]] HttpReply get_segment(const Exchange& exchange) const;
  [[nodiscard]] HttpReply update_segment(const Exchange& exchange);
  [[nodiscard]] HttpReply delete_segment(const Exchange& exchange);
  [[nodiscard]] HttpReply add_destination(const Exchange& exchange);
  [[nodiscard]] HttpReply get_destination(const Exchange& exchange) const;
  [[nodiscard]] HttpReply write_members(Exchange& exchange, ElementKind kind);
  [[nodiscard]] HttpReply write_batch(Exchange& exchange, ElementKind kind, std::int64_t segment,
                                      const nlohmann::json& elements);
  [[nodiscard]] HttpReply write_single(Exchange& exchange, ElementKind kind, std::int64_t segment,
                                       const nlohmann::json& element);
  [[nodiscard]] static HttpReply refuse_write(const Exchange& exchange, WriteOutcome outcome,
                                              std::int64_t segment);
  [[nodiscard]] static HttpReply me(const Exchange& exchange);
  [[nodiscard]] static HttpReply account_user(const Exchange& exchange);
  [[nodiscard]] static HttpReply account_users(const Exchange& exchange);
  [[nodiscard]] static HttpReply account(const Exchange& exchange);
  [[nodiscard]] static HttpReply accounts(const Exchange& exchange);
  [[nodiscard]] HttpReply authorize(const Exchange& exchange);
  [[nodiscard]] HttpReply issue_token(const Exchange& exchange);
  [[nodiscard]] HttpReply introspect(const Exchange& exchange) const;

  // Shared by the files above.
  [[nodiscard]] static std::optional<std::int64_t> segment_id(const Exchange& exchange);
  [[nodiscard]] static HttpReply no_segment(const std::string& id);
  // The digits of urn:li:sponsoredAccount:DIGITS.
  [[nodiscard]] static std::optional<std::string> account_id(const std::string& urn);
  [[nodiscard]] static bool account_exists(const std::string& id, const Behaviour& behaviour);

  World& world_;
};

inline constexpr const char* kAccountUrn = "urn:li:sponsoredAccount:";
inline constexpr const char* kPersonUrn = "urn:li:person:";

}  // namespace linkedin_sandbox
