#include "element.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>
#include <unordered_set>

namespace linkedin_sandbox {
namespace {

using nlohmann::json;

constexpr std::size_t kSha256Digits = 64;
constexpr std::size_t kSha512Digits = 128;
constexpr std::size_t kMostIndustries = 3;
constexpr std::string_view kOrganizationUrn = "urn:li:organization:";

struct TextField {
  std::string_view name;
  std::size_t most_characters;  // 0: no limit is known
};

constexpr std::array kUserFields = {
    TextField{"firstName", 35}, TextField{"lastName", 35}, TextField{"title", 50},
    TextField{"company", 50},   TextField{"country", 2},
};
constexpr std::array kCompanyFields = {
    TextField{"companyName", 0},
    TextField{"companyWebsiteDomain", 0},
    TextField{"companyEmailDomain", 0},
    TextField{"organizationUrn", 0},
    TextField{"companyPageUrl", 100},
    TextField{"stockSymbol", 5},
    TextField{"city", 50},
    TextField{"state", 50},
    TextField{"country", 2},
    TextField{"postalCode", 20},
};
// A company needs at least one of these.
constexpr std::array<std::string_view, 5> kCompanyIdentifiers = {
    "companyEmailDomain", "companyName", "companyPageUrl", "companyWebsiteDomain",
    "organizationUrn"};

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char byte) { return (byte & 0xC0) != 0x80; }));
}

bool is_hex(std::string_view text, std::size_t digits) {
  return text.size() == digits && std::all_of(text.begin(), text.end(), [](unsigned char digit) {
           return std::isxdigit(digit) != 0;
         });
}

// ISO 3166-1 alpha-2: the second letters of all assigned codes, by the first.
constexpr std::array<std::string_view, 26> kCountries = {
    "DEFGILMOQRSTUWXZ",         // A
    "ABDEFGHIJLMNOQRSTVWYZ",    // B
    "ACDFGHIKLMNORUVWXYZ",      // C
    "EJKMOZ",                   // D
    "CEGHRST",                  // E
    "IJKMOR",                   // F
    "ABDEFGHILMNPQRSTUWY",      // G
    "KMNRTU",                   // H
    "DELMNOQRST",               // I
    "EMOP",                     // J
    "EGHIMNPRWYZ",              // K
    "ABCIKRSTUVY",              // L
    "ACDEFGHKLMNOPQRSTUVWXYZ",  // M
    "ACEFGILOPRUZ",             // N
    "M",                        // O
    "AEFGHKLMNRSTWY",           // P
    "A",                        // Q
    "EOSUW",                    // R
    "ABCDEGHIJKLMNORSTVXYZ",    // S
    "CDFGHJKLMNORTVWZ",         // T
    "AGMSYZ",                   // U
    "ACEGINU",                  // V
    "FS",                       // W
    "",                         // X
    "ET",                       // Y
    "AMW",                      // Z
};

bool is_country(std::string_view text) {
  if (text.size() != 2 || text[0] < 'A' || text[0] > 'Z') return false;
  return kCountries[static_cast<std::size_t>(text[0] - 'A')].find(text[1]) !=
         std::string_view::npos;
}

std::string text_of(const json& object, std::string_view name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Checks the texts of the table; a field in neither the table nor `others` is refused too.
template <std::size_t size>
std::string check_fields(const json& element, const std::array<TextField, size>& fields,
                         std::initializer_list<std::string_view> others) {
  for (const auto& member : element.items()) {
    const std::string& name = member.key();
    const json& value = member.value();
    if (std::find(others.begin(), others.end(), name) != others.end()) continue;
    const auto field = std::find_if(fields.begin(), fields.end(),
                                    [&](const TextField& known) { return known.name == name; });
    if (field == fields.end()) return "unrecognized field found but not allowed: /" + name;
    if (!value.is_string()) return "/" + name + " is not a string";
    const std::string& text = value.get_ref<const std::string&>();
    if (name == "country" && !is_country(text)) {
      return "/country is not an ISO 3166 alpha-2 country code";
    }
    if (field->most_characters > 0 && characters(text) > field->most_characters) {
      return "/" + name + " is longer than " + std::to_string(field->most_characters) +
             " characters";
    }
  }
  return {};
}

std::string check_identifier(const json& identifier, std::size_t index) {
  const std::string place = "/userIds/" + std::to_string(index);
  if (!identifier.is_object()) return place + " is not a record";
  const std::string type = text_of(identifier, "idType");
  const std::string value = text_of(identifier, "idValue");
  if (value.empty())
    return place + "/idValue :: field is required but not found and has no default value";
  if (type == "SHA256_EMAIL") {
    return is_hex(value, kSha256Digits) ? "" : place + "/idValue is not a SHA-256 in 64 hex digits";
  }
  if (type == "SHA512_EMAIL") {
    return is_hex(value, kSha512Digits) ? ""
                                        : place + "/idValue is not a SHA-512 in 128 hex digits";
  }
  return type == "GOOGLE_AID" ? "" : place + "/idType is not an enum symbol";
}

std::string check_user(const json& element, Element& result) {
  std::string problem = check_fields(element, kUserFields, {"action", "userIds"});
  if (!problem.empty()) return problem;
  const auto ids = element.find("userIds");
  if (ids != element.end()) {
    if (!ids->is_array()) return "/userIds is not an array";
    for (std::size_t i = 0; i < ids->size(); ++i) {
      problem = check_identifier((*ids)[i], i);
      if (!problem.empty()) return problem;
      result.identifiers.push_back(text_of((*ids)[i], "idType") + "=" +
                                   text_of((*ids)[i], "idValue"));
    }
  }
  if (!result.identifiers.empty()) return {};
  const std::string first = text_of(element, "firstName");
  const std::string last = text_of(element, "lastName");
  if (first.empty() || last.empty()) {
    return "either userIds or both firstName and lastName must be given";
  }
  result.identifiers.push_back("NAME=" + first + " " + last);
  return {};
}

std::string check_company(const json& element, Element& result) {
  std::string problem = check_fields(element, kCompanyFields, {"action", "industries"});
  if (!problem.empty()) return problem;
  if (const auto industries = element.find("industries"); industries != element.end()) {
    if (!industries->is_array() || industries->size() > kMostIndustries) {
      return "/industries is not an array of at most 3 names";
    }
    for (const json& industry : *industries) {
      if (!industry.is_string() || characters(industry.get_ref<const std::string&>()) > 50) {
        return "/industries has an entry that is not a name of at most 50 characters";
      }
    }
  }
  for (const std::string_view name : kCompanyIdentifiers) {
    const std::string value = text_of(element, name);
    if (!value.empty()) result.identifiers.push_back(std::string(name) + "=" + value);
  }
  if (result.identifiers.empty()) return "no company identifier is given";
  const std::string urn = text_of(element, "organizationUrn");
  const bool digits =
      urn.size() > kOrganizationUrn.size() &&
      urn.find_first_not_of("0123456789", kOrganizationUrn.size()) == std::string::npos;
  if (!urn.empty() && (urn.rfind(kOrganizationUrn, 0) != 0 || !digits)) {
    return "Invalid organization urn";
  }
  return {};
}

}  // namespace

Element check_element(const json& element, ElementKind kind) {
  Element result;
  if (!element.is_object()) {
    result.problem = "the element is not a record";
    return result;
  }
  const std::string action = text_of(element, "action");
  if (action != "ADD" && action != "REMOVE") {
    result.problem = "/action is not an enum symbol; ADD and REMOVE are";
    return result;
  }
  result.remove = action == "REMOVE";
  result.problem =
      kind == ElementKind::user ? check_user(element, result) : check_company(element, result);
  std::sort(result.identifiers.begin(), result.identifiers.end());
  for (const std::string& identifier : result.identifiers) {
    result.person += (result.person.empty() ? "" : "|") + identifier;
  }
  return result;
}

json element_attributes(const json& element) {
  json attributes;
  for (const auto& [name, value] : element.items()) {
    if (name != "action" && name != "userIds") attributes[name] = value;
  }
  return attributes;
}

bool any_person_twice(const std::vector<Element>& elements) {
  std::unordered_set<std::string_view> seen;
  seen.reserve(elements.size() * 2);
  for (const Element& element : elements) {
    for (std::size_t i = 0; i < element.identifiers.size(); ++i) {
      // The same identifier twice in one element is one person all the same.
      if (i > 0 && element.identifiers[i] == element.identifiers[i - 1]) continue;
      if (!seen.insert(element.identifiers[i]).second) return true;
    }
  }
  return false;
}

}  // namespace linkedin_sandbox
