#include "trigger/possibility.hpp"

#include <algorithm>
#include <cstdint>

#include "trigger/trigger.hpp"

namespace penstock::trigger {
namespace {

enum class Answer : std::uint8_t { no, maybe, yes };

class Asked {
 public:
  Asked(const Value& event, const Sketch& sketch) : event_(event), sketch_(sketch) {}

  [[nodiscard]] Answer answer(const Expression& expression) const {
    switch (expression.kind) {
      case Expression::Kind::all_of: {
        Answer all = Answer::yes;
        for (const Expression& child : expression.children) all = std::min(all, answer(child));
        return all;
      }
      case Expression::Kind::any_of: {
        Answer any = Answer::no;
        for (const Expression& child : expression.children) any = std::max(any, answer(child));
        return any;
      }
      case Expression::Kind::negation: {
        const Answer inner = answer(expression.children.front());
        if (inner == Answer::maybe) return inner;
        return inner == Answer::yes ? Answer::no : Answer::yes;
      }
      default:
        if (!is_known(expression.operand.steps)) return Answer::maybe;
        return holds(expression) ? Answer::yes : Answer::no;
    }
  }

 private:
  [[nodiscard]] bool is_known(const std::vector<std::string>& steps) const {
    return std::any_of(sketch_.known.begin(), sketch_.known.end(), [&](const auto& path) {
      return path.size() <= steps.size() && std::equal(path.begin(), path.end(), steps.begin());
    });
  }

  // As events are asked, so that there is one meaning of a condition.
  [[nodiscard]] bool holds(const Expression& condition) const {
    PathTable paths;
    TriggerSet set;
    const std::uint32_t id = set.add(condition, paths);
    set.freeze();
    Slots slots;
    paths.extract(event_, slots);
    EventView view;
    view.root = event_;
    view.slots = &slots;
    Matches scratch;
    return set.holds(id, view, scratch);
  }

  const Value& event_;
  const Sketch& sketch_;
};

}  // namespace

bool can_hold(const Expression& trigger, const Sketch& sketch) {
  std::string line = sketch.json;
  line.reserve(line.size() + kEventPadding);
  EventParser parser;
  const Result<Value> event = parser.parse(line);
  // Of an event that cannot be, nothing is known.
  return !event.ok() || Asked(*event, sketch).answer(trigger) != Answer::no;
}

}  // namespace penstock::trigger
