// A mapping that does the same for every event, such as adding, and a trigger that lets events
// through which say the opposite.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/manifest.hpp"
#include "trigger/expression.hpp"

namespace penstock::mapping {

struct Contradiction {
  Location location;    // of the value that fixes the action
  std::string message;  // what is wrong
  std::string hint;     // what to write
  // The trigger names the event that says the opposite. Else it only does not keep it out.
  bool certain = false;
};

// `fields` are the mapping's, named as in the action. Nothing where the action is not fixed, where
// the mapping says itself what its events mean, or where the trigger keeps the opposite out. Looks
// at Track events by the name that the manifest gives, and at Identify calls of an audience where
// the trigger asks about audiences.
[[nodiscard]] std::optional<Contradiction> contradiction_of(const ActionSpec& action,
                                                            const std::vector<Node::Member>& fields,
                                                            const trigger::Expression& trigger);

}  // namespace penstock::mapping
