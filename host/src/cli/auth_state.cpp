#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/auth.hpp"
#include "cli/commands.hpp"
#include "cli/moments.hpp"
#include "cli/table.hpp"
#include "services/clock.hpp"
#include "store/reader.hpp"

namespace penstock::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t kDayMs = 24LL * 3600 * 1000;

std::string ends(std::int64_t expires_ms, std::int64_t now_ms) {
  if (expires_ms == 0) return "it is not known when it ends";
  if (expires_ms <= now_ms) return "expired " + iso_time(expires_ms);
  return "until " + iso_time(expires_ms) + ", for " + words_for(expires_ms - now_ms) + " more";
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::string member_words(const services::Member& member) {
  if (member.id.empty()) return "not known";
  if (member.name.empty()) return printable(member.id);
  return printable(member.name + " (" + member.id + ")");
}

Json time_or_null(std::int64_t ms) {
  return ms == 0 ? Json() : Json(iso_time(ms));
}

// What is wrong and what to run; "" when nothing is.
std::string action_for(const AuthState& state, const services::LoginPlace& place,
                       unsigned warn_days, std::int64_t now_ms) {
  const std::string login = services::auth_command_words("login", place);
  const services::TokenSet& tokens = state.tokens;
  if (!state.fault.ok()) return state.fault.message();
  if (tokens.empty()) return "Not logged in. Run: " + login;
  const bool access_gone = tokens.access_token.empty() ||
                           (tokens.access_expires_ms != 0 && tokens.access_expires_ms <= now_ms);
  if (!state.can_renew) {
    if (access_gone) return "The access token has expired and cannot be renewed. Run: " + login;
    if (tokens.access_expires_ms != 0 && tokens.access_expires_ms - now_ms <= warn_days * kDayMs)
      return "The access token ends soon and cannot be renewed. Run: " + login;
    return {};
  }
  if (tokens.refused) return services::refused_login_words(place) + ".";
  if (tokens.refresh_expires_ms == 0) return {};
  if (tokens.refresh_expires_ms <= now_ms) return "The refresh token has expired. Run: " + login;
  if (tokens.refresh_expires_ms - now_ms <= warn_days * kDayMs) {
    return "The refresh token ends within " + std::to_string(warn_days) +
           " days, and no renewal extends it. Run: " + login;
  }
  return {};
}

}  // namespace

AuthState auth_state(const PipelineConfig& config, const ConnectionConfig& connection,
                     unsigned warn_days, std::int64_t now_ms) {
  AuthState state;
  state.connection = connection.name;
  state.plugin = connection.plugin;
  const auto stored = services::TokenStore(config.state_dir, connection.name).load();
  state.fault = stored.status();
  if (stored.ok()) {
    state.tokens =
        services::choose_tokens(*stored, connection.access_token, connection.refresh_token);
  }
  state.can_renew = !connection.client_id.empty() && !state.tokens.refresh_token.empty();
  state.advice = action_for(state, login_place(config, connection), warn_days, now_ms);
  state.action_needed = !state.advice.empty();
  if (!state.action_needed) {
    state.advice = state.can_renew ? "Nothing to do: the access token is renewed by itself."
                                   : "Nothing to do now. The access token cannot be renewed: "
                                     "there is no refresh token, or no client_id.";
    if (state.can_renew && state.tokens.refresh_expires_ms == 0) {
      state.advice += " To learn when the refresh token ends, run: " +
                      auth_command_line("refresh", config, connection);
    }
  }
  return state;
}

Status add_words_of_run(const PipelineConfig& config, std::vector<AuthState>& states) {
  const services::SystemClock clock;
  const auto reader = store::Reader::open(config.state_dir, clock);
  if (!reader.ok())
    return reader.status().code() == StatusCode::bad_input ? Status() : reader.status();
  ASSIGN_OR_RETURN(const store::State run, (*reader)->state());
  for (const DestinationConfig& destination : config.destinations) {
    const auto stopped =
        std::find_if(run.destinations.begin(), run.destinations.end(), [&](const auto& state) {
          return state.name == destination.name && state.state == "authorization_needed";
        });
    const auto connection = std::find_if(states.begin(), states.end(), [&](const AuthState& state) {
      return state.connection == destination.connection;
    });
    if (stopped == run.destinations.end() || connection == states.end()) continue;
    // Tokens that came later are not meant.
    const std::int64_t tokens_ms =
        std::max(connection->tokens.since_ms, connection->tokens.access_obtained_ms);
    const bool of_these = std::any_of(run.issues.begin(), run.issues.end(), [&](const auto& issue) {
      return issue.destination == destination.name && issue.code == stopped->code &&
             issue.last_ms >= tokens_ms;
    });
    if (!of_these || connection->action_needed) continue;
    connection->action_needed = true;
    connection->advice = stopped->message;
  }
  return {};
}

std::string auth_text(const std::vector<AuthState>& states, std::int64_t now_ms) {
  std::string out;
  for (const AuthState& state : states) {
    const services::TokenSet& tokens = state.tokens;
    out += state.connection + " (" + state.plugin + ")\n";
    if (!tokens.empty()) {
      out += "  member        " + member_words(tokens.member) + "\n";
      out += "  tokens        from " + std::string(name_of(tokens.origin)) +
             (tokens.since_ms == 0 ? "" : ", " + iso_time(tokens.since_ms)) + "\n";
      out +=
          "  scopes        " + (tokens.scopes.empty() ? "not known" : joined(tokens.scopes)) + "\n";
      out += "  access token  " +
             (tokens.access_token.empty() ? "none" : ends(tokens.access_expires_ms, now_ms)) + "\n";
      out += "  refresh token " +
             (tokens.refresh_token.empty() ? "none" : ends(tokens.refresh_expires_ms, now_ms)) +
             "\n";
    }
    out += "  " + state.advice + "\n";
  }
  return out;
}

std::string auth_json(const std::vector<AuthState>& states) {
  Json connections = Json::object();
  for (const AuthState& state : states) {
    const services::TokenSet& tokens = state.tokens;
    connections[state.connection] = {
        {"plugin", state.plugin},
        {"logged_in", !tokens.empty()},
        {"origin", tokens.empty() ? Json() : Json(name_of(tokens.origin))},
        {"member", tokens.member.id.empty()
                       ? Json()
                       : Json{{"id", tokens.member.id}, {"name", tokens.member.name}}},
        {"since", time_or_null(tokens.since_ms)},
        {"scopes", tokens.scopes},
        {"access_token_expires", time_or_null(tokens.access_expires_ms)},
        {"refresh_token", !tokens.refresh_token.empty()},
        {"refresh_token_expires", time_or_null(tokens.refresh_expires_ms)},
        {"renewable", state.can_renew},
        {"action_needed", state.action_needed},
        {"advice", state.advice}};
  }
  return Json{{"connections", std::move(connections)}}.dump(-1, ' ', false,
                                                            Json::error_handler_t::replace) +
         "\n";
}

}  // namespace penstock::cli
