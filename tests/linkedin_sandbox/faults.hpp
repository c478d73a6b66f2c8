// Decides which requests go wrong and how: rows 10, 16, 17, 24 and 25 of the contract.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "behaviour.hpp"

namespace linkedin_sandbox {

// What a request does, as far as faults care.
enum class Work { batch, create, other };

struct ServerError {
  int status = 500;
  std::string body;  // "json", "html" or "empty"
};

// The faults of one request; at most one beside delay and close_connection.
struct RequestFaults {
  bool delay = false;
  bool close_connection = false;
  bool throttle = false;
  std::optional<ServerError> server_error;
  std::optional<ServerError> late_server_error;
  bool reset_before_commit = false;
  bool reset_after_commit = false;  // also for a lost reply to a creation
  bool truncate_reply = false;
  bool short_elements = false;
  bool missing_elements = false;
  bool late_execution = false;
  std::string late_way;  // "reset", "error" or "silence"
};

enum class ElementFault { none, throttle, error };

// The same seed, behaviour and request number give the same faults, whatever else happened, until
// max_faults is used up, and but for the requests that max_faults_in_a_row spares. [any-thread]
class FaultInjector {
 public:
  explicit FaultInjector(std::uint64_t seed) : seed_(seed) {}

  [[nodiscard]] RequestFaults draw(std::uint64_t request, Work work, const Behaviour& behaviour);
  [[nodiscard]] ElementFault draw_element(std::uint64_t request, std::size_t element,
                                          const Behaviour& behaviour);

  // Injected faults by name of their behaviour.
  [[nodiscard]] std::map<std::string, std::uint64_t> injected() const;
  // Starts to count anew against max_faults; injected() stays.
  void restart_budget();
  void reset();

 private:
  [[nodiscard]] bool spared(const Behaviour& behaviour);
  [[nodiscard]] bool happens(const char* name, double probability, std::uint64_t request,
                             std::uint64_t element, const Behaviour& behaviour);
  [[nodiscard]] ServerError draw_server_error(std::uint64_t request,
                                              const Behaviour& behaviour) const;
  [[nodiscard]] std::string draw_late_way(std::uint64_t request, const Behaviour& behaviour) const;

  const std::uint64_t seed_;
  mutable std::mutex mutex_;  // guards everything below
  std::int64_t budget_used_ = 0;
  std::int64_t row_ = 0;  // the latest requests that all had a fault
  std::map<std::string, std::uint64_t> injected_;
};

}  // namespace linkedin_sandbox
