#include "cli/table.hpp"

#include <algorithm>

#include "gate/escape.hpp"

namespace penstock::cli {
namespace {

std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

// Lines of at most `width`, broken at spaces.
std::vector<std::string> wrap(const std::string& text, std::size_t width) {
  std::vector<std::string> lines(1);
  std::size_t place = 0;
  while (place < text.size()) {
    const std::size_t end = std::min(text.find(' ', place), text.size());
    const std::string word = text.substr(place, end - place);
    std::string& line = lines.back();
    if (line.empty()) {
      line = word;
    } else if (width_of(line) + 1 + width_of(word) <= width) {
      line += " " + word;
    } else {
      lines.push_back(word);
    }
    place = end + 1;
  }
  return lines;
}

}  // namespace

std::string printable(std::string_view text) {
  return gate::escaped(text);
}

Table::Table(std::vector<std::string> header, std::vector<Align> alignment)
    : alignment_(std::move(alignment)) {
  rows_.push_back(std::move(header));
}

void Table::row(std::vector<std::string> cells) {
  for (std::string& cell : cells) cell = printable(cell);
  rows_.push_back(std::move(cells));
}

std::string Table::text(const std::string& indent) const {
  std::vector<std::size_t> widths(alignment_.size(), 0);
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::size_t before_last = indent.size();
  for (std::size_t i = 0; i + 1 < widths.size(); ++i) before_last += widths[i] + 2;
  constexpr std::size_t kNarrowest = 30;
  const std::size_t last_width =
      before_last + kNarrowest < kWidth ? kWidth - before_last : kNarrowest;

  std::string out;
  for (const auto& row : rows_) {
    std::string line = indent;
    for (std::size_t i = 0; i + 1 < row.size(); ++i) {
      const std::string padding(widths[i] - width_of(row[i]), ' ');
      line += (alignment_[i] == Align::right ? padding + row[i] : row[i] + padding) + "  ";
    }
    if (alignment_.back() == Align::right) {
      line += std::string(widths.back() - width_of(row.back()), ' ') + row.back();
    } else {
      const std::vector<std::string> lines = wrap(row.back(), last_width);
      for (std::size_t i = 0; i < lines.size(); ++i) {
        if (i > 0) line += "\n" + std::string(before_last, ' ');
        line += lines[i];
      }
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

}  // namespace penstock::cli
