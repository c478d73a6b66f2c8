// Table: text in aligned columns.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace penstock::cli {

// The text with control characters, which could move a terminal's cursor or change what it showed
// before, as escapes (gate/escape.hpp).
[[nodiscard]] std::string printable(std::string_view text);

class Table {
 public:
  enum class Align { left, right };
  Table(std::vector<std::string> header, std::vector<Align> alignment);
  // Cells are shown as printable() has them.
  void row(std::vector<std::string> cells);
  // Each line begins with the indent. Widths count code points. The last column is not padded, and
  // is wrapped at kWidth.
  [[nodiscard]] std::string text(const std::string& indent) const;

  static constexpr std::size_t kWidth = 120;

 private:
  std::vector<Align> alignment_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace penstock::cli
