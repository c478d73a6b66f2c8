// The audiences of the sandbox and who is in them: rows 7-13 and 26 of the contract, without HTTP.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include "behaviour.hpp"
#include "clock.hpp"
#include "element.hpp"

namespace linkedin_sandbox {

struct NewSegment {
  std::string account;  // urn:li:sponsoredAccount:N
  std::string name;
  std::string source_platform;
  std::string source_segment_id;  // empty: none
  std::string type;
  std::string description;
  std::string access_policy;
  bool has_destination = false;
};

// What became of a request to create a segment.
struct Creation {
  enum class Outcome { created, limit_exceeded, conflict } outcome;
  std::int64_t id = 0;
};

// One element of a batch that may be applied: valid, and no fault chosen for it.
struct Write {
  bool remove = false;
  std::string person;
  nlohmann::json attributes;  // kept only when keep_attributes is on
};

// What became of a batch.
enum class WriteOutcome { applied, dropped, not_ready, no_segment, wrong_type, closed };

struct FindQuery {
  std::string account;
  std::optional<std::string> source_platform;
  std::optional<std::string> source_segment_id;
};

// [any-thread] Each call is one atomic step.
class Segments {
 public:
  Segments(const Clock& clock, std::uint64_t seed) : clock_(clock), seed_(seed), random_(seed) {}

  [[nodiscard]] Creation create(const NewSegment& segment, const Behaviour& behaviour);
  // The sourceSegmentId of this segment; empty when there is none.
  [[nodiscard]] std::string source_of(std::int64_t id) const;
  // As the API shows them, in order of creation.
  [[nodiscard]] std::vector<nlohmann::json> find(const FindQuery& query,
                                                 const Behaviour& behaviour) const;
  [[nodiscard]] std::optional<nlohmann::json> get(std::int64_t id,
                                                  const Behaviour& behaviour) const;
  // Sets name, description, sourceSegmentId or accessPolicy. False: there is no such segment.
  bool update(std::int64_t id, const std::map<std::string, std::string>& changes);
  bool add_destination(std::int64_t id);
  bool remove(std::int64_t id);

  // Whether a batch of this kind could be written now; the answer that write() would give.
  [[nodiscard]] WriteOutcome check(std::int64_t id, ElementKind kind,
                                   const Behaviour& behaviour) const;
  // Applies all writes or none, in the order given or, with shuffle_order, in a random one.
  WriteOutcome write(std::int64_t id, ElementKind kind, std::vector<Write> writes,
                     const Behaviour& behaviour);

  // For the control port: {"segments":[{sourceSegmentId, name, type, id, account, size, members}]},
  // sorted by account, sourceSegmentId, type and id; members sorted, left out when counts_only.
  [[nodiscard]] nlohmann::json dump(bool counts_only,
                                    const std::optional<std::string>& source_segment_id) const;
  // How many segments exist, and how many of them share account, sourceSegmentId and type with an
  // older one.
  struct Totals {
    std::size_t segments = 0;
    std::size_t twins = 0;
    std::size_t members = 0;
  };
  [[nodiscard]] Totals totals() const;
  void reset();

 private:
  struct Segment {
    NewSegment fields;
    std::int64_t created_ms = 0;
    std::int64_t modified_ms = 0;
    std::unordered_map<std::string, nlohmann::json> members;  // person to attributes
    std::int64_t written_ms = 0;                              // the last batch; 0: none
    std::map<std::int64_t, std::uint64_t> inputs;             // elements, by day since 1970
  };

  [[nodiscard]] nlohmann::json show(std::int64_t id, const Segment& segment,
                                    const Behaviour& behaviour) const;
  // How long nothing was changed about it or in it.
  [[nodiscard]] std::int64_t idle_ms(const Segment& segment) const {
    return clock_.now_ms() - segment.modified_ms;
  }
  // LinkedIn has deleted its members.
  [[nodiscard]] bool is_expired(const Segment& segment) const {
    return idle_ms(segment) >= kExpiredAfterMs;
  }
  void show_counts(const Segment& segment, const Behaviour& behaviour, nlohmann::json& shown,
                   nlohmann::json& destination) const;
  [[nodiscard]] const char* status_of(const Segment& segment, const Behaviour& behaviour) const;
  [[nodiscard]] WriteOutcome check_locked(std::int64_t id, ElementKind kind,
                                          const Behaviour& behaviour) const;

  const Clock& clock_;
  const std::uint64_t seed_;
  mutable std::mutex mutex_;  // guards everything below
  std::map<std::int64_t, Segment> segments_;
  std::int64_t next_id_ = kFirstId;
  std::mt19937_64 random_;

  static constexpr std::int64_t kFirstId = 10'000'001;  // eight digits, as real ids have
  static constexpr std::int64_t kDayMs = 24LL * 60 * 60 * 1000;
  static constexpr std::int64_t kArchivedAfterMs = 30 * kDayMs;  // unused and unchanged
  static constexpr std::int64_t kExpiredAfterMs = 90 * kDayMs;
  static constexpr std::int64_t kCountedDays = 7;      // inputs, matched or not
  static constexpr std::size_t kLeastShownSize = 300;  // of an audience
};

}  // namespace linkedin_sandbox
