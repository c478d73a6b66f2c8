// Which audience an element belongs to, and how a batch key and an element's first bytes say so.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
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
  std::string name;  // for the segment, should it have to be created; no part of its identity
  // The id of the segment that it is, where a mapping names one: none is looked for by key, and
  // none is created.
  std::string existing_id{};
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

// A JSON array: [key, key] for people, [key, key, "COMPANY"] for companies. Readable in a dead
// letter, and unambiguous. What is stored on disk holds such keys, so their form must not change.
// The second is where an earlier version put the audience's name, which is the key unless somebody
// chose another. It must not depend on the name: elements with different batch keys have no order
// among them, and an ADD that waits under an old name could follow a REMOVE under a new one.
void append_batch_key(AudienceType type, std::string_view key, std::string& out);
// False when `batch_key` is not what append_batch_key writes, or wrote once. `audience.name` is the
// key, or the name in a key of that earlier version.
[[nodiscard]] bool parse_batch_key(std::string_view batch_key, Audience& audience);

// Longest batch or coalesce key: abi.h, penstock_element.
inline constexpr std::size_t kMaxKeyBytes = 512;
// The key stands in it twice.
inline constexpr std::string_view kAudienceKeyTooLong =
    "the audience's key is too long; it may have about 240 bytes";

// Of a record that would add somebody whose event refuses consent.
inline constexpr std::string_view kNotAdded = "nobody is added whose event refuses consent";

// What happens to a member. An element begins with its action, so that one look at the first bytes
// tells which it is.
enum class Change : std::uint8_t { add, remove };
inline constexpr std::string_view kAddStart = R"({"action":"ADD")";
inline constexpr std::string_view kRemoveStart = R"({"action":"REMOVE")";

[[nodiscard]] constexpr std::string_view start_of(Change change) {
  return change == Change::add ? kAddStart : kRemoveStart;
}
// Whether an event may change this audience by what it says itself: the keys that it names, of
// which there may be two, are this audience's.
[[nodiscard]] constexpr bool is_about(std::string_view audience_key, std::string_view source_key,
                                      std::string_view computation_key) {
  return source_key == audience_key && (computation_key.empty() || computation_key == audience_key);
}
// What the event's name says about membership, or nothing.
[[nodiscard]] std::optional<Change> change_named_by(std::string_view event_name);
[[nodiscard]] std::string_view why_not_about(std::string_view source_key);

// The reason that a delivered element carries: "added" or "removed".
[[nodiscard]] constexpr std::string_view done_word(std::string_view payload) {
  // The two starts differ from the first letter of the action on.
  constexpr std::size_t kLetter = std::string_view(R"({"action":")").size();
  return payload.size() > kLetter && payload[kLetter] == 'R' ? "removed" : "added";
}

}  // namespace penstock::linkedin
