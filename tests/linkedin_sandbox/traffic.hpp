// What was asked of the sandbox: the log of requests, the counters, and the limits that count
// requests (rows 22 and 23 of the contract). Tokens and bodies are never kept.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "clock.hpp"

namespace linkedin_sandbox {

// Endpoints that LinkedIn limits together.
enum class EndpointClass : std::uint8_t { users, companies, other };
inline constexpr std::size_t kEndpointClasses = 3;

struct RequestRecord {
  std::uint64_t number = 0;
  std::string method;
  std::string target;
  std::string endpoint;
  std::string outcome;  // the status, or "reset" when the reply was withheld
  int status = 0;
  std::size_t elements = 0;
  std::uint64_t connection = 0;
  std::int64_t time_ms = 0;
  std::int64_t duration_us = 0;
};

// What one batch did to the elements it carried.
struct BatchTally {
  std::size_t added = 0;
  std::size_t removed = 0;
  std::size_t refused = 0;    // element status 400
  std::size_t throttled = 0;  // element status 429
  std::size_t failed = 0;     // element status 500
  std::size_t dropped = 0;    // answered 201 and lost, because the segment was not ready
};

enum class Quota { admitted, minute, application_day, member_day };

// [any-thread]
class Traffic {
 public:
  explicit Traffic(const Clock& clock) : clock_(clock) {}

  // Counts an arrival; numbers start at 1.
  [[nodiscard]] std::uint64_t arrive(EndpointClass endpoint);
  // Whether a request of this member may pass; only one that passes counts against the limits.
  // A limit of 0 is none.
  struct Limits {
    std::int64_t per_minute = 0;
    std::int64_t application_day = 0;
    std::int64_t member_day = 0;
  };
  [[nodiscard]] Quota admit(EndpointClass endpoint, const std::string& application,
                            const std::string& member, const Limits& limits);

  void note_batch(std::size_t elements, std::size_t bytes, bool person_twice);
  void note_result(const BatchTally& tally);
  void note_connection();
  void record(RequestRecord request);

  // The last so many requests, oldest first.
  [[nodiscard]] nlohmann::json requests(std::size_t last) const;
  [[nodiscard]] nlohmann::json counters() const;
  void reset();

 private:
  // Moments of the last 60 s, oldest first.
  using Window = std::deque<std::int64_t>;
  static void forget_before(Window& window, std::int64_t moment);

  const Clock& clock_;
  mutable std::mutex mutex_;  // guards everything below
  std::uint64_t last_number_ = 0;
  std::uint64_t under_way_ = 0;  // arrived and not yet recorded; reset() leaves it
  std::uint64_t connections_ = 0;
  std::deque<RequestRecord> log_;
  std::map<std::string, std::map<std::string, std::uint64_t>> by_endpoint_;
  std::array<Window, kEndpointClasses> arrivals_;
  std::array<std::size_t, kEndpointClasses> busiest_{};
  std::map<std::pair<std::string, EndpointClass>, Window> admitted_;  // by application and member
  std::int64_t day_ = 0;                                              // days since 1970, UTC
  std::map<std::string, std::int64_t> day_use_;
  std::uint64_t elements_received_ = 0;
  std::size_t largest_elements_ = 0;
  std::size_t largest_bytes_ = 0;
  std::uint64_t person_twice_ = 0;
  BatchTally total_;
};

}  // namespace linkedin_sandbox
