// The optional attributes of an element: what LinkedIn would refuse is left out and counted,
// because it must not cost the person or the company.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <penstock/sdk/record.hpp>

namespace penstock::linkedin {

inline constexpr std::string_view kAttributeOmitted = "attribute_omitted";

// Whether `text` has at most so many characters.
[[nodiscard]] bool fits(std::string_view text, std::size_t max_characters);

// Appends members to an object that is being written. Borrows everything it is given.
class Attributes {
 public:
  Attributes(const sdk::Record& record, const sdk::Emitter& emitter, std::string& out)
      : record_(record), emitter_(emitter), out_(out) {}

  // `name` stands as in the element: quoted, with a comma before and a colon behind. Values that
  // are no text are left out, too, but for whole numbers, which are written as one.
  void text(std::string_view name, sdk::Field field, std::size_t max_characters);
  // A code of ISO 3166-1 in two letters, written in upper case.
  void country(std::string_view name, sdk::Field field);
  // A list of texts: at most `max_items` of those that are short enough.
  void list(std::string_view name, sdk::Field field, std::size_t max_items,
            std::size_t max_characters);
  void write(std::string_view name, std::string_view value);

 private:
  // Trimmed; "" where there is nothing. Nothing, and a warning, where it is no text.
  std::optional<std::string_view> text_of(sdk::Field field);

  const sdk::Record& record_;
  const sdk::Emitter& emitter_;
  std::string& out_;
  std::array<char, 24> digits_{};  // of a number of 64 bits
};

}  // namespace penstock::linkedin
