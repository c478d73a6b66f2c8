#include "segments.hpp"

#include <algorithm>
#include <set>
#include <string_view>
#include <tuple>

namespace linkedin_sandbox {

using nlohmann::json;

Creation Segments::create(const NewSegment& segment, const Behaviour& behaviour) {
  const std::lock_guard lock(mutex_);
  std::int64_t in_account = 0;
  bool exists = false;
  for (const auto& [id, other] : segments_) {
    if (other.fields.account != segment.account) continue;
    ++in_account;
    exists = exists || (!segment.source_segment_id.empty() &&
                        other.fields.source_segment_id == segment.source_segment_id &&
                        other.fields.type == segment.type);
  }
  if (exists && behaviour.conflict_on_duplicate) return {Creation::Outcome::conflict};
  if (in_account >= behaviour.max_segments) return {Creation::Outcome::limit_exceeded};
  const std::int64_t id = next_id_++;
  const std::int64_t now = clock_.now_ms();
  segments_.emplace(id, Segment{segment, now, now, {}, 0, {}});
  return {Creation::Outcome::created, id};
}

const char* Segments::status_of(const Segment& segment, const Behaviour& behaviour) const {
  if (is_expired(segment)) return "EXPIRED";
  if (idle_ms(segment) >= kArchivedAfterMs) return "ARCHIVED";
  const auto& failed = behaviour.failed_audiences;
  if (std::find(failed.begin(), failed.end(), segment.fields.source_segment_id) != failed.end())
    return "FAILED";
  const std::int64_t now = clock_.now_ms();
  const std::int64_t building_ms = std::max(behaviour.building_ms, behaviour.segment_ready_ms);
  if (now < segment.created_ms + building_ms) return "BUILDING";
  const bool updating = segment.written_ms > 0 && now < segment.written_ms + behaviour.updating_ms;
  return updating ? "UPDATING" : "READY";
}

// Sizes and counts: none while the segment is built, and none of less than 300 people.
void Segments::show_counts(const Segment& segment, const Behaviour& behaviour, json& shown,
                           json& destination) const {
  if (destination["status"] == "BUILDING") return;
  const std::size_t size = is_expired(segment) ? 0 : segment.members.size();
  if (size >= kLeastShownSize) {
    destination["audienceSize"] = size;
  } else if (behaviour.small_audience_size == "zero") {
    destination["audienceSize"] = 0;
  }
  std::uint64_t inputs = 0;
  const std::int64_t first_day = clock_.now_ms() / kDayMs - kCountedDays + 1;
  for (auto day = segment.inputs.lower_bound(first_day); day != segment.inputs.end(); ++day)
    inputs += day->second;
  shown["inputCount"] = inputs;
  destination["matchedCount"] = inputs * static_cast<std::uint64_t>(behaviour.match_percent) / 100;
}

json Segments::show(std::int64_t id, const Segment& segment, const Behaviour& behaviour) const {
  json shown = {{"id", id},
                {"name", segment.fields.name},
                {"type", segment.fields.type},
                {"account", segment.fields.account},
                {"sourcePlatform", segment.fields.source_platform},
                {"accessPolicy", segment.fields.access_policy},
                {"created", segment.created_ms},
                {"lastModified", segment.modified_ms},
                {"destinations", json::array()}};
  if (!segment.fields.source_segment_id.empty()) {
    shown["sourceSegmentId"] = segment.fields.source_segment_id;
  }
  if (!segment.fields.description.empty()) shown["description"] = segment.fields.description;
  if (segment.fields.has_destination) {
    json destination = {{"destination", "LINKEDIN"},
                        {"destinationSegmentId", "urn:li:adSegment:" + std::to_string(id)},
                        {"status", status_of(segment, behaviour)},
                        {"created", segment.created_ms},
                        {"lastModified", segment.modified_ms}};
    show_counts(segment, behaviour, shown, destination);
    shown["destinations"].push_back(std::move(destination));
  }
  return shown;
}

std::vector<json> Segments::find(const FindQuery& query, const Behaviour& behaviour) const {
  const std::lock_guard lock(mutex_);
  const std::int64_t visible_until = clock_.now_ms() - behaviour.find_lag_ms;
  std::vector<json> found;
  for (const auto& [id, segment] : segments_) {
    if (segment.fields.account != query.account || segment.created_ms > visible_until) continue;
    if (query.source_platform && segment.fields.source_platform != *query.source_platform) continue;
    if (query.source_segment_id && segment.fields.source_segment_id != *query.source_segment_id) {
      continue;
    }
    found.push_back(show(id, segment, behaviour));
  }
  return found;
}

std::optional<json> Segments::get(std::int64_t id, const Behaviour& behaviour) const {
  const std::lock_guard lock(mutex_);
  const auto found = segments_.find(id);
  if (found == segments_.end()) return std::nullopt;
  return show(id, found->second, behaviour);
}

bool Segments::update(std::int64_t id, const std::map<std::string, std::string>& changes) {
  const std::lock_guard lock(mutex_);
  const auto found = segments_.find(id);
  if (found == segments_.end()) return false;
  if (is_expired(found->second)) found->second.members.clear();
  NewSegment& fields = found->second.fields;
  for (const auto& [name, value] : changes) {
    if (name == "name") fields.name = value;
    if (name == "description") fields.description = value;
    if (name == "sourceSegmentId") fields.source_segment_id = value;
    if (name == "accessPolicy") fields.access_policy = value;
  }
  found->second.modified_ms = clock_.now_ms();
  return true;
}

bool Segments::add_destination(std::int64_t id) {
  const std::lock_guard lock(mutex_);
  const auto found = segments_.find(id);
  if (found == segments_.end()) return false;
  found->second.fields.has_destination = true;
  return true;
}

bool Segments::remove(std::int64_t id) {
  const std::lock_guard lock(mutex_);
  return segments_.erase(id) > 0;
}

WriteOutcome Segments::check(std::int64_t id, ElementKind kind, const Behaviour& behaviour) const {
  const std::lock_guard lock(mutex_);
  return check_locked(id, kind, behaviour);
}

WriteOutcome Segments::check_locked(std::int64_t id, ElementKind kind,
                                    const Behaviour& behaviour) const {
  const auto found = segments_.find(id);
  if (found == segments_.end()) return WriteOutcome::no_segment;
  const char* const wanted = kind == ElementKind::user ? "USER" : "COMPANY";
  if (found->second.fields.type != wanted) return WriteOutcome::wrong_type;
  if (clock_.now_ms() < found->second.created_ms + behaviour.segment_ready_ms) {
    return behaviour.not_ready_mode == "drop" ? WriteOutcome::dropped : WriteOutcome::not_ready;
  }
  const std::string_view status = status_of(found->second, behaviour);
  if (!behaviour.closed_take_members && (status == "EXPIRED" || status == "FAILED")) {
    return WriteOutcome::closed;
  }
  return WriteOutcome::applied;
}

WriteOutcome Segments::write(std::int64_t id, ElementKind kind, std::vector<Write> writes,
                             const Behaviour& behaviour) {
  const std::lock_guard lock(mutex_);
  const WriteOutcome outcome = check_locked(id, kind, behaviour);
  if (outcome != WriteOutcome::applied) return outcome;
  Segment& segment = segments_.at(id);
  if (is_expired(segment)) segment.members.clear();
  segment.written_ms = clock_.now_ms();
  segment.inputs[segment.written_ms / kDayMs] += writes.size();
  if (behaviour.shuffle_order) std::shuffle(writes.begin(), writes.end(), random_);
  for (Write& write : writes) {
    if (write.remove) {
      segment.members.erase(write.person);
    } else {
      segment.members[std::move(write.person)] = std::move(write.attributes);
    }
  }
  segment.modified_ms = clock_.now_ms();
  return outcome;
}

std::string Segments::source_of(std::int64_t id) const {
  const std::lock_guard lock(mutex_);
  const auto found = segments_.find(id);
  return found != segments_.end() ? found->second.fields.source_segment_id : std::string();
}

json Segments::dump(bool counts_only, const std::optional<std::string>& source_segment_id) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::pair<std::int64_t, const Segment*>> ordered;
  for (const auto& [id, segment] : segments_) {
    if (source_segment_id && segment.fields.source_segment_id != *source_segment_id) continue;
    ordered.emplace_back(id, &segment);
  }
  std::sort(ordered.begin(), ordered.end(), [](const auto& left, const auto& right) {
    const auto key = [](const auto& entry) {
      const NewSegment& fields = entry.second->fields;
      return std::tie(fields.account, fields.source_segment_id, fields.type, entry.first);
    };
    return key(left) < key(right);
  });
  json list = json::array();
  for (const auto& [id, segment] : ordered) {
    json entry = {{"sourceSegmentId", segment->fields.source_segment_id},
                  {"name", segment->fields.name},
                  {"type", segment->fields.type},
                  {"id", id},
                  {"account", segment->fields.account},
                  {"sourcePlatform", segment->fields.source_platform},
                  {"size", is_expired(*segment) ? 0 : segment->members.size()}};
    if (!counts_only) {
      std::vector<std::string> members;
      members.reserve(segment->members.size());
      json attributes = json::object();
      for (const auto& [person, kept] : segment->members) {
        if (is_expired(*segment)) break;
        members.push_back(person);
        if (!kept.is_null()) attributes[person] = kept;
      }
      std::sort(members.begin(), members.end());
      entry["members"] = std::move(members);
      if (!attributes.empty()) entry["attributes"] = std::move(attributes);
    }
    list.push_back(std::move(entry));
  }
  return {{"segments", std::move(list)}};
}

Segments::Totals Segments::totals() const {
  const std::lock_guard lock(mutex_);
  Totals totals;
  std::set<std::tuple<std::string, std::string, std::string>> seen;
  for (const auto& [id, segment] : segments_) {
    const NewSegment& fields = segment.fields;
    ++totals.segments;
    if (!is_expired(segment)) totals.members += segment.members.size();
    if (!fields.source_segment_id.empty() &&
        !seen.emplace(fields.account, fields.source_segment_id, fields.type).second) {
      ++totals.twins;
    }
  }
  return totals;
}

void Segments::reset() {
  const std::lock_guard lock(mutex_);
  segments_.clear();
  next_id_ = kFirstId;
  random_.seed(seed_);
}

}  // namespace linkedin_sandbox
