// Scanner: reads the words, paths and literals of a trigger, one after the other.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/diagnostics.hpp"
#include "trigger/expression.hpp"

namespace penstock::trigger {

// Which escapes of a string mean something.
enum class Escapes : std::uint8_t {
  text,
  glob,  // as text, but \* and \? stay as they are: the glob gives them their meaning
};

// Holds a place in the text. Every read_ function reads at that place and moves behind what it
// read, or reports what is wrong and gives nothing; after a report the scanner is at its end of
// use. Spaces are skipped only where it is said.
class Scanner {
 public:
  // `text` must outlive the scanner. `location` is the place of its first character, or see Origin.
  Scanner(std::string_view text, Location location, Origin origin, Diagnostics& diagnostics);

  [[nodiscard]] std::size_t offset() const { return at_; }
  void go_to(std::size_t offset) { at_ = offset; }
  [[nodiscard]] bool at_end() const { return at_ >= text_.size(); }
  // The byte at the place, or `ahead` bytes behind it; '\0' beyond the end.
  [[nodiscard]] char peek(std::size_t ahead = 0) const;
  [[nodiscard]] char byte_at(std::size_t offset) const {
    return offset < text_.size() ? text_[offset] : '\0';
  }
  void skip_spaces();
  // Moves behind `c` if it is at the place.
  bool skip(char c);
  // Moves behind this whole word if it is at the place.
  bool skip_word(std::string_view word);
  // The word at the place, which is not moved; "" when there is none.
  [[nodiscard]] std::string_view peek_word() const;

  // { "." segment } behind a root, appended to the steps; `written` gets each as it stands there.
  bool read_segments(std::vector<std::string>& steps, std::vector<std::string_view>& written);
  std::optional<std::string> read_string(Escapes escapes);
  // An integer beyond 64 bits becomes a double.
  std::optional<Value> read_number();

  // Whether the trigger was written for a mapping, so that it may come from elsewhere.
  [[nodiscard]] bool may_be_brought_over() const { return origin_ == Origin::written; }
  // What is at the place, for messages: `"AND"`, `")"`, `the end`.
  [[nodiscard]] std::string found() const;
  // Whatever is at the place as one word for "did you mean": a word, or the operator characters.
  [[nodiscard]] std::string_view found_word() const;
  void error(std::size_t offset, std::string message, std::string hint = {});
  void warning(std::size_t offset, std::string message, std::string hint = {});

 private:
  [[nodiscard]] bool has_places() const;
  [[nodiscard]] Location place(std::size_t offset) const;
  [[nodiscard]] std::string with_place(std::size_t offset, std::string message) const;
  bool read_escape(Escapes escapes, std::string& out);
  std::optional<std::uint32_t> read_code_unit();

  std::string_view text_;
  Location location_;
  Origin origin_;
  Diagnostics& diagnostics_;
  std::size_t at_ = 0;
};

}  // namespace penstock::trigger
