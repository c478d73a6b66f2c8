// What can be said of a trigger before there are events: whether it can hold for an event of which
// only a part is known.
#pragma once

#include <string>
#include <vector>

#include "trigger/expression.hpp"

namespace penstock::trigger {

// An event of which only a part is known.
struct Sketch {
  std::string json;  // the event, with what is known of it
  // What is known: the values at these paths, or that nothing is there. Anything may stand
  // elsewhere.
  std::vector<std::vector<std::string>> known;
};

// False: the trigger holds for no event like this. True where it holds for some, and also where
// only conditions that exclude each other say so. For load time: it parses the sketch each time.
[[nodiscard]] bool can_hold(const Expression& trigger, const Sketch& sketch);

}  // namespace penstock::trigger
