#include "user_mapping.hpp"

#include <cstddef>
#include <optional>
#include <utility>

#include "attributes.hpp"
#include "audience.hpp"
#include "identifiers.hpp"

namespace penstock::linkedin {
namespace {

// LinkedIn's limits, in characters.
constexpr std::size_t kMaxPersonName = 35;
constexpr std::size_t kMaxTitleOrCompany = 50;

// What the hot path writes into; kept per thread, so that mapping allocates nothing once they have
// grown.
struct Scratch {
  std::string email;
  std::string advertising_id;
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
  scratch.advertising_id.clear();
  scratch.payload.clear();
  scratch.coalesce_key.clear();
  return scratch;
}

}  // namespace

std::int32_t UserMapping::bind(const penstock_action& action, const sdk::Error& error) {
  sdk::FieldBinder fields(action);
  audience_key_ = fields.bind("personas_audience_key");
  email_ = fields.bind("email");
  advertising_id_ = fields.bind("google_advertising_id");
  ad_tracking_ = fields.bind("ad_tracking_enabled");
  device_type_ = fields.bind("device_type");
  first_name_ = fields.bind("first_name");
  last_name_ = fields.bind("last_name");
  title_ = fields.bind("title");
  company_ = fields.bind("company");
  country_ = fields.bind("country");
  change_.bind(fields);
  return fields.result(error);
}

namespace {

// The identifiers of one record that may be sent. Views into the record or the scratch.
struct Identifiers {
  Sha256Hex email_hash{};
  bool has_email = false;
  bool invalid_email = false;
  std::string_view advertising_id;
  bool invalid_advertising_id = false;
  bool withheld_advertising_id = false;  // there is one that must not be sent

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

void read_advertising_id(std::string_view raw, std::string& normalised, Identifiers& ids) {
  switch (append_advertising_id(raw, normalised)) {
    case AdvertisingId::none:
      return;
    case AdvertisingId::valid:
      ids.advertising_id = normalised;
      return;
    case AdvertisingId::invalid:
      ids.invalid_advertising_id = true;
      return;
  }
}

// Anything but a clear yes counts as a no: it is the device owner's choice.
bool limits_ad_tracking(sdk::Value enabled) {
  if (enabled.empty()) return false;
  if (const std::optional<bool> value = enabled.as_bool()) return !*value;
  if (const std::optional<std::int64_t> value = enabled.as_i64()) return *value != 1;
  const std::string_view text = trim(enabled.text());
  return text != "true" && text != "1";
}

std::int32_t reject_without_identifier(const Identifiers& ids, const sdk::Error& error) {
  if (ids.invalid_email) {
    return error.reject("invalid_email", "email",
                        "the e-mail field holds neither an e-mail address nor a SHA-256 in hex, "
                        "and nothing else identifies the person");
  }
  if (ids.invalid_advertising_id) {
    return error.reject("invalid_advertising_id", "google_advertising_id",
                        "the advertising id is not a UUID, and nothing else identifies the person");
  }
  if (ids.withheld_advertising_id) {
    return error.reject("no_identifier", "google_advertising_id",
                        "the advertising id may not be sent, because the device limits ad tracking "
                        "or is not an Android device, and nothing else identifies the person");
  }
  return error.reject("no_identifier", "email",
                      "neither an e-mail address nor an advertising id that may be sent; a name "
                      "alone would match strangers");
}

// The element's beginning is written as text: names, a hash and a UUID hold nothing to escape, and
// this is half of what an event costs in the plugin.
void write_person(Change action, const Identifiers& ids, std::string& out) {
  out.append(start_of(action)).append(R"(,"userIds":[)");
  if (ids.has_email) {
    out.append(R"({"idType":"SHA256_EMAIL","idValue":")").append(ids.hash()).append("\"}");
  }
  if (!ids.advertising_id.empty()) {
    if (ids.has_email) out += ',';
    out.append(R"({"idType":"GOOGLE_AID","idValue":")").append(ids.advertising_id).append("\"}");
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

  Change action = Change::add;
  if (const std::int32_t code =
          change_.decide(record, audience_key, ChangeRule::Auto::allowed, action, error);
      code != PENSTOCK_OK) {
    return code;
  }

  Scratch& out = scratch();
  Identifiers ids;
  if (settings.send_email) read_email(record[email_].text(), out.email, ids);
  if (settings.send_google_advertising_id) {
    read_advertising_id(record[advertising_id_].text(), out.advertising_id, ids);
    // Taking out who limits ad tracking is what they want; it may need the id that they came in by.
    if (!ids.advertising_id.empty() &&
        (has_other_advertising_id(record[device_type_].text()) ||
         (action == Change::add && limits_ad_tracking(record[ad_tracking_])))) {
      ids.advertising_id = {};
      ids.withheld_advertising_id = true;
    }
  }
  if (!ids.any()) return reject_without_identifier(ids, error);

  out.set_batch_key(audience_key);
  if (out.batch_key.size() > kMaxKeyBytes) {
    return error.reject("audience_name_too_long", "personas_audience_key", kAudienceKeyTooLong);
  }

  if (ids.invalid_email) emitter.warn(kAttributeOmitted, email_);
  if (ids.invalid_advertising_id || ids.withheld_advertising_id) {
    emitter.warn(kAttributeOmitted, advertising_id_);
  }
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
