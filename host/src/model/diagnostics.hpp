// Diagnostics: all that is wrong with what a user wrote, each with its place, shown at once.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/status.hpp"

namespace penstock {

// A place in a file that a user wrote. Lines and columns count from 1; 0 means "not in a file" (as
// for --set).
struct Location {
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;  // in bytes

  [[nodiscard]] std::string text()
      const;  // "file:line:column", or just the file where there is no line
};

struct Diagnostic {
  enum class Severity : std::uint8_t { error, warning };
  Severity severity = Severity::error;
  Location location;
  std::string message;  // what is wrong: what was expected, what was found
  std::string hint;     // what to do, such as: did you mean "settings"?
};

// Collects; never stops at the first. Not thread-safe: one load, one collector.
class Diagnostics {
 public:
  // Makes the text of a file known, so that messages can show the line with a caret under the
  // place.
  void add_source(const std::string& file, std::string_view text);
  // Whether the text stands at the place just so, each of its lines from that column on: then an
  // offset in it is one in the file. Not so where YAML folded lines or took escapes away. True
  // where the text of the file is not known.
  [[nodiscard]] bool stands_at(const Location& place, std::string_view text) const;
  // Lines of this file are never shown (they may hold secrets).
  void hide_source(const std::string& file);
  // Text that came from outside the file, such as from a variable: messages show `reference`
  // instead of it, where it stands as a word of four bytes or more.
  void hide_value(std::string value, std::string reference);

  void error(Location location, std::string message, std::string hint = {});
  void warning(Location location, std::string message, std::string hint = {});

  [[nodiscard]] bool has_errors() const { return errors_ > 0; }
  [[nodiscard]] std::size_t error_count() const { return errors_; }
  [[nodiscard]] const std::vector<Diagnostic>& entries() const { return entries_; }
  // Ordered by file and place: "FILE:LINE:COLUMN: error: MESSAGE", the line, a caret, the hint.
  [[nodiscard]] std::string text() const;
  // ok, or StatusCode::configuration with text().
  [[nodiscard]] Status status() const;

 private:
  std::vector<Diagnostic> entries_;
  std::size_t errors_ = 0;
  std::map<std::string, std::vector<std::string>> sources_;
  std::vector<std::pair<std::string, std::string>> hidden_;  // value, what is shown
};

// The candidate that a person who wrote `word` most likely meant, or "" when none is near (edit
// distance at most a third of the longer word, and at least one edit allowed for words of three
// letters).
[[nodiscard]] std::string nearest(std::string_view word,
                                  const std::vector<std::string>& candidates);
// `did you mean "X"?` for the nearest candidate, else "known here: a, b, c" (at most 12), else "".
[[nodiscard]] std::string suggestion(std::string_view word,
                                     const std::vector<std::string>& candidates);

}  // namespace penstock
