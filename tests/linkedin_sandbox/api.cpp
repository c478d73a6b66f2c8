#include "api.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "random.hpp"

namespace linkedin_sandbox {
namespace {

constexpr std::int64_t kAccessDenied = 100;
constexpr std::int64_t kTooManyRequests = 101;
constexpr std::int64_t kInvalidToken = 65600;
constexpr std::int64_t kRevokedToken = 65601;
constexpr std::int64_t kExpiredToken = 65602;  // UNCONFIRMED

constexpr const char* kDmpScope = "rw_dmp_segments";

HttpReply server_error(const ServerError& error) {
  HttpReply reply;
  if (error.body == "json") {
    reply = error_reply(error.status, 0, "", "Internal server error");
  } else if (error.body == "html") {
    reply.content_type = "text/html";
    reply.body = "<html><head><title>Error</title></head><body><h1>" +
                 std::to_string(error.status) + "</h1></body></html>";
  } else {
    reply.content_type.clear();
  }
  reply.status = error.status;
  return reply;
}

HttpReply throttled(const Behaviour& behaviour, const std::string& what) {
  HttpReply reply =
      error_reply(429, kTooManyRequests, "TOO_MANY_REQUESTS", "Resource level throttle " + what);
  if (behaviour.retry_after_seconds > 0) {
    reply.headers.emplace_back("Retry-After", std::to_string(behaviour.retry_after_seconds));
  }
  return reply;
}

// The text after "Bearer ", the scheme in any letter case; empty when there is none.
std::string bearer(const std::string& authorization) {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() < kScheme.size()) return {};
  std::string scheme = authorization.substr(0, kScheme.size());
  std::transform(scheme.begin(), scheme.end(), scheme.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  return scheme == kScheme ? authorization.substr(kScheme.size()) : std::string();
}

}  // namespace

Api::Route Api::route_of(const std::string& method, const Target& target) {
  using E = Endpoint;
  const auto& path = target.path;
  const bool get = method == "GET";
  const bool post = method == "POST";
  if (path.size() == 3 && path[0] == "oauth" && path[1] == "v2" && get &&
      path[2] == "authorization") {
    return {E::authorize, "authorize", "", ""};
  }
  if (path.size() == 3 && path[0] == "oauth" && path[1] == "v2" && post) {
    if (path[2] == "accessToken") return {E::token, "token", "", ""};
    if (path[2] == "introspectToken") return {E::introspect, "introspect", "", ""};
  }
  if (path.size() < 2 || path[0] != "rest") return {};
  if (path[1] == "me" && path.size() == 2 && get) {
    return {E::me, "me", "me.GET", "r_basicprofile"};
  }
  if (path[1] == "adAccountUsers" && get) {
    if (path.size() == 3)
      return {E::account_user, "adAccountUsers", "adAccountUsers.GET", "r_ads", "rw_ads"};
    if (path.size() == 2)
      return {E::account_users, "adAccountUsers", "adAccountUsers.FINDER", "r_ads", "rw_ads"};
  }
  if (path[1] == "adAccounts" && get) {
    if (path.size() == 3) return {E::account, "adAccounts", "adAccounts.GET", "r_ads", "rw_ads"};
    if (path.size() == 2)
      return {E::accounts, "adAccounts", "adAccounts.FINDER", "r_ads", "rw_ads"};
  }
  if (path[1] != "dmpSegments") return {};
  if (path.size() == 2) {
    if (get) return {E::find, "find", "dmpSegments.FINDER-account", kDmpScope};
    if (post) return {E::create, "create", "dmpSegments.CREATE", kDmpScope, "", true};
  }
  if (path.size() == 3) {
    if (get) return {E::get, "get", "dmpSegments.GET", kDmpScope};
    if (post) return {E::update, "update", "dmpSegments.PARTIAL_UPDATE", kDmpScope, "", true};
    if (method == "DELETE") return {E::remove, "delete", "dmpSegments.DELETE", kDmpScope, "", true};
  }
  if (path.size() == 4 && post) {
    if (path[3] == "users")
      return {E::users, "users", "dmpSegments/users.BATCH_CREATE", kDmpScope, "", true};
    if (path[3] == "companies") {
      return {E::companies, "companies", "dmpSegments/companies.BATCH_CREATE", kDmpScope, "", true};
    }
    if (path[3] == "destinations") {
      return {
          E::destinations, "destinations", "dmpSegments/destinations.CREATE", kDmpScope, "", true};
    }
  }
  if (path.size() == 5 && get && path[3] == "destinations") {
    return {E::destination, "destinations", "dmpSegments/destinations.GET", kDmpScope};
  }
  return {};
}

HttpReply Api::handle(const HttpRequest& request) {
  const auto started = std::chrono::steady_clock::now();
  Exchange exchange{
      request,     Target::parse(request.target), {}, world_.behaviour.get(), 0, {}, false,
      std::nullopt};
  exchange.route = route_of(request.method, exchange.target);
  const Endpoint endpoint = exchange.route.endpoint;
  const EndpointClass endpoint_class = endpoint == Endpoint::users       ? EndpointClass::users
                                       : endpoint == Endpoint::companies ? EndpointClass::companies
                                                                         : EndpointClass::other;
  RequestRecord record;
  record.time_ms = world_.clock.now_ms();
  exchange.number = world_.traffic.arrive(endpoint_class);

  HttpReply reply = answer(exchange);
  finish(exchange, reply);

  record.number = exchange.number;
  record.method = request.method;
  // A query of the token endpoint could hold a secret.
  record.target = request.target.substr(
      0, request.target.rfind("/oauth", 0) == 0 ? request.target.find('?') : std::string::npos);
  record.endpoint = exchange.route.name;
  record.status = reply.status;
  record.outcome = reply.end == ConnectionEnd::reset      ? "reset"
                   : reply.end == ConnectionEnd::truncate ? "truncated"
                                                          : std::to_string(reply.status);
  record.elements = exchange.elements;
  record.connection = request.connection;
  record.duration_us = std::chrono::duration_cast<std::chrono::microseconds>(
                           std::chrono::steady_clock::now() - started)
                           .count();
  world_.traffic.record(std::move(record));
  return reply;
}

HttpReply Api::answer(Exchange& exchange) {
  const Endpoint endpoint = exchange.route.endpoint;
  if (endpoint == Endpoint::authorize) return authorize(exchange);
  if (endpoint == Endpoint::token) return issue_token(exchange);
  if (endpoint == Endpoint::introspect) return introspect(exchange);

  const Work work = endpoint == Endpoint::create                                     ? Work::create
                    : endpoint == Endpoint::users || endpoint == Endpoint::companies ? Work::batch
                                                                                     : Work::other;
  exchange.faults = world_.faults.draw(exchange.number, work, *exchange.behaviour);
  const RequestFaults& faults = exchange.faults;
  if (faults.delay) world_.pause.sleep(std::chrono::milliseconds(exchange.behaviour->delay_ms));
  HttpReply reply;
  if (faults.reset_before_commit) {
    reply.end = ConnectionEnd::reset;
    return reply;
  }
  if (faults.throttle) {
    reply = throttled(*exchange.behaviour, "limit for calls to this resource is reached.");
  } else if (faults.server_error && !faults.late_execution) {
    reply = server_error(*faults.server_error);
  } else if (auto refused = check_token(exchange)) {
    reply = *std::move(refused);
  } else if (refused = check_version(exchange); refused) {
    reply = *std::move(refused);
  } else if (refused = check_permission(exchange); refused) {
    reply = *std::move(refused);
  } else if (refused = check_limits(exchange); refused) {
    reply = *std::move(refused);
  } else if (faults.late_execution) {
    reply = answer_late(exchange);
  } else {
    reply = dispatch(exchange);
  }
  if (faults.late_server_error) reply = server_error(*faults.late_server_error);
  if (faults.close_connection) reply.end = ConnectionEnd::close;
  if (faults.truncate_reply) reply.end = ConnectionEnd::truncate;
  if (faults.reset_after_commit) reply.end = ConnectionEnd::reset;
  return reply;
}

HttpReply Api::answer_late(const Exchange& exchange) {
  const std::chrono::milliseconds after =
      parse_late_execution(exchange.behaviour->late_execution)->after;
  const std::string& way = exchange.faults.late_way;
  // With silence the connection breaks off after that time, and it takes as long again.
  world_.late.add(way == "silence" ? 2 * after : after, [this, request = exchange.request,
                                                         number = exchange.number] {
    Exchange late{
        request,     Target::parse(request.target), {}, world_.behaviour.get(), number, {}, false,
        std::nullopt};
    late.route = route_of(request.method, late.target);
    // Nobody waits for the answer.
    static_cast<void>(dispatch(late));
  });
  HttpReply reply;
  if (way == "error") return server_error(*exchange.faults.server_error);
  if (way == "silence") world_.pause.sleep(after);
  reply.end = ConnectionEnd::reset;
  return reply;
}

std::optional<HttpReply> Api::check_token(Exchange& exchange) const {
  const std::string token = bearer(exchange.request.header("authorization"));
  if (token.empty()) {
    return error_reply(401, exchange.behaviour->empty_token_service_code, "EMPTY_ACCESS_TOKEN",
                       "Empty oauth2 access token");
  }
  exchange.token = world_.access.find(token);
  const HttpReply invalid =
      error_reply(401, kInvalidToken, "INVALID_ACCESS_TOKEN", "Invalid access token");
  if (!exchange.token) return invalid;
  switch (exchange.token->state) {
    case TokenState::active:
      return std::nullopt;
    case TokenState::revoked:
      return error_reply(401, kRevokedToken, "REVOKED_ACCESS_TOKEN",
                         "The token used in the request has been revoked by the user");
    case TokenState::expired:
      break;
  }
  if (exchange.behaviour->expired_token_as_invalid) return invalid;
  return error_reply(401, kExpiredToken, "EXPIRED_ACCESS_TOKEN",
                     "The token used in the request has expired");
}

std::optional<HttpReply> Api::check_version(const Exchange& exchange) {
  const std::string& version = exchange.request.header("linkedin-version");
  if (version.empty()) {
    return error_reply(static_cast<int>(exchange.behaviour->missing_version_status), 0,
                       "VERSION_MISSING", "A version must be present");
  }
  const auto& active = exchange.behaviour->active_versions;
  if (std::find(active.begin(), active.end(), version) != active.end()) return std::nullopt;
  return error_reply(426, 0, "NONEXISTENT_VERSION",
                     "Requested version " + version + "01 is not active");
}

std::optional<HttpReply> Api::check_permission(const Exchange& exchange) {
  const Route& route = exchange.route;
  if (route.endpoint == Endpoint::unknown) return std::nullopt;
  const Grant& grant = exchange.token->grant;
  const bool scope = route.scope.empty() || grant.scopes.count(route.scope) > 0 ||
                     (!route.other_scope.empty() && grant.scopes.count(route.other_scope) > 0);
  if (scope && !(route.writes && grant.role == "VIEWER")) return std::nullopt;
  return error_reply(403, kAccessDenied, "ACCESS_DENIED",
                     "Not enough permissions to access: " + route.resource + "." +
                         exchange.request.header("linkedin-version"));
}

std::optional<HttpReply> Api::check_limits(const Exchange& exchange) {
  const Behaviour& behaviour = *exchange.behaviour;
  Traffic::Limits limits{0, behaviour.application_day_limit, behaviour.member_day_limit};
  EndpointClass endpoint_class = EndpointClass::other;
  if (exchange.route.endpoint == Endpoint::users) {
    endpoint_class = EndpointClass::users;
    limits.per_minute = behaviour.users_per_minute;
  } else if (exchange.route.endpoint == Endpoint::companies) {
    endpoint_class = EndpointClass::companies;
    limits.per_minute = behaviour.companies_per_minute;
  }
  switch (world_.traffic.admit(endpoint_class, world_.access.application().client_id,
                               exchange.token->grant.member, limits)) {
    case Quota::admitted:
      return std::nullopt;
    case Quota::minute:
      return throttled(behaviour, "limit for calls to this resource is reached.");
    case Quota::application_day:
      return throttled(behaviour, "APPLICATION DAY limit for calls to this resource is reached.");
    case Quota::member_day:
      break;
  }
  return throttled(behaviour, "MEMBER DAY limit for calls to this resource is reached.");
}

HttpReply Api::dispatch(Exchange& exchange) {
  const std::string& protocol = exchange.request.header("x-restli-protocol-version");
  if (!protocol.empty() && protocol != "1.0.0" && protocol != "2.0.0") {
    return error_reply(400, 0, "", "Rest.li protocol version " + protocol + " is not supported");
  }
  exchange.protocol2 = protocol == "2.0.0";
  switch (exchange.route.endpoint) {
    case Endpoint::create:
      return create_segment(exchange);
    case Endpoint::find:
      return find_segments(exchange);
    case Endpoint::get:
      return get_segment(exchange);
    case Endpoint::update:
      return update_segment(exchange);
    case Endpoint::remove:
      return delete_segment(exchange);
    case Endpoint::destinations:
      return add_destination(exchange);
    case Endpoint::destination:
      return get_destination(exchange);
    case Endpoint::users:
      return write_members(exchange, ElementKind::user);
    case Endpoint::companies:
      return write_members(exchange, ElementKind::company);
    case Endpoint::me:
      return me(exchange);
    case Endpoint::account_user:
      return account_user(exchange);
    case Endpoint::account_users:
      return account_users(exchange);
    case Endpoint::account:
      return account(exchange);
    case Endpoint::accounts:
      return accounts(exchange);
    case Endpoint::authorize:
    case Endpoint::token:
    case Endpoint::introspect:
    case Endpoint::unknown:
      break;
  }
  return error_reply(404, 0, "RESOURCE_NOT_FOUND", "No virtual resource found");
}

void Api::finish(const Exchange& exchange, HttpReply& reply) const {
  char uuid[33];
  std::snprintf(uuid, sizeof uuid, "%016llx%016llx",
                static_cast<unsigned long long>(mix(world_.seed, exchange.number)),
                static_cast<unsigned long long>(mix(~world_.seed, exchange.number)));
  reply.headers.emplace_back("x-li-uuid", uuid);
  reply.headers.emplace_back("x-li-fabric", "prod-sandbox");
  reply.headers.emplace_back("x-li-pop", "sandbox");
  // Of the header itself: a request that was refused early has not come to dispatch().
  const bool protocol2 = exchange.request.header("x-restli-protocol-version") == "2.0.0";
  reply.headers.emplace_back("x-restli-protocol-version", protocol2 ? "2.0.0" : "1.0.0");
  if (reply.status >= 400) {
    reply.headers.emplace_back(protocol2 ? "x-restli-error-response" : "x-linkedin-error-response",
                               "true");
  }
}

std::optional<std::int64_t> Api::segment_id(const Exchange& exchange) {
  const std::string& text = exchange.target.path[2];
  std::int64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size() || id < 0) return std::nullopt;
  return id;
}

HttpReply Api::no_segment(const std::string& id) {
  return error_reply(404, 0, "RESOURCE_NOT_FOUND", "Could not find DMP segment with ID " + id);
}

std::optional<std::string> Api::account_id(const std::string& urn) {
  const std::string prefix = kAccountUrn;
  if (urn.rfind(prefix, 0) != 0 || urn.size() == prefix.size() ||
      urn.find_first_not_of("0123456789", prefix.size()) != std::string::npos) {
    return std::nullopt;
  }
  return urn.substr(prefix.size());
}

bool Api::account_exists(const std::string& id, const Behaviour& behaviour) {
  const auto& known = behaviour.known_accounts;
  if (known.empty()) return id != "0";
  return std::find(known.begin(), known.end(), id) != known.end();
}

}  // namespace linkedin_sandbox
