// A simulated LinkedIn API for Matched Audiences, on loopback ports of this process.
//
//   linkedin_sandbox::Sandbox sandbox;
//   REQUIRE(sandbox.start().ok());
//   ... point the client at sandbox.api_url() with the token "sandbox-token" ...
//   sandbox.members("trial_users");
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "access.hpp"
#include "behaviour.hpp"
#include "model/status.hpp"

namespace linkedin_sandbox {

struct Options {
  std::uint16_t api_port = 0;  // 0: a free one
  std::uint16_t control_port = 0;
  std::uint64_t seed = 1;
  std::size_t threads = 64;  // API connections served at once
  Behaviour behaviour;
  Application application;
  // Tokens that are accepted from the start.
  struct Token {
    std::string token;
    Grant grant;
  };
  std::vector<Token> tokens = {{"sandbox-token", Grant()}};
  std::string refresh_token = "sandbox-refresh-token";
  // The clock stands still at this time, in ms since 1970, and moves by advance_clock() alone.
  std::optional<std::int64_t> frozen_at_ms;
};

class Sandbox {
 public:
  explicit Sandbox(Options options = {});
  ~Sandbox();  // stops
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

  // Fails when a port is taken. After stop() it may be started again, on new ports where 0 was
  // asked for; what it holds stays. [control-thread]
  [[nodiscard]] penstock::Status start();
  void stop();

  // 0 unless started.
  [[nodiscard]] std::uint16_t api_port() const;
  [[nodiscard]] std::uint16_t control_port() const;
  [[nodiscard]] std::string api_url() const;  // "http://127.0.0.1:PORT"

  // The rest does what the control port does. [any-thread]

  // {"key":value}, keys as in README.md.
  [[nodiscard]] penstock::Status change_behaviour(const nlohmann::json& changes);
  // The persons of all segments with this sourceSegmentId, sorted.
  [[nodiscard]] std::vector<std::string> members(const std::string& source_segment_id) const;
  // GET /members, /counters and /requests.
  [[nodiscard]] nlohmann::json dump_members(bool counts_only = false) const;
  [[nodiscard]] nlohmann::json counters() const;
  [[nodiscard]] nlohmann::json requests(std::size_t last) const;
  void advance_clock(std::chrono::milliseconds time);
  void add_token(const std::string& token, const Grant& grant, std::chrono::seconds life);
  // False: no such access or refresh token.
  bool expire_token(const std::string& token);
  bool revoke_token(const std::string& token);
  // Forgets segments, members, requests, counters and faults.
  void reset();

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace linkedin_sandbox
