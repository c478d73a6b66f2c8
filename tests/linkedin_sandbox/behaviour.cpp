#include "behaviour.hpp"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <type_traits>

namespace linkedin_sandbox {
namespace {

using nlohmann::json;
using penstock::Status;
using penstock::StatusCode;

constexpr std::int64_t kLeastErrorStatus = 400;
constexpr std::int64_t kMostErrorStatus = 599;

Setting error_status(const char* name, std::int64_t Behaviour::*member, const char* help) {
  return {name, "Protocol", member, help, {}, kLeastErrorStatus, kMostErrorStatus};
}
Setting fault(const char* name, double Behaviour::*member, const char* help) {
  return {name, "Faults", member, help, {}, 0, 1};
}

std::vector<Setting> make_settings() {
  using B = Behaviour;
  return {
      {"active-versions", "Protocol", &B::active_versions,
       "LinkedIn-Version values that are active"},
      error_status("missing-version-status", &B::missing_version_status,
                   "status when LinkedIn-Version is missing"),
      {"empty-token-service-code", "Protocol", &B::empty_token_service_code,
       "serviceErrorCode when there is no bearer token"},
      {"expired-token-as-invalid", "Protocol", &B::expired_token_as_invalid,
       "report an expired token as an invalid one (65600)"},
      {"known-accounts", "Protocol", &B::known_accounts,
       "ids of the ad accounts that exist; none given: every id but 0"},
      error_status("unknown-account-status", &B::unknown_account_status,
                   "status for an ad account that does not exist or is another's"),
      {"unknown-account-find-status",
       "Protocol",
       &B::unknown_account_find_status,
       "status when segments of such an account are looked for; 200: there are none",
       {},
       200,
       kMostErrorStatus},
      {"redirect-uris", "Protocol", &B::redirect_uris,
       "redirect URLs that are registered for the app; none given: every one"},
      {"refresh-error",
       "Protocol",
       &B::refresh_error,
       "error code for a refused refresh token",
       {"invalid_request", "invalid_grant"}},
      {"authorize-refusal",
       "Protocol",
       &B::authorize_refusal,
       "how the authorize URL sends the browser back; none: with a code",
       {"none", "user_cancelled_login", "user_cancelled_authorize", "unauthorized_scope_error",
        "wrong_state"}},
      {"access-token-seconds",
       "Protocol",
       &B::access_token_seconds,
       "life of a new access token",
       {},
       1},
      {"refresh-token-seconds",
       "Protocol",
       &B::refresh_token_seconds,
       "life of a new refresh token",
       {},
       1},
      error_status("bad-create-status", &B::bad_create_status,
                   "status for a segment with a wrong or missing field"),
      error_status("too-many-elements-status", &B::too_many_elements_status,
                   "status for a batch over the limit"),
      error_status("missing-method-status", &B::missing_method_status,
                   "status for an elements body without X-RestLi-Method"),
      error_status("wrong-segment-type-status", &B::wrong_segment_type_status,
                   "status for users sent to a company or list segment, and the reverse"),
      {"max-segments", "Segments", &B::max_segments, "segments that an account may have"},
      {"max-name-length", "Segments", &B::max_name_length, "characters of a segment name; 0: any"},
      {"conflict-on-duplicate", "Segments", &B::conflict_on_duplicate,
       "answer 409 to the creation of a sourceSegmentId that exists"},
      {"update-status", "Segments", &B::update_status, "status of an update", {}, 200, 204},
      {"max-page", "Segments", &B::max_page, "segments in one page of the finder; 0: any number"},
      {"page-total", "Segments", &B::page_total, "a page of the finder has paging.total"},
      {"building-ms", "Segments", &B::building_ms,
       "time after creation in which a segment is BUILDING although it takes members"},
      {"closed-take-members", "Segments", &B::closed_take_members,
       "segments that are EXPIRED or FAILED take members; otherwise the answer is 400"},
      {"segment-ready-ms", "Segments", &B::segment_ready_ms,
       "time after creation in which members cannot be written"},
      {"not-ready-mode",
       "Segments",
       &B::not_ready_mode,
       "what happens to writes in that time: 404, or drop (200 and the data is lost)",
       {"404", "drop"}},
      {"find-lag-ms", "Segments", &B::find_lag_ms,
       "time after creation in which the finder does not see a segment"},
      {"updating-ms", "Segments", &B::updating_ms,
       "time after a batch in which a segment's status is UPDATING"},
      {"failed-audiences", "Segments", &B::failed_audiences,
       "sourceSegmentIds of the segments whose status is FAILED"},
      {"small-audience-size",
       "Segments",
       &B::small_audience_size,
       "how the size of an audience below 300 members is shown",
       {"zero", "hidden"}},
      {"match-percent",
       "Segments",
       &B::match_percent,
       "how much of what was sent in the last 7 days counts as matched",
       {},
       0,
       100},
      {"max-batch-elements", "Batches", &B::max_batch_elements, "elements in one call", {}, 1},
      {"max-body-bytes", "Batches", &B::max_body_bytes, "larger bodies are answered by 413", {}, 1},
      {"batch-index",
       "Batches",
       &B::batch_index,
       "where batchIndex is in a refused element's answer; from_one: in the element, counted from "
       "1",
       {"element", "error", "from_one", "absent"}},
      {"legacy-batches", "Batches", &B::legacy_batches,
       "one bad element refuses the whole call (versions before 202502)"},
      {"refused-identifiers", "Batches", &B::refused_identifiers,
       "IDTYPE=value of persons that are refused with 400"},
      {"shuffle-order", "Batches", &B::shuffle_order,
       "apply the elements of one call in a random order"},
      {"keep-attributes", "Batches", &B::keep_attributes,
       "keep names, title, company and country of members for the control port"},
      {"users-per-minute", "Limits", &B::users_per_minute,
       "requests to /users in 60 s per app and member; 0: no limit"},
      {"companies-per-minute", "Limits", &B::companies_per_minute,
       "requests to /companies in 60 s per app and member; 0: no limit"},
      {"application-day-limit", "Limits", &B::application_day_limit,
       "requests of all members until 00:00 UTC; 0: no limit"},
      {"member-day-limit", "Limits", &B::member_day_limit,
       "requests of a member until 00:00 UTC; 0: no limit"},
      {"retry-after-seconds", "Limits", &B::retry_after_seconds,
       "Retry-After on 429; 0: no such header, as LinkedIn"},
      fault("throttle", &B::throttle, "429 for the whole request, nothing applied"),
      fault("server-error", &B::server_error, "5xx before anything is applied"),
      fault("late-server-error", &B::late_server_error, "5xx after everything was applied"),
      fault("reset-before-commit", &B::reset_before_commit, "connection reset, nothing applied"),
      fault("reset-after-commit", &B::reset_after_commit,
            "connection reset after everything was applied"),
      fault("truncate-reply", &B::truncate_reply,
            "connection closed in the middle of the reply, everything applied"),
      fault("lose-create-reply", &B::lose_create_reply,
            "connection reset after a segment was created"),
      fault("short-elements", &B::short_elements,
            "the reply to a batch has too few elements, everything applied"),
      fault("missing-elements", &B::missing_elements,
            "the reply to a batch has no elements, everything applied"),
      fault("element-throttle", &B::element_throttle, "429 for an element, which is not applied"),
      fault("element-error", &B::element_error, "500 for an element, which is not applied"),
      fault("close-connection", &B::close_connection,
            "connection closed after the reply without saying so in it"),
      fault("delay", &B::delay, "the request waits for delay-ms before anything happens"),
      {"delay-ms", "Faults", &B::delay_ms, "how long a delay lasts"},
      {"server-error-statuses",
       "Faults",
       &B::server_error_statuses,
       "statuses of the server errors, one is drawn",
       {"500", "502", "503", "504"}},
      {"server-error-bodies",
       "Faults",
       &B::server_error_bodies,
       "bodies of the server errors, one is drawn",
       {"json", "html", "empty"}},
      {"failing-audiences", "Faults", &B::failing_audiences,
       "sourceSegmentIds whose members cannot be written: 503 until they are named no more"},
      {"late-execution", "Faults", &B::late_execution,
       "P,SECONDS: with probability P the answer to a batch is lost, and it is carried out SECONDS "
       "later"},
      {"late-execution-ways",
       "Faults",
       &B::late_execution_ways,
       "how such an answer is lost, one is drawn: connection reset, 5xx, or reset after SECONDS of "
       "silence",
       {"reset", "error", "silence"}},
      {"max-faults", "Faults", &B::max_faults,
       "no fault is injected after so many; 0: no end. Setting it restarts the count"},
      {"max-faults-in-a-row", "Faults", &B::max_faults_in_a_row,
       "the request after so many that had a fault has none; 0: no end"},
  };
}

std::string json_key(std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

Status refused(const Setting& setting, const std::string& takes) {
  return {StatusCode::usage, "behaviour " + json_key(setting.name) + " takes " + takes};
}

bool allowed(const Setting& setting, const std::string& text) {
  return setting.choices.empty() ||
         std::find(setting.choices.begin(), setting.choices.end(), text) != setting.choices.end();
}

Status check_range(const Setting& setting, double number) {
  const bool too_much = setting.most > 0 && number > static_cast<double>(setting.most);
  if (number >= static_cast<double>(setting.least) && !too_much) return {};
  return refused(setting, setting.most > 0
                              ? "a number from " + std::to_string(setting.least) + " to " +
                                    std::to_string(setting.most)
                              : "a number from " + std::to_string(setting.least) + " up");
}

Status assign_list(const Setting& setting, const json& value, std::vector<std::string>& field) {
  if (!value.is_array()) return refused(setting, "a list of texts");
  std::vector<std::string> list;
  for (const json& entry : value) {
    if (!entry.is_string() || !allowed(setting, entry.get<std::string>())) {
      return refused(setting, setting.choices.empty() ? "a list of texts"
                                                      : "a list of: " + joined(setting.choices));
    }
    list.push_back(entry.get<std::string>());
  }
  if (list.empty() && !setting.choices.empty()) return refused(setting, "at least one entry");
  field = std::move(list);
  return {};
}

Status assign(const Setting& setting, const json& value, Behaviour& behaviour) {
  return std::visit(
      [&](auto member) -> Status {
        auto& field = behaviour.*member;
        using Field = std::remove_reference_t<decltype(field)>;
        if constexpr (std::is_same_v<Field, bool>) {
          if (!value.is_boolean()) return refused(setting, "true or false");
          field = value.get<bool>();
        } else if constexpr (std::is_same_v<Field, std::int64_t>) {
          if (!value.is_number_integer()) return refused(setting, "a whole number");
          if (Status status = check_range(setting, value.get<double>()); !status.ok())
            return status;
          field = value.get<std::int64_t>();
        } else if constexpr (std::is_same_v<Field, double>) {
          if (!value.is_number()) return refused(setting, "a probability from 0 to 1");
          if (Status status = check_range(setting, value.get<double>()); !status.ok())
            return status;
          field = value.get<double>();
        } else if constexpr (std::is_same_v<Field, std::string>) {
          if (!value.is_string() || !allowed(setting, value.get<std::string>())) {
            return refused(setting, "one of: " + joined(setting.choices));
          }
          field = value.get<std::string>();
        } else {
          return assign_list(setting, value, field);
        }
        return {};
      },
      setting.member);
}

}  // namespace

const std::vector<Setting>& behaviour_settings() {
  static const std::vector<Setting> settings = make_settings();
  return settings;
}

json to_json(const Behaviour& behaviour) {
  json object = json::object();
  for (const Setting& setting : behaviour_settings()) {
    std::visit([&](auto member) { object[json_key(setting.name)] = behaviour.*member; },
               setting.member);
  }
  return object;
}

Status apply_json(const json& changes, Behaviour& behaviour) {
  if (!changes.is_object()) return {StatusCode::usage, "the behaviour is not a JSON object"};
  Behaviour changed = behaviour;
  for (const auto& [key, value] : changes.items()) {
    const std::string wanted = json_key(key);
    const auto& settings = behaviour_settings();
    const auto found = std::find_if(settings.begin(), settings.end(), [&](const Setting& setting) {
      return json_key(setting.name) == wanted;
    });
    if (found == settings.end()) {
      return {StatusCode::usage,
              "there is no behaviour \"" + key + "\"; GET /behaviour lists all of them"};
    }
    RETURN_IF_ERROR(assign(*found, value, changed));
  }
  if (!parse_late_execution(changed.late_execution)) {
    return {StatusCode::usage,
            "behaviour late_execution takes P,SECONDS such as 0.1,2: a probability from 0 to 1 and "
            "a time of at most 600 s; or an empty text"};
  }
  behaviour = std::move(changed);
  return {};
}

std::optional<LateExecution> parse_late_execution(const std::string& text) {
  constexpr double kMostSeconds = 600;
  LateExecution late;
  if (text.empty()) return late;
  const std::size_t comma = text.find(',');
  if (comma == std::string::npos) return std::nullopt;
  double seconds = 0;
  const auto read = [](std::string_view part, double& number) {
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), number);
    return error == std::errc() && end == part.data() + part.size();
  };
  const std::string_view all = text;
  if (!read(all.substr(0, comma), late.probability) || !read(all.substr(comma + 1), seconds) ||
      !(late.probability >= 0 && late.probability <= 1) ||
      !(seconds >= 0 && seconds <= kMostSeconds)) {
    return std::nullopt;
  }
  late.after = std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
  return late;
}

std::shared_ptr<const Behaviour> BehaviourStore::get() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

void BehaviourStore::set(Behaviour behaviour) {
  const std::lock_guard lock(mutex_);
  current_ = std::make_shared<Behaviour>(std::move(behaviour));
}

Status BehaviourStore::change(const json& changes) {
  const std::lock_guard lock(mutex_);
  Behaviour changed = *current_;
  RETURN_IF_ERROR(apply_json(changes, changed));
  current_ = std::make_shared<Behaviour>(std::move(changed));
  return {};
}

}  // namespace linkedin_sandbox
