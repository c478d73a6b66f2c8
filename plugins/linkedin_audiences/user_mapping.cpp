#include "user_mapping.hpp"

#include <cstddef>
#include <optional>
#include <utility>

#include "attributes.hpp"
#include "audience.hpp"
#include "identifiers.hpp"
#include "person_identifiers.hpp"

namespace penstock::linkedin {
namespace {

// LinkedIn's limits, in characters.
constexpr std::size_t kMaxPersonName = 35;
constexpr std::size_t kMaxTitleOrCompany = 50;

// What the hot path writes into; kept per thread, so that mapping allocates nothing once they have
// grown.
struct Scratch {
  PersonIdentifiers identifiers;
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
  scratch.identifiers.clear();
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
  consent_withheld_ = fields.bind("consent_withheld");
  change_.bind(fields);
  return fields.result(error);
}

namespace {

// Anything but a clear yes counts as a no: it is the device owner's choice.
bool limits_ad_tracking(sdk::Value enabled) {
  if (enabled.empty()) return false;
  if (const std::optional<bool> value = enabled.as_bool()) return !*value;
  if (const std::optional<std::int64_t> value = enabled.as_i64()) return *value != 1;
  const std::string_view text = trim(enabled.text());
  return text != "true" && text != "True" && text != "TRUE" && text != "1";
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

  // A removal is what somebody wants who takes their consent back.
  if (const std::string_view withheld = record[consent_withheld_].text();
      action == Change::add && !withheld.empty()) {
    return error.fail(PENSTOCK_SKIP, withheld, {}, kNotAdded);
  }

  Scratch& out = scratch();
  PersonIdentifiers& ids = out.identifiers;
  if (settings.send_email) ids.read_emails(record[email_]);
  if (settings.send_google_advertising_id) {
    ids.read_advertising_id(record[advertising_id_].text());
    // Taking out who limits ad tracking is what they want; it may need the id that they came in by.
    if (ids.has_advertising_id() &&
        (has_other_advertising_id(record[device_type_].text()) ||
         (action == Change::add && limits_ad_tracking(record[ad_tracking_])))) {
      ids.withhold_advertising_id();
    }
  }
  if (!ids.any()) return ids.reject(error);

  out.set_batch_key(audience_key);
  if (out.batch_key.size() > kMaxKeyBytes) {
    return error.reject("audience_name_too_long", "personas_audience_key", kAudienceKeyTooLong);
  }

  if (ids.left_out_email()) emitter.warn(kAttributeOmitted, email_);
  if (ids.left_out_advertising_id()) emitter.warn(kAttributeOmitted, advertising_id_);
  out.payload.append(start_of(action)).append(R"(,"userIds":)");
  ids.append_user_ids(out.payload);
  Attributes attributes(record, emitter, out.payload);
  attributes.text(R"(,"firstName":)", first_name_, kMaxPersonName);
  attributes.text(R"(,"lastName":)", last_name_, kMaxPersonName);
  attributes.text(R"(,"title":)", title_, kMaxTitleOrCompany);
  attributes.text(R"(,"company":)", company_, kMaxTitleOrCompany);
  attributes.country(R"(,"country":)", country_);
  out.payload += '}';

  ids.name_to(emitter, email_, advertising_id_);
  ids.append_coalesce_key(out.coalesce_key);
  emitter.element(out.payload, out.batch_key, out.coalesce_key);
  return PENSTOCK_OK;
}

}  // namespace penstock::linkedin
