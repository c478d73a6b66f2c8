#include "user_mapping.hpp"

#include <cstddef>
#include <optional>
#include <utility>

#include <penstock/sdk/json_writer.hpp>

#include "attributes.hpp"
#include "audience.hpp"
#include "identifiers.hpp"
#include "sync_mode.hpp"

namespace penstock::linkedin {
namespace {

// LinkedIn's limits, in characters.
constexpr std::size_t kMaxPersonName = 35;
constexpr std::size_t kMaxTitleOrCompany = 50;

// What the hot path writes into; kept per thread, so that mapping allocates nothing once they have
// grown.
struct Scratch {
  std::string email;
  std::string payload;
  std::string coalesce_key;
  // The batch key of the audience before is usually that of this one, too.
  std::string batch_key;
  std::string audience_key;

  void set_batch_key(std::string_view key) {
    if (!batch_key.empty() && key == audience_key) return;
    audience_key.assign(key);
    batch_key.clear();
    append_batch_key(AudienceType::user, key, batch_key);
  }
};

Scratch& scratch() {
  thread_local Scratch scratch;
  scratch.email.clear();
  scratch.payload.clear();
  scratch.coalesce_key.clear();
  return scratch;
}

}  // namespace

std::int32_t UserMapping::bind(const penstock_action& action, const sdk::Error& error) {
  sdk::FieldBinder fields(action);
  audience_key_ = fields.bind("personas_audience_key");
  source_segment_id_ = fields.bind("source_segment_id");
  event_computation_key_ = fields.bind("event_computation_key");
  email_ = fields.bind("email");
  advertising_id_ = fields.bind("google_advertising_id");
  first_name_ = fields.bind("first_name");
  last_name_ = fields.bind("last_name");
  title_ = fields.bind("title");
  company_ = fields.bind("company");
  country_ = fields.bind("country");
  event_name_ = fields.bind("event_name");
  membership_ = fields.bind("membership");
  user_action_ = fields.bind("dmp_user_action");
  consent_withheld_ = fields.bind("consent_withheld");
  sync_mode_ = fields.bind("sync_mode");
  row_change_ = fields.bind("row_change");
  return fields.result(error);
}

namespace {

// What the event says about membership, or nothing: then the person must be left as they are.
std::optional<Change> automatic_action(sdk::Value membership, std::string_view event_name) {
  if (const std::optional<bool> member = membership.as_bool()) {
    return *member ? Change::add : Change::remove;
  }
  return change_named_by(event_name);
}

// The identifiers of one record that may be sent. Views into the record or the scratch.
struct Identifiers {
  Sha256Hex email_hash{};
  bool has_email = false;
  bool invalid_email = false;
  std::string_view advertising_id;
  bool invalid_advertising_id = false;

  [[nodiscard]] bool any() const { return has_email || !advertising_id.empty(); }
  [[nodiscard]] std::string_view hash() const { return {email_hash.data(), email_hash.size()}; }
};

void read_email(std::string_view raw, std::string& normalised, Identifiers& ids) {
  append_normalised_email(raw, normalised);
  if (normalised.empty()) return;
  if (is_sha256_hex(normalised)) {
    normalised.copy(ids.email_hash.data(), ids.email_hash.size());
    ids.has_email = true;
  } else if (looks_like_email(normalised)) {
    ids.email_hash = sha256_hex(normalised);
    ids.has_email = true;
  } else {
    ids.invalid_email = true;
  }
}

void read_advertising_id(std::string_view raw, Identifiers& ids) {
  const std::string_view id = trim(raw);
  // Zeros are what devices say whose owners opted out; all of them would become one person.
  if (id.find_first_not_of("0-") == std::string_view::npos) return;
  if (looks_like_advertising_id(id)) {
    ids.advertising_id = id;
  } else {
    ids.invalid_advertising_id = true;
  }
}

std::int32_t reject_without_identifier(const Identifiers& ids, const sdk::Error& error) {
  if (ids.invalid_email) {
    return error.reject("invalid_email", "email",
                        "the e-mail field holds neither an e-mail address nor a SHA-256 in hex, "
                        "and nothing else identifies the person");
  }
  if (ids.invalid_advertising_id) {
    return error.reject("invalid_advertising_id", "google_advertising_id",
                        "the advertising id is no Android advertising id, and nothing else "
                        "identifies the person");
  }
  return error.reject("no_identifier", "email",
                      "neither an e-mail address nor an advertising id that may be sent; a name "
                      "alone would match strangers");
}

// The element's beginning is written as text: names, a hash and an advertising id that was looked
// at hold nothing to escape, and this is half of what an event costs in the plugin.
void write_person(Change action, const Identifiers& ids, std::string& out) {
  out.append(start_of(action)).append(R"(,"userIds":[)");
  if (ids.has_email) {
    out.append(R"({"idType":"SHA256_EMAIL","idValue":")").append(ids.hash()).append("\"}");
  }
  if (!ids.advertising_id.empty()) {
    if (ids.has_email) out += ',';
    out.append(R"({"idType":"GOOGLE_AID","idValue":)");
    sdk::JsonWriter(out).string(ids.advertising_id);
    out += '}';
  }
  out += ']';
}

}  // namespace

std::int32_t UserMapping::map(const Settings& settings, const sdk::Record& record,
                              const sdk::Emitter& emitter, const sdk::Error& error) const {
  const std::string_view audience_key = record[audience_key_].text();
  if (audience_key.empty()) {
    return error.reject("no_audience_key", "personas_audience_key",
                        "personas_audience_key is empty, so that no audience is named");
  }

  const std::string_view wanted = record[user_action_].text();
  Change action = Change::add;
  if (const std::string_view mode = record[sync_mode_].text(); !mode.empty()) {
    const RowFate fate = fate_of_row(mode, record[row_change_].text(), wanted);
    if (!fate.change) return error.fail(fate.code, fate.reason, fate.field, fate.message);
    action = *fate.change;
  } else if (wanted == "ADD" || wanted == "REMOVE") {
    action = wanted == "ADD" ? Change::add : Change::remove;
  } else if (wanted.empty() || wanted == "AUTO") {
    const std::string_view source = record[source_segment_id_].text();
    if (!is_about(audience_key, source, record[event_computation_key_].text())) {
      return error.reject("audience_key_mismatch", "source_segment_id", why_not_about(source));
    }
    const std::optional<Change> found =
        automatic_action(record[membership_], record[event_name_].text());
    if (!found) {
      return error.reject("action_unknown", "dmp_user_action",
                          "the event does not say whether the person entered or left the audience; "
                          "set dmp_user_action to ADD or REMOVE if the trigger alone decides");
    }
    action = *found;
  } else {
    return error.reject("action_unknown", "dmp_user_action",
                        "dmp_user_action is none of AUTO, ADD and REMOVE");
  }

  // A removal is what somebody wants who takes their consent back.
  if (const std::string_view withheld = record[consent_withheld_].text();
      action == Change::add && !withheld.empty()) {
    return error.fail(PENSTOCK_SKIP, withheld, {}, kNotAdded);
  }

  Scratch& out = scratch();
  Identifiers ids;
  if (settings.send_email) read_email(record[email_].text(), out.email, ids);
  if (settings.send_google_advertising_id) {
    read_advertising_id(record[advertising_id_].text(), ids);
  }
  if (!ids.any()) return reject_without_identifier(ids, error);

  out.set_batch_key(audience_key);
  if (out.batch_key.size() > kMaxKeyBytes) {
    return error.reject("audience_name_too_long", "personas_audience_key", kAudienceKeyTooLong);
  }

  if (ids.invalid_email) emitter.warn(kAttributeOmitted, email_);
  if (ids.invalid_advertising_id) emitter.warn(kAttributeOmitted, advertising_id_);
  write_person(action, ids, out.payload);
  Attributes attributes(record, emitter, out.payload);
  attributes.text(R"(,"firstName":)", first_name_, kMaxPersonName);
  attributes.text(R"(,"lastName":)", last_name_, kMaxPersonName);
  attributes.text(R"(,"title":)", title_, kMaxTitleOrCompany);
  attributes.text(R"(,"company":)", company_, kMaxTitleOrCompany);
  attributes.country(R"(,"country":)", country_);
  out.payload += '}';

  // The e-mail address is the person, with or without a device beside it.
  if (ids.has_email) {
    out.coalesce_key.append("e:").append(ids.hash());
  } else {
    out.coalesce_key.append("a:").append(ids.advertising_id);
  }
  emitter.element(out.payload, out.batch_key, out.coalesce_key);
  return PENSTOCK_OK;
}

}  // namespace penstock::linkedin
