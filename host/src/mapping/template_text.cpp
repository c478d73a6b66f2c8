#include "mapping/template_text.hpp"

#include <algorithm>
#include <string>

namespace penstock::mapping {
namespace {

// Whether a placeholder with this many braces begins at `open`; `close` becomes the place of its
// first closing brace.
bool is_placeholder(std::string_view text, std::size_t open, std::size_t braces,
                    std::size_t& close) {
  if (text.substr(open, braces) != std::string(braces, '{')) return false;
  close = text.find('}', open + braces);
  return close != std::string_view::npos && close > open + braces &&
         text.substr(close, braces) == std::string(braces, '}');
}

TemplatePart trimmed_path(std::string_view text, std::size_t begin, std::size_t end) {
  constexpr std::string_view kSpaces = " \t\r\n";
  const std::string_view inside = text.substr(begin, end - begin);
  const std::size_t first = std::min(inside.find_first_not_of(kSpaces), inside.size());
  const std::size_t last = inside.find_last_not_of(kSpaces);
  const std::size_t length = first == inside.size() ? 0 : last + 1 - first;
  return {true, inside.substr(first, length), begin + first};
}

}  // namespace

std::vector<TemplatePart> split_template(std::string_view text) {
  std::vector<TemplatePart> parts;
  std::size_t literal = 0;  // where the literal text began that is being passed over
  std::size_t at = text.find("{{");
  while (at != std::string_view::npos) {
    std::size_t close = 0;
    std::size_t braces = 3;
    if (!is_placeholder(text, at, braces, close)) {
      braces = 2;
      const bool third_brace = text.substr(at, 3) == "{{{";  // of these the last two may open one
      if (third_brace || !is_placeholder(text, at, braces, close)) {
        at = text.find("{{", at + 1);
        continue;
      }
    }
    if (at > literal) parts.push_back({false, text.substr(literal, at - literal), literal});
    parts.push_back(trimmed_path(text, at + braces, close));
    literal = close + braces;
    at = text.find("{{", literal);
  }
  if (literal < text.size()) parts.push_back({false, text.substr(literal), literal});
  return parts;
}

}  // namespace penstock::mapping
