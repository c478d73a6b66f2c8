#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <limits>

#include "cli/auth.hpp"
#include "cli/commands.hpp"
#include "config/text_file.hpp"
#include "model/node.hpp"
#include "services/clock.hpp"
#include "services/state_dir.hpp"
#include "services/token_reply.hpp"

namespace penstock::cli {
namespace {

constexpr std::int64_t kNanosPerMilli = 1'000'000;
// Two tokens of the greatest length and what a JSON reply has around them.
constexpr std::size_t kMaxInputBytes = 64 * 1024;
// auth set --from-env
constexpr char kAccessVariable[] = "PENSTOCK_ACCESS_TOKEN";
constexpr char kRefreshVariable[] = "PENSTOCK_REFRESH_TOKEN";

std::int64_t now_ms() {
  return services::SystemClock().wall_ns() / kNanosPerMilli;
}

bool has_login(const ConnectionConfig& connection) {
  return connection.oauth2.has_value();
}

std::string trimmed(const std::string& text) {
  const std::size_t begin = std::min(text.find_first_not_of(" \t\r\n"), text.size());
  return text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin);
}

Result<Secret> checked_token(const std::string& text, const std::string& place) {
  std::string token = trimmed(text);
  if (services::is_token(token)) return Secret(std::move(token));
  return Status{StatusCode::bad_input,
                place + " holds no token: a token is one word of visible ASCII characters"};
}

Result<Secret> token_of_file(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, config::read_text_file(path, kMaxInputBytes));
  return checked_token(text, path);
}

Result<Secret> token_of_variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) return Secret();
  return checked_token(value, name);
}

// A reply of a token endpoint as JSON, or a line with the access token and one with the refresh
// token.
Result<services::TokenReply> tokens_of_stdin() {
  std::string text;
  char buffer[4096];
  while (text.size() <= kMaxInputBytes && std::cin.read(buffer, sizeof buffer).gcount() > 0)
    text.append(buffer, static_cast<std::size_t>(std::cin.gcount()));
  if (text.size() > kMaxInputBytes)
    return Status{StatusCode::bad_input, "standard input holds more than tokens"};
  text = trimmed(text);
  if (text.rfind('{', 0) == 0) {
    auto reply = services::parse_token_reply(text);
    if (reply.ok()) return reply;
    return Status{StatusCode::bad_input, "the JSON of standard input is no reply with tokens: " +
                                             reply.status().message()};
  }
  services::TokenReply reply;
  const std::size_t end = std::min(text.find('\n'), text.size());
  ASSIGN_OR_RETURN(reply.access_token,
                   checked_token(text.substr(0, end), "the first line of standard input"));
  if (end < text.size()) {
    ASSIGN_OR_RETURN(reply.refresh_token,
                     checked_token(text.substr(end), "the second line of standard input"));
  }
  return reply;
}

Result<services::TokenReply> given_tokens(const Arguments& arguments) {
  services::TokenReply reply;
  if (arguments.tokens_from_env) {
    ASSIGN_OR_RETURN(reply.access_token, token_of_variable(kAccessVariable));
    ASSIGN_OR_RETURN(reply.refresh_token, token_of_variable(kRefreshVariable));
    if (reply.access_token.empty() && reply.refresh_token.empty()) {
      return Status{StatusCode::bad_input, std::string("neither ") + kAccessVariable + " nor " +
                                               kRefreshVariable + " is set"};
    }
    return reply;
  }
  if (arguments.access_token_file.empty() && arguments.refresh_token_file.empty())
    return tokens_of_stdin();
  if (!arguments.access_token_file.empty()) {
    ASSIGN_OR_RETURN(reply.access_token, token_of_file(arguments.access_token_file));
  }
  if (!arguments.refresh_token_file.empty()) {
    ASSIGN_OR_RETURN(reply.refresh_token, token_of_file(arguments.refresh_token_file));
  }
  return reply;
}

Status show_states(const Arguments& arguments, const std::vector<AuthState>& states) {
  return print(arguments.format == Format::json ? auth_json(states) : auth_text(states, now_ms()));
}

Status show_state(const Arguments& arguments, const PipelineConfig& config,
                  const ConnectionConfig& connection) {
  return show_states(arguments, {auth_state(config, connection, 0, now_ms())});
}

void warn_of_scopes(const services::TokenSet& tokens, const ConnectionConfig& connection) {
  for (const std::string& scope : connection.oauth2->scopes) {
    if (tokens.scopes.empty() ||
        std::find(tokens.scopes.begin(), tokens.scopes.end(), scope) != tokens.scopes.end())
      continue;
    tell("penstock: the scope " + scope + " was not granted; what needs it will be refused");
  }
}

Status login(const Arguments& arguments, const PipelineConfig& config,
             const ConnectionConfig& connection) {
  RETURN_IF_ERROR(check_token_place(config, connection));
  ASSIGN_OR_RETURN(const services::TokenSet tokens, log_in(arguments, config, connection));
  RETURN_IF_ERROR(replace_tokens(config, connection, tokens));
  warn_of_scopes(tokens, connection);
  remember_member(arguments, config, connection, tokens);
  return show_state(arguments, config, connection);
}

Status set(const Arguments& arguments, const PipelineConfig& config,
           const ConnectionConfig& connection) {
  ASSIGN_OR_RETURN(const services::TokenReply reply, given_tokens(arguments));
  services::TokenSet tokens;
  tokens.origin = services::TokenOrigin::set;
  tokens.since_ms = now_ms();
  tokens = services::apply_reply(tokens, reply, now_ms());
  RETURN_IF_ERROR(check_token_place(config, connection));
  RETURN_IF_ERROR(replace_tokens(config, connection, tokens));
  if (!tokens.access_token.empty()) remember_member(arguments, config, connection, tokens);
  return show_state(arguments, config, connection);
}

Status refresh(const Arguments& arguments, const PipelineConfig& config,
               const ConnectionConfig& connection) {
  const services::TokenStore store(config.state_dir, connection.name);
  ASSIGN_OR_RETURN(const services::TokenLock lock, store.lock([] { return false; }));
  ASSIGN_OR_RETURN(const std::optional<services::TokenSet> stored, store.load());
  const services::TokenSet before =
      services::choose_tokens(stored, connection.access_token, connection.refresh_token);
  const std::string command = auth_command_line("login", config, connection);
  if (before.refresh_token.empty() || connection.client_id.empty()) {
    return {StatusCode::authorization,
            "there is nothing to renew the access token with: " +
                std::string(before.refresh_token.empty() ? "the connection has no refresh token"
                                                         : "client_id is not set") +
                ". Run: " + command};
  }
  const auto options = services::login_options(connection, config.path, config.state_dir);
  services::TokenEndpoint endpoint(options->application);
  const services::TokenAnswer answer = endpoint.refresh(before.refresh_token, [] { return false; });
  if (answer.kind != services::TokenAnswer::Kind::tokens) {
    const bool passes = answer.kind == services::TokenAnswer::Kind::passing;
    Status fault{passes ? StatusCode::unavailable : StatusCode::authorization,
                 services::renewal_fault(answer, login_place(config, connection)).message};
    if (answer.kind != services::TokenAnswer::Kind::dead) return fault;
    services::TokenSet dead = before;
    dead.refused = true;  // for `auth status`
    const Status kept = store.save(dead, lock);
    return kept.ok() ? fault : Status{fault.code(), fault.message() + " " + kept.message()};
  }
  RETURN_IF_ERROR(store.save(services::apply_reply(before, answer.reply, now_ms()), lock));
  return show_state(arguments, config, connection);
}

Status logout(const Arguments& arguments, const PipelineConfig& config,
              const ConnectionConfig& connection) {
  const services::TokenStore store(config.state_dir, connection.name);
  ASSIGN_OR_RETURN(const services::TokenLock lock, store.lock([] { return false; }));
  ASSIGN_OR_RETURN(const bool removed, store.remove(lock));
  if (!removed) std::fprintf(stderr, "penstock: there were no stored tokens\n");
  return show_state(arguments, config, connection);
}

Status status(const Arguments& arguments, const PipelineConfig& config) {
  std::vector<AuthState> states;
  if (arguments.connection.empty()) {
    for (const ConnectionConfig& connection : config.connections) {
      if (has_login(connection))
        states.push_back(auth_state(config, connection, arguments.warn_days, now_ms()));
    }
  } else {
    ASSIGN_OR_RETURN(const ConnectionConfig* connection, chosen_connection(config, arguments));
    states.push_back(auth_state(config, *connection, arguments.warn_days, now_ms()));
  }
  RETURN_IF_ERROR(add_words_of_run(config, states));
  RETURN_IF_ERROR(show_states(arguments, states));
  for (const AuthState& state : states) {
    if (state.action_needed)
      return {StatusCode::authorization, state.connection + ": " + state.advice};
  }
  return {};
}

Status carry_out(const Arguments& arguments) {
  ASSIGN_OR_RETURN(const PipelineConfig config, load_config(arguments));
  if (arguments.command == Command::auth_status) return status(arguments, config);
  if (!arguments.allow_shared_state)
    RETURN_IF_ERROR(services::refuse_shared_state_dir(config.state_dir));
  ASSIGN_OR_RETURN(const ConnectionConfig* connection, chosen_connection(config, arguments));
  switch (arguments.command) {
    case Command::auth_login:
      return login(arguments, config, *connection);
    case Command::auth_set:
      return set(arguments, config, *connection);
    case Command::auth_refresh:
      return refresh(arguments, config, *connection);
    default:
      return logout(arguments, config, *connection);
  }
}

}  // namespace

Result<PipelineConfig> load_config(const Arguments& arguments) {
  ASSIGN_OR_RETURN(const config::LoadOptions options, load_options(arguments));
  Diagnostics diagnostics;
  auto config = config::load_pipeline(arguments.pipelines.front(), options, diagnostics);
  if (!config.ok()) {
    show(diagnostics);
    return Status{StatusCode::configuration, arguments.pipelines.front() +
                                                 " must be in order before its connections can be "
                                                 "looked at"};
  }
  return config;
}

Result<const ConnectionConfig*> chosen_connection(const PipelineConfig& config,
                                                  const Arguments& arguments) {
  std::vector<const ConnectionConfig*> with_login;
  std::string names;
  for (const ConnectionConfig& connection : config.connections) {
    if (!has_login(connection)) continue;
    with_login.push_back(&connection);
    names += (names.empty() ? "" : ", ") + connection.name;
    if (connection.name == arguments.connection) return &connection;
  }
  if (with_login.empty())
    return Status{StatusCode::usage, "the pipeline has no connection with an OAuth login"};
  if (!arguments.connection.empty()) {
    return Status{StatusCode::usage, "the pipeline has no connection " +
                                         in_quotes(arguments.connection) +
                                         " with an OAuth login; there are: " + names};
  }
  if (with_login.size() == 1) return with_login.front();
  return Status{StatusCode::usage, "say which connection: " + names};
}

services::LoginPlace login_place(const PipelineConfig& config, const ConnectionConfig& connection) {
  return {config.path, connection.name};
}

std::string auth_command_line(const char* verb, const PipelineConfig& config,
                              const ConnectionConfig& connection) {
  return services::auth_command_words(verb, login_place(config, connection));
}

Status replace_tokens(const PipelineConfig& config, const ConnectionConfig& connection,
                      const services::TokenSet& tokens) {
  const services::TokenStore store(config.state_dir, connection.name);
  ASSIGN_OR_RETURN(const services::TokenLock lock, store.lock([] { return false; }));
  return store.save(tokens, lock);
}

Status check_token_place(const PipelineConfig& config, const ConnectionConfig& connection) {
  const services::TokenStore store(config.state_dir, connection.name);
  RETURN_IF_ERROR(store.lock([] { return false; }).status());
  struct stat directory {};
  // What root stores there is closed to the run.
  if (::geteuid() == 0 && ::stat(config.state_dir.c_str(), &directory) == 0 &&
      directory.st_uid != 0) {
    return {StatusCode::io, config.state_dir + " belongs to the user with the number " +
                                std::to_string(directory.st_uid) +
                                ", who could not read what root stores. Run the command as that "
                                "user"};
  }
  return {};
}

int auth_command(const Arguments& arguments) {
  return fail(carry_out(arguments));
}

}  // namespace penstock::cli
