// Which audience an element belongs to, and how a batch key and an element's first bytes say so.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

namespace penstock::linkedin {

// What an audience has as members. LinkedIn keeps a USER and a COMPANY segment of one key apart,
// and so does everything here.
enum class AudienceType : std::uint8_t { user, company };

// LinkedIn's word: "USER" or "COMPANY".
[[nodiscard]] std::string_view name_of(AudienceType type);
// What the members are called in a sentence: "people" or "companies".
[[nodiscard]] std::string_view members_of(AudienceType type);

// The one audience that a batch belongs to; its batch key says which.
struct Audience {
  AudienceType type = AudienceType::user;
  std::string key;   // LinkedIn's sourceSegmentId
  std::string name;  // for the segment, should it have to be created
};

// What identifies an audience: its name is no part of it.
struct AudienceId {
  AudienceType type = AudienceType::user;
  std::string key;

  AudienceId() = default;
  AudienceId(AudienceType the_type, std::string the_key)
      : type(the_type), key(std::move(the_key)) {}
  explicit AudienceId(const Audience& audience) : AudienceId(audience.type, audience.key) {}
  friend bool operator<(const AudienceId& a, const AudienceId& b) {
    return std::tie(a.key, a.type) < std::tie(b.key, b.type);
  }
};

// A JSON array: [key, name] for people, [key, name, "COMPANY"] for companies. Readable in a dead
// letter, and unambiguous. What is stored on disk holds such keys, so their form must not change.
void append_batch_key(AudienceType type, std::string_view key, std::string_view name,
                      std::string& out);
// False when `batch_key` is not what append_batch_key writes.
[[nodiscard]] bool parse_batch_key(std::string_view batch_key, Audience& audience);

// Longest batch or coalesce key: abi.h, penstock_element.
inline constexpr std::size_t kMaxKeyBytes = 512;

// What happens to a member. An element begins with its action, so that one look at the first bytes
// tells which it is.
enum class Change : std::uint8_t { add, remove };
inline constexpr std::string_view kAddStart = R"({"action":"ADD")";
inline constexpr std::string_view kRemoveStart = R"({"action":"REMOVE")";

[[nodiscard]] constexpr std::string_view start_of(Change change) {
  return change == Change::add ? kAddStart : kRemoveStart;
}
// The reason that a delivered element carries: "added" or "removed".
[[nodiscard]] constexpr std::string_view done_word(std::string_view payload) {
  // The two starts differ from the first letter of the action on.
  constexpr std::size_t kLetter = std::string_view(R"({"action":")").size();
  return payload.size() > kLetter && payload[kLetter] == 'R' ? "removed" : "added";
}

}  // namespace penstock::linkedin
