// What to write in place of a Liquid template, which is not run here.
#pragma once

#include <string>
#include <string_view>

namespace penstock::mapping {

struct LiquidAdvice {
  std::string found;  // what of the template has no counterpart: "the filter date"; or ""
  std::string hint;   // the directive that gives the same, or where to look
};

// Reads the template as far as a counterpart can be told for sure; never fails.
[[nodiscard]] LiquidAdvice advise_on_liquid(std::string_view text);

}  // namespace penstock::mapping
