#include <fcntl.h>
#include <openssl/rand.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <iostream>
#include <map>
#include <optional>
#include <string_view>
#include <thread>

#include "cli/auth.hpp"
#include "cli/commands.hpp"
#include "cli/redirect_listener.hpp"
#include "gate/foreign_text.hpp"
#include "services/clock.hpp"
#include "services/oauth.hpp"
#include "services/pkce.hpp"

extern char** environ;

namespace penstock::cli {
namespace {

// 128 bits: not guessed.
constexpr std::size_t kStateBytes = 16;
// Fixed, because services take only what is registered for the app letter for letter.
constexpr char kDefaultRedirect[] = "http://127.0.0.1:8765/callback";
// Of a server's words that are shown.
constexpr std::size_t kMaxShownBytes = 200;
// What is pasted is a URL with a code; services' codes have some hundred bytes.
constexpr std::size_t kMaxPastedBytes = 16 * 1024;

Result<std::string> random_state() {
  std::array<unsigned char, kStateBytes> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
    return Status{StatusCode::internal, "the system gives no random numbers"};
  std::string text;
  for (const unsigned char byte : bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  return text;
}

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? digit(text[i + 1]) : -1;
    const int low = high >= 0 ? digit(text[i + 2]) : -1;
    if (low >= 0) {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

using Query = std::map<std::string, std::string>;

// Of a URL, or of the target of a request.
Query query_of(std::string_view url) {
  Query query;
  const std::size_t begin = url.find('?');
  if (begin == std::string_view::npos) return query;
  url = url.substr(begin + 1, url.find('#') - begin - 1);
  while (!url.empty()) {
    const std::string_view pair = url.substr(0, url.find('&'));
    url.remove_prefix(std::min(pair.size() + 1, url.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    query[decoded(pair.substr(0, equals))] =
        equals < pair.size() ? decoded(pair.substr(equals + 1)) : "";
  }
  return query;
}

std::string shown_words(const std::string& text) {
  return gate::foreign_text(text, kMaxShownBytes);
}

std::string value_of(const Query& query, const char* name) {
  const auto found = query.find(name);
  return found == query.end() ? std::string() : found->second;
}

// Where the redirect goes, if that is where RedirectListener listens.
struct LoopbackRedirect {
  std::uint16_t port = 0;
  std::string path;
};
std::optional<LoopbackRedirect> loopback_of(const std::string& uri) {
  constexpr std::string_view kScheme = "http://";
  if (uri.rfind(kScheme, 0) != 0) return std::nullopt;
  const std::string rest = uri.substr(kScheme.size());
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  const std::string authority = rest.substr(0, slash);
  const std::size_t colon = std::min(authority.rfind(':'), authority.size());
  const std::string host = authority.substr(0, colon);
  if (host != "127.0.0.1" && host != "localhost") return std::nullopt;
  LoopbackRedirect redirect;
  redirect.port = 80;
  if (colon < authority.size()) {
    const int port = std::atoi(authority.c_str() + colon + 1);
    if (port < 1 || port > UINT16_MAX) return std::nullopt;
    redirect.port = static_cast<std::uint16_t>(port);
  }
  redirect.path = slash < rest.size() ? rest.substr(slash) : "/";
  redirect.path = redirect.path.substr(0, redirect.path.find('?'));
  return redirect;
}

void say_not_opened() {
  std::fprintf(stderr, "xdg-open could not open a browser; open the address above yourself.\n");
}

// Where there is no desktop, xdg-open is the browser itself and ends with it: nobody waits for it,
// nor may it write where our own output goes.
void open_browser(const std::string& url) {
  std::string program = "xdg-open";
  std::string argument = url;
  char* const arguments[] = {program.data(), argument.data(), nullptr};
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&files);
  posix_spawnattr_init(&attributes);
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    posix_spawn_file_actions_addopen(&files, fd, "/dev/null", O_RDWR, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  pid_t child = -1;
  const int failed = posix_spawnp(&child, program.c_str(), &files, &attributes, arguments, environ);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  if (failed != 0) return say_not_opened();
  std::thread([child] {
    int status = 0;
    if (waitpid(child, &status, 0) == child && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
      say_not_opened();
  }).detach();
}

Status refused(const std::string& message) {
  return {StatusCode::authorization, message + ". Nothing was changed"};
}

// The code, of what came back.
Result<Secret> code_of(const Query& query, const std::string& state,
                       const ConnectionConfig& connection) {
  const std::string error = value_of(query, "error");
  // Nothing is taken from such an answer, so that its words do no harm.
  if (!error.empty() && value_of(query, "state").empty()) {
    return refused(explain_refusal(error, value_of(query, "error_description"), connection) +
                   ". The answer did not say which login it belongs to");
  }
  if (value_of(query, "state") != state) {
    return refused(
        "the answer does not belong to this login: its state is another one. It may come from an "
        "older attempt, or from somebody who wants you to use their account. Run the command again "
        "and use only the address that it prints");
  }
  if (!error.empty())
    return refused(explain_refusal(error, value_of(query, "error_description"), connection));
  std::string code = value_of(query, "code");
  if (!services::is_token(code)) {
    return refused(
        "what came back holds no code. Paste the whole address that the browser shows after the "
        "login");
  }
  return Secret(std::move(code));
}

Result<Secret> pasted_code(const std::string& state, const ConnectionConfig& connection) {
  std::fprintf(stderr,
               "Then paste the address that the browser ends at (it may show an error page), or "
               "the code in it, and press Enter:\n");
  std::string line;
  if (!std::getline(std::cin, line) || line.empty()) return refused("nothing was pasted");
  if (line.size() > kMaxPastedBytes) return refused("what was pasted is too long");
  const std::size_t begin = std::min(line.find_first_not_of(" \t\r"), line.size());
  line = line.substr(begin, line.find_last_not_of(" \t\r") + 1 - begin);
  for (const char* mark : {"?", "code=", "error="}) {
    if (line.find(mark) == std::string::npos) continue;
    return code_of(query_of(line.find('?') == std::string::npos ? "?" + line : line), state,
                   connection);
  }
  Query query = {{"state", state}, {"code", decoded(line)}};
  return code_of(query, state, connection);
}

// Any page and program on this machine can send something here, and so can a tab of an older
// attempt: what does not belong to this login does not end it.
Result<Secret> received_code(RedirectListener& listener, const std::string& path,
                             const Arguments& arguments, const std::string& state,
                             const ConnectionConfig& connection) {
  Result<Secret> code = Status{StatusCode::internal, "no answer"};
  Status foreign;
  const auto answer = [&](const std::string& target) -> RedirectListener::Answer {
    const Query query = query_of(target);
    code = code_of(query, state, connection);
    const bool ours = value_of(query, "state") == state;
    if (!ours && foreign.ok()) {
      tell("penstock: " + code.status().message() + ". Still waiting.");
      foreign = code.status();
    }
    return {code.ok()
                ? "The answer has arrived. Close this page; the terminal says whether the login "
                  "succeeded."
                : "Not logged in: " + code.status().message() + ".",
            ours};
  };
  const Status waited = listener.wait(path, arguments.login_timeout, answer);
  if (waited.ok()) return code;
  return foreign.ok() ? waited : foreign;
}

void show_url(const Arguments& arguments, const std::string& url, const std::string& redirect_uri) {
  std::fprintf(stderr,
               "Log in and grant access at this address (%s must be registered for the app as a "
               "redirect URL):\n\n  %s\n\n",
               redirect_uri.c_str(), url.c_str());
  if (arguments.open_browser) open_browser(url);
}

}  // namespace

std::string explain_refusal(const std::string& error, const std::string& description,
                            const ConnectionConfig& connection) {
  const std::string said = shown_words(description);
  std::string scopes;
  std::string named;
  for (const std::string& scope : connection.oauth2->scopes) {
    scopes += (scopes.empty() ? "" : ", ") + scope;
    // The longest: one scope may be the beginning of another.
    if (scope.size() > named.size() && description.find(scope) != std::string::npos) named = scope;
  }
  if (error == "user_cancelled_login")
    return "the login was cancelled on the sign-in page. Run the command again and sign in";
  if (error == "user_cancelled_authorize" || error == "access_denied") {
    return "the person who signed in did not allow access. Run the command again and press Allow; "
           "all of these are needed: " +
           scopes;
  }
  if (error == "unauthorized_scope_error" || error == "invalid_scope") {
    return "the app has not been granted " +
           (named.empty() ? "one of the scopes " + scopes : "the scope " + named) +
           ". A single scope that is not granted makes the whole login fail, also for the others. "
           "Apply for it where the app is registered (client_id " +
           connection.client_id +
           ") and run the command again once it is granted; or name the "
           "scopes that the app has in connections." +
           connection.name + ".scopes, and do without what the others are for";
  }
  return "the login was refused with " + shown_words(error) +
         (said.empty() ? "" : " (" + said + ")");
}

Result<services::TokenSet> log_in(const Arguments& arguments, const PipelineConfig& config,
                                  const ConnectionConfig& connection) {
  if (connection.client_id.empty()) {
    return Status{StatusCode::configuration,
                  "a login needs connections." + connection.name +
                      ".client_id and client_secret. Without them the access token is that of "
                      "connections." +
                      connection.name +
                      ".access_token: put a new one where it comes from, and start the run again"};
  }
  const std::string redirect_uri =
      connection.redirect_uri.empty() ? kDefaultRedirect : connection.redirect_uri;
  const auto loopback = loopback_of(redirect_uri);
  const bool paste = arguments.paste || !loopback;
  ASSIGN_OR_RETURN(const std::string state, random_state());
  services::Pkce pkce;
  if (connection.oauth2->pkce) {
    ASSIGN_OR_RETURN(pkce, services::make_pkce());
  }
  const std::string url =
      services::authorize_url(connection.authorize_url, connection.client_id, redirect_uri, state,
                              connection.oauth2->scopes, pkce.challenge);
  std::optional<Secret> code;
  if (paste) {
    show_url(arguments, url, redirect_uri);
    ASSIGN_OR_RETURN(code, pasted_code(state, connection));
  } else {
    ASSIGN_OR_RETURN(RedirectListener listener, RedirectListener::open(loopback->port));
    show_url(arguments, url, redirect_uri);
    ASSIGN_OR_RETURN(code, received_code(listener, loopback->path, arguments, state, connection));
  }
  const auto login = services::login_options(connection, config.path, config.state_dir);
  services::TokenEndpoint endpoint(login->application);
  const services::TokenAnswer answer =
      endpoint.exchange(*code, redirect_uri, pkce.verifier, [] { return false; });
  const std::string where = "the code of the login was not exchanged for tokens: " + answer.message;
  switch (answer.kind) {
    case services::TokenAnswer::Kind::tokens:
      break;
    case services::TokenAnswer::Kind::dead:
      return refused(where +
                     ". A code works once and for minutes only, and for the redirect URL that it "
                     "was made for: run the command again and finish the login without delay");
    case services::TokenAnswer::Kind::passing:
      return Status{StatusCode::unavailable, where + ". Run the command again"};
    case services::TokenAnswer::Kind::failed:
      return refused(where + ". Check client_id, client_secret and token_url of the connection");
  }
  const std::int64_t now_ms = services::SystemClock().wall_ns() / 1'000'000;
  services::TokenSet tokens;
  tokens.origin = services::TokenOrigin::login;
  tokens.since_ms = now_ms;
  return services::apply_reply(tokens, answer.reply, now_ms);
}

}  // namespace penstock::cli
