// Where the placeholders of a template stand.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace penstock::mapping {

struct TemplatePart {
  bool is_path;  // the inside of a placeholder, without the spaces round it; else literal text
  std::string_view text;  // a view into the template
  std::size_t offset;     // of the text, in bytes from the template's beginning
};

// {{ path }} and {{{ path }}} are placeholders. Whatever is no complete placeholder is literal
// text: an opening without its closing, {{}}, and one with a } inside.
[[nodiscard]] std::vector<TemplatePart> split_template(std::string_view text);

}  // namespace penstock::mapping
