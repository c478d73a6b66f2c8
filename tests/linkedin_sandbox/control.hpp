// The control port: tests look into the sandbox and switch its behaviour. README.md lists the
// calls.
#pragma once

#include "message.hpp"
#include "world.hpp"

namespace linkedin_sandbox {

class Control {
 public:
  // start: what PUT /behaviour and POST /reset {"behaviour":true} go back to.
  Control(World& world, Behaviour start) : world_(world), start_(std::move(start)) {}

  // [any-thread]
  [[nodiscard]] HttpReply handle(const HttpRequest& request);

  // GET /counters as JSON.
  [[nodiscard]] nlohmann::json counters() const;
  // PATCH /behaviour. A change of max_faults restarts its count.
  [[nodiscard]] penstock::Status change_behaviour(const nlohmann::json& changes);
  // POST /reset: segments, members, log, counters, limits and faults; tokens and clock stay.
  void reset();

 private:
  [[nodiscard]] HttpReply members(const Target& target) const;
  [[nodiscard]] HttpReply audiences() const;
  [[nodiscard]] HttpReply requests(const Target& target) const;
  [[nodiscard]] HttpReply behaviour(const HttpRequest& request);
  [[nodiscard]] HttpReply clock(const HttpRequest& request);
  [[nodiscard]] HttpReply tokens(const HttpRequest& request);
  [[nodiscard]] HttpReply reset(const HttpRequest& request);

  World& world_;
  const Behaviour start_;
};

}  // namespace linkedin_sandbox
