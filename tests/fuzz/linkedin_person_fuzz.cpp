// Guards the LinkedIn plugin against whatever stands where a person's e-mail addresses or
// advertising id belong: what comes out are hashes and a UUID of the form that LinkedIn takes, in
// bounded number, or nothing.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>
#include <penstock/sdk/record.hpp>
#include <penstock/sdk/text.hpp>

#include "identifiers.hpp"
#include "person_identifiers.hpp"

using namespace penstock;
using namespace penstock::linkedin;

namespace {

bool is_hex(const std::string& text) {
  return text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

void check_identifier(const nlohmann::json& identifier) {
  const std::string type = identifier.at("idType");
  const std::string value = identifier.at("idValue");
  if (type == "SHA256_EMAIL" && value.size() == 64 && is_hex(value)) return;
  if (type == "SHA512_EMAIL" && value.size() == 128 && is_hex(value)) return;
  std::string again;
  if (type == "GOOGLE_AID" && append_advertising_id(value, again) == AdvertisingId::valid &&
      again == value) {
    return;
  }
  std::abort();
}

}  // namespace

// The first byte says what kind of value the field has.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  static PersonIdentifiers person;  // as on a worker: used again and again
  person.clear();
  penstock_value value{};
  value.type = data[0] % 2 == 0 ? PENSTOCK_STRING : PENSTOCK_JSON;
  value.as.str = sdk::str(text);
  person.read_emails(sdk::Value(value));
  person.read_advertising_id(text);

  std::string ids;
  person.append_user_ids(ids);
  const nlohmann::json list = nlohmann::json::parse(ids);
  if (list.size() > PersonIdentifiers::kMaxEmails + 1) std::abort();
  if (list.empty() == person.any()) std::abort();
  for (const nlohmann::json& identifier : list) check_identifier(identifier);
  return 0;
}
