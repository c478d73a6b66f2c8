// A model of how Segment's engine reads and evaluates a trigger, from watching
// @segment/destination-subscriptions 3.37.0 with @segment/fql-ts 1.10.1. It stands for that engine
// where its answers are compared with ours; benchmarks/segment/compare_triggers.mjs compares the
// model itself with the packages.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "model/value.hpp"

namespace penstock::trigger {

class SegmentTrigger {
 public:
  explicit SegmentTrigger(std::string_view text);
  ~SegmentTrigger();
  SegmentTrigger(const SegmentTrigger&) = delete;
  SegmentTrigger& operator=(const SegmentTrigger&) = delete;

  // False for every event where the engine cannot read the trigger. Methods that JavaScript's maps,
  // lists and texts have are modelled by their names only.
  [[nodiscard]] bool holds(const Value& event) const;

  struct Node;

 private:
  std::unique_ptr<Node> root_;  // null: the engine cannot read it
};

}  // namespace penstock::trigger
