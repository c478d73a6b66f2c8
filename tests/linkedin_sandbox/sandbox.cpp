#include "sandbox.hpp"

#include <algorithm>

#include "api.hpp"
#include "control.hpp"
#include "http_server.hpp"
#include "world.hpp"

namespace linkedin_sandbox {
namespace {

constexpr std::size_t kControlThreads = 8;

}  // namespace

class Sandbox::Implementation {
 public:
  explicit Implementation(Options the_options)
      : options(std::move(the_options)),
        world(options.seed, options.behaviour, options.application, options.frozen_at_ms),
        api(world),
        control(world, options.behaviour),
        api_server([this](const HttpRequest& request) { return api.handle(request); },
                   options.threads, [this] { world.traffic.note_connection(); }),
        control_server([this](const HttpRequest& request) { return control.handle(request); },
                       kControlThreads) {
    for (const Options::Token& token : options.tokens) {
      world.access.add_token(token.token, token.grant, options.behaviour.access_token_seconds);
    }
    world.access.add_refresh_token(options.refresh_token, Grant(),
                                   options.behaviour.refresh_token_seconds);
  }

  // It works with the API.
  ~Implementation() { world.late.end(); }
  Implementation(const Implementation&) = delete;
  Implementation& operator=(const Implementation&) = delete;

  const Options options;
  World world;
  Api api;
  Control control;
  HttpServer api_server;
  HttpServer control_server;
};

Sandbox::Sandbox(Options options)
    : implementation_(std::make_unique<Implementation>(std::move(options))) {}

Sandbox::~Sandbox() {
  stop();
}

penstock::Status Sandbox::start() {
  implementation_->world.pause.restart();
  RETURN_IF_ERROR(implementation_->api_server.start(implementation_->options.api_port));
  penstock::Status status =
      implementation_->control_server.start(implementation_->options.control_port);
  if (!status.ok()) implementation_->api_server.stop();
  return status;
}

void Sandbox::stop() {
  implementation_->world.pause.stop();
  implementation_->api_server.stop();
  implementation_->control_server.stop();
}

std::uint16_t Sandbox::api_port() const {
  return implementation_->api_server.port();
}
std::uint16_t Sandbox::control_port() const {
  return implementation_->control_server.port();
}
std::string Sandbox::api_url() const {
  return "http://127.0.0.1:" + std::to_string(api_port());
}

penstock::Status Sandbox::change_behaviour(const nlohmann::json& changes) {
  return implementation_->control.change_behaviour(changes);
}

std::vector<std::string> Sandbox::members(const std::string& source_segment_id) const {
  std::vector<std::string> persons;
  const nlohmann::json dump = implementation_->world.segments.dump(false, source_segment_id);
  for (const nlohmann::json& segment : dump.at("segments")) {
    for (const nlohmann::json& person : segment.at("members")) persons.push_back(person);
  }
  std::sort(persons.begin(), persons.end());
  return persons;
}

nlohmann::json Sandbox::dump_members(bool counts_only) const {
  return implementation_->world.segments.dump(counts_only, std::nullopt);
}
nlohmann::json Sandbox::counters() const {
  return implementation_->control.counters();
}
nlohmann::json Sandbox::requests(std::size_t last) const {
  return implementation_->world.traffic.requests(last);
}
void Sandbox::advance_clock(std::chrono::milliseconds time) {
  implementation_->world.clock.advance(time.count());
}
void Sandbox::add_token(const std::string& token, const Grant& grant, std::chrono::seconds life) {
  implementation_->world.access.add_token(token, grant, life.count());
}
bool Sandbox::expire_token(const std::string& token) {
  return implementation_->world.access.expire(token);
}
bool Sandbox::revoke_token(const std::string& token) {
  return implementation_->world.access.revoke(token);
}
void Sandbox::reset() {
  implementation_->control.reset();
}

}  // namespace linkedin_sandbox
