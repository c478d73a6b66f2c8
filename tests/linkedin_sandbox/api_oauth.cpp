#include <algorithm>
#include <string>

#include "api.hpp"

namespace linkedin_sandbox {
namespace {

using nlohmann::json;

HttpReply oauth_error(int status, const std::string& error, const std::string& description) {
  return json_reply(status, {{"error", error}, {"error_description", description}});
}

std::string comma_list(const std::set<std::string>& scopes) {
  std::string text;
  for (const std::string& scope : scopes) text += (text.empty() ? "" : ",") + scope;
  return text;
}

}  // namespace

// As if somebody had signed in and pressed Allow at once, or whatever authorize_refusal says.
HttpReply Api::authorize(const Exchange& exchange) {
  const auto parameter = [&](const char* name) {
    const std::string* value = exchange.target.parameter(name);
    return value == nullptr ? std::string() : *value;
  };
  const std::string redirect_uri = parameter("redirect_uri");
  const std::vector<std::string>& known = exchange.behaviour->redirect_uris;
  const bool registered =
      known.empty() || std::find(known.begin(), known.end(), redirect_uri) != known.end();
  if (parameter("response_type") != "code" || redirect_uri.empty() || !registered ||
      parameter("client_id") != world_.access.application().client_id) {
    return oauth_error(400, "invalid_request", "client_id or redirect_uri does not match the app");
  }
  Grant grant;
  grant.scopes.clear();
  std::string scopes = parameter("scope");
  for (std::size_t end = 0; !scopes.empty(); scopes.erase(0, end + 1)) {
    end = std::min(scopes.find(' '), scopes.size() - 1);
    grant.scopes.insert(scopes.substr(0, scopes[end] == ' ' ? end : end + 1));
  }
  const std::string& refusal = exchange.behaviour->authorize_refusal;
  std::string state = parameter("state");
  std::string answer;
  if (refusal == "none" || refusal == "wrong_state") {
    const std::string code = "sandbox-code-" + std::to_string(exchange.number);
    world_.access.add_code(code, grant, redirect_uri);
    answer = "code=" + code;
    if (refusal == "wrong_state") state += "x";
  } else {
    answer = "error=" + refusal + "&error_description=";
    answer +=
        refusal == "unauthorized_scope_error"
            ? "Scope+%26quot%3Brw_dmp_segments%26quot%3B+is+not+authorized+for+your+application"
            : "The+user+cancelled";
  }
  HttpReply reply;
  reply.status = 302;
  reply.headers.emplace_back(
      "Location", redirect_uri + (redirect_uri.find('?') == std::string::npos ? "?" : "&") +
                      answer + "&state=" + state);
  return reply;
}

HttpReply Api::issue_token(const Exchange& exchange) {
  const auto form = parse_form(exchange.request.body);
  const auto field = [&](const char* name) {
    const auto found = form.find(name);
    return found == form.end() ? std::string() : found->second;
  };
  const std::string kind = field("grant_type");
  const bool code = kind == "authorization_code";
  if (!code && kind != "refresh_token") {
    return oauth_error(400, "invalid_request",
                       "A required parameter \"grant_type\" is missing or wrong");
  }
  for (const char* name : {code ? "code" : "refresh_token", "client_id", "client_secret"}) {
    if (field(name).empty()) {
      return oauth_error(400, "invalid_request",
                         std::string("A required parameter \"") + name + "\" is missing");
    }
  }
  if (code && field("redirect_uri").empty()) {
    return oauth_error(400, "invalid_request", "A required parameter \"redirect_uri\" is missing");
  }
  const Application& application = world_.access.application();
  if (field("client_id") != application.client_id ||
      field("client_secret") != application.client_secret) {
    return oauth_error(401, "invalid_client", "Client authentication failed");
  }
  const Behaviour& behaviour = *exchange.behaviour;
  const auto issued = code ? world_.access.exchange(field("code"), field("redirect_uri"), behaviour)
                           : world_.access.refresh(field("refresh_token"), behaviour);
  if (!issued) {
    return oauth_error(
        400, behaviour.refresh_error,
        "The provided authorization grant or refresh token is invalid, expired or revoked");
  }
  return json_reply(200, {{"access_token", issued->access_token},
                          {"expires_in", issued->expires_in},
                          {"refresh_token", issued->refresh_token},
                          {"refresh_token_expires_in", issued->refresh_expires_in},
                          {"scope", comma_list(issued->grant.scopes)},
                          {"token_type", "Bearer"}});
}

HttpReply Api::introspect(const Exchange& exchange) const {
  const auto form = parse_form(exchange.request.body);
  const auto field = [&](const char* name) {
    const auto found = form.find(name);
    return found == form.end() ? std::string() : found->second;
  };
  const Application& application = world_.access.application();
  if (field("client_id") != application.client_id) {
    return oauth_error(400, "invalid_request", "The client_id is wrong or missing");
  }
  if (field("client_secret") != application.client_secret) {
    return oauth_error(401, "invalid_client", "The client_secret is wrong or missing");
  }
  const auto token = world_.access.find(field("token"));
  if (!token) return oauth_error(400, "invalid_request", "The token is wrong or missing");
  const char* const status = token->state == TokenState::active    ? "active"
                             : token->state == TokenState::expired ? "expired"
                                                                   : "revoked";
  return json_reply(200, {{"active", token->state == TokenState::active},
                          {"status", status},
                          {"scope", comma_list(token->grant.scopes)},
                          {"client_id", application.client_id},
                          {"created_at", token->created_ms / 1000},
                          {"expires_at", token->expires_ms / 1000},
                          {"authorized_at", token->authorized_ms / 1000},
                          {"auth_type", "3L"}});
}

}  // namespace linkedin_sandbox
