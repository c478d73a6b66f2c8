#include "person_identifiers.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "identifiers.hpp"

namespace penstock::linkedin {
namespace {

constexpr std::string_view kWhiteSpace = " \t\r\n\v\f";

// Calls each(piece) for what stands between separators.
template <typename Each>
void split(std::string_view text, std::string_view separators, Each&& each) {
  for (;;) {
    const std::size_t end = text.find_first_of(separators);
    each(text.substr(0, end));
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

void PersonIdentifiers::clear() {
  email_count_ = 0;
  left_out_email_ = false;
  advertising_id_.clear();
  invalid_advertising_id_ = false;
  withheld_advertising_id_ = false;
}

void PersonIdentifiers::read_emails(sdk::Value value) {
  if (value.empty()) return;
  if (const auto text = value.as_string()) {
    add_text(*text);
  } else if (const auto json = value.as_json()) {
    add_list(*json);
  } else {
    left_out_email_ = true;
  }
}

PersonIdentifiers::Read PersonIdentifiers::add(std::string_view raw) {
  normalised_.clear();
  append_normalised_email(raw, normalised_);
  if (normalised_.empty()) return Read::nothing;
  Sha256Hex made;
  std::string_view hash = normalised_;
  if (is_sha256_hex(normalised_) || is_sha512_hex(normalised_)) {
    if (is_hash_of_nobody(normalised_)) return Read::invalid;
  } else if (looks_like_email(normalised_)) {
    made = sha256_hex(normalised_);
    hash = {made.data(), made.size()};
  } else {
    return Read::invalid;
  }
  const auto end = emails_.begin() + static_cast<std::ptrdiff_t>(email_count_);
  const bool known = std::any_of(emails_.begin(), end,
                                 [hash](const EmailHash& each) { return each.hex() == hash; });
  if (!known && !is_full()) emails_[email_count_++].assign(hash);
  return Read::added;
}

void PersonIdentifiers::EmailHash::assign(std::string_view hex) {
  size_ = hex.copy(digits_.data(), digits_.size());
}

bool PersonIdentifiers::is_full() {
  if (email_count_ < kMaxEmails) return false;
  left_out_email_ = true;
  return true;
}

void PersonIdentifiers::add_text(std::string_view text) {
  if (add(text) != Read::invalid) return;
  if (trim(text).front() == '[') {
    add_list(text);
  } else {
    add_pieces(text);
  }
}

// An address may hold white space, which is left out, so commas and semicolons separate first.
void PersonIdentifiers::add_pieces(std::string_view text) {
  split(text, ",;", [this](std::string_view piece) {
    if (is_full() || add(piece) != Read::invalid) return;
    const std::size_t before = email_count_;
    if (trim(piece).find_first_of(kWhiteSpace) != std::string_view::npos) {
      split(piece, kWhiteSpace, [this](std::string_view word) {
        if (!is_full() && add(word) == Read::invalid) left_out_email_ = true;
      });
    }
    if (email_count_ == before) left_out_email_ = true;
  });
}

void PersonIdentifiers::add_list(std::string_view json) {
  const nlohmann::json list = nlohmann::json::parse(json, nullptr, false);
  if (!list.is_array()) {
    left_out_email_ = true;
    return;
  }
  for (const nlohmann::json& item : list) {
    if (is_full()) return;
    if (item.is_null()) continue;
    if (!item.is_string()) {
      left_out_email_ = true;
    } else {
      add_pieces(item.get_ref<const std::string&>());
    }
  }
}

void PersonIdentifiers::read_advertising_id(std::string_view raw) {
  invalid_advertising_id_ = append_advertising_id(raw, advertising_id_) == AdvertisingId::invalid;
}

void PersonIdentifiers::withhold_advertising_id() {
  advertising_id_.clear();
  withheld_advertising_id_ = true;
}

void PersonIdentifiers::name_to(const sdk::Emitter& emitter, sdk::Field email,
                                sdk::Field advertising_id) const {
  for (std::size_t i = 0; i < email_count_; ++i) emitter.identifier(emails_[i].hex(), email);
  if (has_advertising_id()) emitter.identifier(advertising_id_, advertising_id);
}

// Written as text: hashes and UUIDs hold nothing to escape, and this is half of what an event costs
// in the plugin.
void PersonIdentifiers::append_user_ids(std::string& out) const {
  out += '[';
  for (std::size_t i = 0; i < email_count_; ++i) {
    if (i > 0) out += ',';
    const std::string_view hash = emails_[i].hex();
    out.append(hash.size() == kSha256HexSize ? R"({"idType":"SHA256_EMAIL","idValue":")"
                                             : R"({"idType":"SHA512_EMAIL","idValue":")");
    out.append(hash).append("\"}");
  }
  if (has_advertising_id()) {
    if (email_count_ > 0) out += ',';
    out.append(R"({"idType":"GOOGLE_AID","idValue":")").append(advertising_id_).append("\"}");
  }
  out += ']';
}

void PersonIdentifiers::append_coalesce_key(std::string& out) const {
  if (email_count_ > 0) {
    out.append("e:").append(emails_.front().hex());
  } else {
    out.append("a:").append(advertising_id_);
  }
}

std::int32_t PersonIdentifiers::reject(const sdk::Error& error) const {
  if (left_out_email_) {
    return error.reject("invalid_email", "email",
                        "the e-mail field holds neither an e-mail address nor a hash of one, and "
                        "nothing else identifies the person");
  }
  if (invalid_advertising_id_) {
    return error.reject("invalid_advertising_id", "google_advertising_id",
                        "the advertising id is not a UUID, and nothing else identifies the person");
  }
  if (withheld_advertising_id_) {
    return error.reject("no_identifier", "google_advertising_id",
                        "the advertising id may not be sent, because the device limits ad tracking "
                        "or is not an Android device, and nothing else identifies the person");
  }
  return error.reject("no_identifier", "email",
                      "neither an e-mail address nor an advertising id that may be sent; a name "
                      "alone would match strangers");
}

}  // namespace penstock::linkedin
