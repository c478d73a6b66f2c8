// What can be switched about the sandbox, by flag at start and by the control port at run time.
//
// One table (behaviour_settings) lists every switch once: its name is the flag (segment-ready-ms)
// and, with underscores, the JSON key of the control port (segment_ready_ms).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "model/status.hpp"

namespace linkedin_sandbox {

// "UNCONFIRMED" marks what no readable source states: tests should run both choices.
struct Behaviour {
  // Protocol and access.
  std::vector<std::string> active_versions = {"202601", "202602", "202603", "202604",
                                              "202605", "202606", "202607", "202608",
                                              "202609", "202610", "202611"};
  std::int64_t missing_version_status = 400;       // UNCONFIRMED
  std::int64_t empty_token_service_code = 401;     // UNCONFIRMED
  bool expired_token_as_invalid = false;           // report 65600 in place of 65602
  std::vector<std::string> known_accounts;         // empty: every account but 0
  std::int64_t unknown_account_status = 404;       // UNCONFIRMED, 403 is as likely
  std::int64_t unknown_account_find_status = 200;  // UNCONFIRMED, 403 is as likely
  std::vector<std::string> redirect_uris;          // registered for the app; empty: every one
  std::string refresh_error = "invalid_request";
  std::string authorize_refusal = "none";           // how the authorize URL sends the browser back
  std::int64_t access_token_seconds = 5'184'000;    // 60 days
  std::int64_t refresh_token_seconds = 31'536'000;  // 365 days

  // Segments.
  std::int64_t max_segments = 1000;      // per account, since August 2026
  std::int64_t max_name_length = 0;      // 0: none is known
  std::int64_t bad_create_status = 400;  // UNCONFIRMED, 422 is as likely
  bool conflict_on_duplicate = false;    // UNCONFIRMED: 409 when a sourceSegmentId exists already
  std::int64_t update_status = 204;      // UNCONFIRMED, 200 is as likely
  std::int64_t max_page = 0;             // UNCONFIRMED: the finder cuts larger counts; 0: never
  bool page_total = true;                // UNCONFIRMED: a page says how many there are in all
  std::int64_t building_ms = 0;          // a segment is BUILDING so long, and takes members
  std::int64_t segment_ready_ms = 5000;
  std::string not_ready_mode = "404";         // or "drop": 200, and the data is lost
  std::int64_t find_lag_ms = 0;               // a new segment is found only after this time
  std::int64_t updating_ms = 0;               // a segment is UPDATING so long after a batch
  std::vector<std::string> failed_audiences;  // sourceSegmentIds whose status is FAILED
  bool closed_take_members = true;            // UNCONFIRMED: EXPIRED and FAILED segments do
  std::string small_audience_size = "zero";   // below 300 members: zero, or hidden
  std::int64_t match_percent = 100;           // of what is sent, matched to members of LinkedIn

  // Batches.
  std::int64_t max_batch_elements = 5000;
  std::int64_t too_many_elements_status = 400;   // UNCONFIRMED, 413 is as likely
  std::int64_t max_body_bytes = 100'000'000;     // one connector cuts there; answered by 413
  std::int64_t missing_method_status = 400;      // UNCONFIRMED
  std::int64_t wrong_segment_type_status = 400;  // UNCONFIRMED
  std::string batch_index = "element";           // UNCONFIRMED: where batchIndex is
  bool legacy_batches = false;                   // before 202502: one bad element refuses all
  std::vector<std::string> refused_identifiers;  // "IDTYPE=value": 400 for an element with it
  bool shuffle_order = false;                    // apply the elements of one call in a random order
  bool keep_attributes = false;                  // also keep names, country ... of the members

  // Limits: requests, not elements, per app and member. 0: off.
  std::int64_t users_per_minute = 600;
  std::int64_t companies_per_minute = 300;
  std::int64_t application_day_limit = 0;
  std::int64_t member_day_limit = 0;
  std::int64_t retry_after_seconds = 0;  // 0: no Retry-After, as LinkedIn

  // Faults: the probability per request (element_*: per element).
  double throttle = 0;
  double server_error = 0;
  double late_server_error = 0;
  double reset_before_commit = 0;
  double reset_after_commit = 0;
  double truncate_reply = 0;
  double lose_create_reply = 0;
  double short_elements = 0;
  double missing_elements = 0;
  double element_throttle = 0;
  double element_error = 0;
  double close_connection = 0;
  double delay = 0;
  std::int64_t delay_ms = 100;
  std::vector<std::string> server_error_statuses = {"500", "502", "503", "504"};
  std::vector<std::string> server_error_bodies = {"json", "html", "empty"};
  std::vector<std::string> failing_audiences;  // sourceSegmentIds that take no members: 503
  // "P,SECONDS": with this probability the answer to a batch is lost, and the batch is carried out
  // so long afterwards; "": never.
  std::string late_execution;
  std::vector<std::string> late_execution_ways = {"reset", "error", "silence"};
  std::int64_t max_faults = 0;           // after so many, none is injected any more; 0: no end
  std::int64_t max_faults_in_a_row = 0;  // the request after so many has none; 0: no end
};

// One switch: where it lives, and what it may hold.
struct Setting {
  using Member = std::variant<bool Behaviour::*, std::int64_t Behaviour::*, double Behaviour::*,
                              std::string Behaviour::*, std::vector<std::string> Behaviour::*>;
  const char* name;  // as a flag, without the leading dashes
  const char* group;
  Member member;
  const char* help;
  std::vector<std::string> choices = {};  // of a text or list; empty: any
  std::int64_t least = 0;                 // of a number
  std::int64_t most = 0;                  // of a number; 0: no upper bound
};

[[nodiscard]] const std::vector<Setting>& behaviour_settings();

// Every switch by its JSON key.
[[nodiscard]] nlohmann::json to_json(const Behaviour& behaviour);

// Takes over the keys of `changes` (dashes or underscores). Nothing is changed unless all keys and
// values are right; the message names the one at fault and what it takes.
[[nodiscard]] penstock::Status apply_json(const nlohmann::json& changes, Behaviour& behaviour);

// late_execution as numbers; nothing when the text is no such value.
struct LateExecution {
  double probability = 0;
  std::chrono::milliseconds after{0};
};
[[nodiscard]] std::optional<LateExecution> parse_late_execution(const std::string& text);

// The behaviour in force; a request takes one snapshot and keeps to it. [any-thread]
class BehaviourStore {
 public:
  explicit BehaviourStore(Behaviour start)
      : current_(std::make_shared<Behaviour>(std::move(start))) {}

  [[nodiscard]] std::shared_ptr<const Behaviour> get() const;
  void set(Behaviour behaviour);
  // As apply_json on the current behaviour, in one step.
  [[nodiscard]] penstock::Status change(const nlohmann::json& changes);

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Behaviour> current_;
};

}  // namespace linkedin_sandbox
