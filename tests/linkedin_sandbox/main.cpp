// linkedin_sandbox: the simulated LinkedIn API as a program of its own.
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "sandbox.hpp"

namespace {

using linkedin_sandbox::Behaviour;
using linkedin_sandbox::Options;
using linkedin_sandbox::Sandbox;
using linkedin_sandbox::Setting;
using penstock::Status;
using penstock::StatusCode;

constexpr const char* kExamples = R"(Examples:
  linkedin_sandbox --port-file ports          # free ports; "API CONTROL" in the file once both listen
  linkedin_sandbox --api-port 8080 --control-port 8081 --segment-ready-ms 0
  linkedin_sandbox --seed 7 --throttle 0.1 --server-error 0.1 --reset-after-commit 0.1 --max-faults 50
  linkedin_sandbox --token reader:VIEWER --token "writer:ACCOUNT_MANAGER:rw_dmp_segments+r_ads"
  curl -X PATCH -d '{"throttle":0.5}' http://127.0.0.1:8081/behaviour
  curl http://127.0.0.1:8081/members?counts=1
)";

// One option per switch; a switch that is on or off may stand alone or take true or false.
void add_setting(CLI::App& app, const Setting& setting, Behaviour& behaviour) {
  const std::string flag = std::string("--") + setting.name;
  CLI::Option* option = std::visit(
      [&](auto member) -> CLI::Option* {
        auto& field = behaviour.*member;
        using Field = std::remove_reference_t<decltype(field)>;
        if constexpr (std::is_same_v<Field, bool>) {
          return app.add_flag(flag, field, setting.help);
        } else {
          CLI::Option* valued = app.add_option(flag, field, setting.help)->capture_default_str();
          if constexpr (std::is_same_v<Field, std::vector<std::string>>) valued->delimiter(',');
          return valued;
        }
      },
      setting.member);
  option->group(setting.group);
}

// TOKEN[:ROLE[:SCOPE+SCOPE...]]
Options::Token parse_token(const std::string& text) {
  std::istringstream parts(text);
  Options::Token token;
  std::string role;
  std::string scopes;
  std::getline(parts, token.token, ':');
  if (std::getline(parts, role, ':') && !role.empty()) token.grant.role = role;
  if (std::getline(parts, scopes)) {
    token.grant.scopes.clear();
    std::istringstream list(scopes);
    for (std::string scope; std::getline(list, scope, '+');) token.grant.scopes.insert(scope);
  }
  return token;
}

// By a rename, so that whoever waits for the file never sees half of it.
Status write_port_file(const std::string& path, const Sandbox& sandbox) {
  const std::string unfinished = path + ".unfinished";
  {
    std::ofstream file(unfinished, std::ios::trunc);
    file << sandbox.api_port() << " " << sandbox.control_port() << "\n";
    file.flush();
    if (!file) return {StatusCode::io, "cannot write the port file " + unfinished};
  }
  if (std::rename(unfinished.c_str(), path.c_str()) != 0) {
    return {StatusCode::io, "cannot rename " + unfinished + " to " + path};
  }
  return {};
}

int fail(const Status& status) {
  std::cerr << "linkedin_sandbox: " << status.message() << "\n";
  return exit_code(status.code());
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "A simulated LinkedIn API for Matched Audiences, for tests. It listens on 127.0.0.1.");
  app.footer(kExamples);
  Options options;
  std::string port_file;
  std::vector<std::string> tokens;
  app.add_option("--api-port", options.api_port, "port of the API; 0: a free one")
      ->capture_default_str();
  app.add_option("--control-port", options.control_port, "port of the control calls; 0: a free one")
      ->capture_default_str();
  app.add_option("--port-file", port_file, "write \"API CONTROL\" there once both ports listen");
  app.add_option("--seed", options.seed, "decides faults and orders")->capture_default_str();
  app.add_option("--threads", options.threads, "API connections served at once")
      ->capture_default_str()
      ->check(CLI::Range(1, 1024));
  app.add_option("--token", tokens,
                 "accepted access token, TOKEN[:ROLE[:SCOPE+SCOPE...]], may be repeated "
                 "[default: sandbox-token]");
  app.add_option("--client-id", options.application.client_id, "of the token endpoint")
      ->capture_default_str();
  app.add_option("--client-secret", options.application.client_secret, "of the token endpoint")
      ->capture_default_str();
  app.add_option("--refresh-token", options.refresh_token, "accepted refresh token")
      ->capture_default_str();
  for (const Setting& setting : linkedin_sandbox::behaviour_settings()) {
    add_setting(app, setting, options.behaviour);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : exit_code(StatusCode::usage);
  }

  // The same checks as at run time.
  Behaviour checked;
  if (const Status status = apply_json(to_json(options.behaviour), checked); !status.ok()) {
    return fail(status);
  }
  if (!tokens.empty()) {
    options.tokens.clear();
    for (const std::string& token : tokens) options.tokens.push_back(parse_token(token));
  }

  // Blocked before any thread starts, so that sigwait() below gets them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  Sandbox sandbox(options);
  if (const Status status = sandbox.start(); !status.ok()) return fail(status);
  if (!port_file.empty()) {
    if (const Status status = write_port_file(port_file, sandbox); !status.ok())
      return fail(status);
  }
  std::cout << "linkedin_sandbox ready: API " << sandbox.api_url()
            << ", control http://127.0.0.1:" << sandbox.control_port() << std::endl;
  int signal = 0;
  sigwait(&signals, &signal);
  sandbox.stop();
  return 0;
}
