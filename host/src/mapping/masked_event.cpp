#include "mapping/masked_event.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>

#include "model/case_mapping.hpp"

namespace penstock::mapping {
namespace {

constexpr std::string_view kMask = "***";

// Shorter values (a country's two letters) are masked where they are the whole text, not where they
// are part of one: they are part of nearly every text.
constexpr std::size_t kLeastPartBytes = 3;
// Shorter numbers (an age) are not looked for elsewhere.
constexpr std::size_t kLeastNumberBytes = 5;
// An event with more personal values than this is masked whole: each is looked for in each text.
constexpr std::size_t kMaxValues = 256;

constexpr std::size_t kHashDigits = 64;  // SHA-256 in hexadecimal
constexpr std::size_t kPhoneDigits = 8;  // the shortest numbers with the code of their country

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_hex(char c) {
  return std::isxdigit(static_cast<unsigned char>(c)) != 0;
}
bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// %41 as A, once.
std::string percent_decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    if (text[i] == '%' && i + 2 < text.size() && is_hex(text[i + 1]) && is_hex(text[i + 2])) {
      std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16);
      out += static_cast<char>(byte);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

// One form for all ways in which a text may be written: URL-encoded once or twice, in any case,
// with blanks around it.
std::string folded(std::string_view text) {
  std::string decoded;
  if (text.find('%') != std::string_view::npos) {
    decoded = percent_decoded(percent_decoded(text));
    text = decoded;
  }
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  std::string out;
  append_lower(out, text);
  return out;
}

// What an @ looks like, in folded text: itself, its full-width and small forms, in HTML, in JSON
// and in quoted-printable text.
constexpr std::array<std::string_view, 8> kAtSigns = {
    "@", "\xEF\xBC\xA0", "\xEF\xB9\xAB", "&#64;", "&#x40;", "&commat;", "\\u0040", "\\x40"};

bool holds_at_sign(std::string_view folded_text) {
  return std::any_of(kAtSigns.begin(), kAtSigns.end(), [&](std::string_view at) {
    return folded_text.find(at) != std::string_view::npos;
  });
}

bool holds_hash(std::string_view text) {
  std::size_t digits = 0;
  for (const char c : text) {
    digits = is_hex(c) ? digits + 1 : 0;
    if (digits >= kHashDigits) return true;
  }
  return false;
}

// What stands between the digits of a telephone number; beyond ASCII there are blanks and dashes.
bool is_phone_separator(char c) {
  return static_cast<unsigned char>(c) >= 0x80 ||
         std::string_view(" \t-./()").find(c) != std::string_view::npos;
}

// Whether this is how an international number goes on behind its + or 00: 49 (151) 234-5678
bool continues_phone_number(std::string_view text) {
  if (text.empty() || text.front() == '0') return false;
  std::size_t digits = 0;
  for (const char c : text) {
    if (is_digit(c)) {
      if (++digits == kPhoneDigits) return true;
    } else if (digits == 0 || !is_phone_separator(c)) {
      return false;
    }
  }
  return false;
}

// +49 (151) 234-5678 and 0049 151 2345678, also within a longer text. Without the code of a country
// they look like any other number.
bool holds_phone_number(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char before = i == 0 ? ' ' : text[i - 1];
    if (std::isalnum(static_cast<unsigned char>(before)) != 0) continue;
    if (text[i] == '+') {
      const auto rest =
          std::find_if_not(text.begin() + i + 1, text.end(), is_phone_separator) - text.begin();
      if (continues_phone_number(text.substr(static_cast<std::size_t>(rest)))) return true;
    }
    // Behind a dash it may be a part of a UUID.
    if (before != '-' && text.substr(i, 2) == "00" && continues_phone_number(text.substr(i + 2)))
      return true;
  }
  return false;
}

// "first_name", "First Name" and "firstName" as firstname.
std::string plain_key(std::string_view key) {
  std::string out;
  for (const char c : key) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0)
      out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return out;
}

enum class KeyKind : std::uint8_t {
  other,
  ambiguous,  // of people or of things: what is there is masked, and not looked for elsewhere
  personal,
};

KeyKind kind_of(std::string_view key) {
  const std::string plain = plain_key(key);
  if (plain == "name" || plain == "address") return KeyKind::ambiguous;
  static const std::unordered_set<std::string_view> kWhole = {
      "mail",     "mobile",    "tel",       "street",   "zip",      "zipcode",     "postalcode",
      "postcode", "surname",   "givenname", "nickname", "username", "displayname", "dob",
      "ip",       "ipaddress", "ipv4",      "ipv6",     "idfa",     "idfv",        "gaid",
      "ssn",      "iban",      "passport",  "latitude", "lat",      "longitude",   "lng",
      "password", "token",     "middlename"};
  if (kWhole.count(plain) != 0) return KeyKind::personal;
  constexpr std::string_view kParts[] = {"email",    "phone", "firstname",     "lastname",
                                         "fullname", "birth", "advertisingid", "familyname"};
  for (const std::string_view part : kParts) {
    if (plain.find(part) != std::string::npos) return KeyKind::personal;
  }
  return KeyKind::other;
}

std::string number_text(const Value& number) {
  std::string out;
  append_json(out, number);
  return out;
}

}  // namespace

void PersonalPlaces::add(const std::vector<std::string>& steps) {
  Place* place = &root_;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (i > 0 && list_index(steps[i]) != kNoIndex) break;  // an event itself is never a list
    place = &place->below[steps[i]];
  }
  place->personal = true;
}

void EventMasker::begin() {
  values_.clear();
  too_many_ = false;
  everything_ = false;
}

void EventMasker::gather_text(std::string_view text) {
  std::string value = folded(text);
  if (value.empty()) return;
  values_.insert(std::move(value));
  too_many_ = values_.size() > kMaxValues;
}

void EventMasker::mask_value(const penstock_value& value) {
  switch (value.type) {
    case PENSTOCK_STRING:
      gather_text({value.as.str.data, value.as.str.size});
      break;
    case PENSTOCK_I64:
      gather(Value::of(value.as.i64), nullptr, true);
      break;
    case PENSTOCK_U64:
      gather(Value::of(value.as.u64), nullptr, true);
      break;
    case PENSTOCK_F64:
      gather(Value::of(value.as.f64), nullptr, true);
      break;
    default:  // the texts in JSON stand at the personal places that it was made from
      break;
  }
}

// Takes up the personal values of an event.
void EventMasker::gather(const Value& value, const Place* place, bool personal) {
  if (too_many_) return;
  personal = personal || (place != nullptr && place->personal);
  switch (value.kind()) {
    case Value::Kind::string:
      if (personal) gather_text(value.string());
      break;
    case Value::Kind::i64:
    case Value::Kind::u64:
    case Value::Kind::f64:
      if (personal) {
        if (const std::string text = number_text(value); text.size() >= kLeastNumberBytes)
          gather_text(text);
      }
      break;
    case Value::Kind::list:
      value.for_each_item([&](const Value& item) { gather(item, nullptr, personal); });
      break;
    case Value::Kind::map:
      value.for_each_member([&](std::string_view key, const Value& member) {
        const Place* below = nullptr;
        if (place != nullptr) {
          if (const auto found = place->below.find(key); found != place->below.end())
            below = &found->second;
        }
        gather(member, below, personal || kind_of(key) == KeyKind::personal);
      });
      break;
    default:
      break;
  }
}

bool EventMasker::is_personal(std::string_view text) const {
  if (too_many_) return true;
  const std::string plain = folded(text);
  return holds_at_sign(plain) || holds_phone_number(plain) || holds_hash(plain) ||
         holds_value(plain);
}

bool EventMasker::is_personal_number(const Value& number) const {
  return too_many_ || holds_value(folded(number_text(number)));
}

bool EventMasker::holds_value(const std::string& plain) const {
  if (values_.count(plain) != 0) return true;
  return std::any_of(values_.begin(), values_.end(), [&](const std::string& value) {
    return value.size() >= kLeastPartBytes && plain.find(value) != std::string::npos;
  });
}

void EventMasker::write_map(std::string& out, const Value& map, const Place* place, bool personal) {
  char separator = '{';
  std::size_t masked_keys = 0;
  map.for_each_member([&](std::string_view key, const Value& member) {
    if (out.size() > limit_) return;
    out += separator;
    separator = ',';
    if (is_personal(key)) {
      // Numbered, so that no two are the same.
      std::string name(kMask);
      if (++masked_keys > 1) name += std::to_string(masked_keys);
      append_json(out, Value::of(std::string_view(name)));
    } else {
      append_json(out, Value::of(key));
    }
    out += ':';
    const Place* below = nullptr;
    if (place != nullptr) {
      if (const auto found = place->below.find(key); found != place->below.end())
        below = &found->second;
    }
    write(out, member, below, personal || kind_of(key) != KeyKind::other);
  });
  out += separator == '{' ? "{}" : "}";
}

void EventMasker::write(std::string& out, const Value& value, const Place* place, bool personal) {
  if (out.size() > limit_) return;
  personal = personal || (place != nullptr && place->personal);
  switch (value.kind()) {
    case Value::Kind::string:
      append_json(out, personal || is_personal(value.string()) ? Value::of(kMask) : value);
      break;
    case Value::Kind::i64:
    case Value::Kind::u64:
    case Value::Kind::f64:
      if (personal || is_personal_number(value)) {
        out += '0';
      } else {
        append_json(out, value);
      }
      break;
    case Value::Kind::boolean:
      append_json(out, Value::of(value.boolean() && !personal));
      break;
    case Value::Kind::list: {
      char separator = '[';
      value.for_each_item([&](const Value& item) {
        if (out.size() > limit_) return;
        out += separator;
        separator = ',';
        write(out, item, nullptr, personal);
      });
      out += separator == '[' ? "[]" : "]";
      break;
    }
    case Value::Kind::map:
      write_map(out, value, place, personal);
      break;
    default:
      out += "null";
  }
}

bool EventMasker::append(std::string& out, const Value& event, std::size_t limit) {
  const std::size_t start = out.size();
  limit_ = start + limit;
  gather(event, &places_.root_, false);
  write(out, event, &places_.root_, everything_);
  if (out.size() <= limit_) return true;
  out.resize(start);
  return false;
}

std::string shape_of(std::string_view line) {
  std::string out(line.substr(0, kMaxShapeBytes));
  for (char& c : out) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80 || std::isalpha(byte) != 0) {
      c = 'x';
    } else if (is_digit(c)) {
      c = '0';
    } else if (std::iscntrl(byte) != 0) {
      c = ' ';
    }
  }
  return out;
}

std::string without_addresses(std::string_view message) {
  std::string out;
  while (!message.empty()) {
    const auto end = std::find_if(message.begin(), message.end(), is_blank);
    const auto length = static_cast<std::size_t>(end - message.begin());
    const std::string_view word = message.substr(0, length);
    const std::string plain = folded(word);
    // A directive of the mapping language, such as @path, perhaps in quotes.
    const std::size_t at = plain.find_last_of('@');
    const bool directive =
        at == 0 || (at == 1 && std::ispunct(static_cast<unsigned char>(plain[0])) != 0);
    if (holds_at_sign(plain) && !directive) {
      out += kMask;
    } else {
      out += word;
    }
    message.remove_prefix(length);
    if (!message.empty()) {
      out += message.front();
      message.remove_prefix(1);
    }
  }
  return out;
}

}  // namespace penstock::mapping
