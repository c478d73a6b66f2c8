#include <string_view>
#include <utility>
#include <vector>

#include "mapping/directives.hpp"

namespace penstock::mapping {
namespace {

// Segment compares with "" the JavaScript way, which turns a list into text first: [] and [""] are
// blank too.
bool is_blank(const Value& value) {
  if (value.is(Value::Kind::string)) return value.string().empty();
  if (!value.is(Value::Kind::list)) return false;
  if (value.size() == 0) return true;
  const Value only = value.item(0);
  return value.size() == 1 && (only.missing() || is_blank(only));
}

bool holds(Condition condition, const Value& tested) {
  return !tested.missing() && (condition == Condition::exists || !is_blank(tested));
}

class IfExpression final : public Expression {
 public:
  IfExpression(Condition condition, ExpressionPtr tested, ExpressionPtr then,
               ExpressionPtr otherwise)
      : condition_(condition),
        tested_(std::move(tested)),
        then_(std::move(then)),
        otherwise_(std::move(otherwise)) {}

  [[nodiscard]] Value evaluate(const EventView& event, Workspace& work) const override {
    const bool is_there = holds(condition_, tested_->evaluate(event, work));
    return (is_there ? then_ : otherwise_)->evaluate(event, work);
  }

 private:
  Condition condition_;
  ExpressionPtr tested_;
  ExpressionPtr then_;
  ExpressionPtr otherwise_;
};

// "This path where it is there, else that one, else ...": what most defaults are, in one step.
class FirstOfExpression final : public Expression {
 public:
  FirstOfExpression(Condition condition, PathSlot slot, ExpressionPtr otherwise)
      : condition_(condition), slots_{slot}, rest_(std::move(otherwise)), last_(rest_.get()) {
    const auto* const others = dynamic_cast<const FirstOfExpression*>(last_);
    if (others == nullptr || others->condition_ != condition) return;
    slots_.insert(slots_.end(), others->slots_.begin(), others->slots_.end());
    last_ = others->last_;
  }

  [[nodiscard]] Value evaluate(const EventView& event, Workspace& work) const override {
    for (const PathSlot slot : slots_) {
      const Value& value = (*event.slots)[slot];
      if (holds(condition_, value)) return value;
    }
    return last_->evaluate(event, work);
  }

 private:
  Condition condition_;
  std::vector<PathSlot> slots_;
  ExpressionPtr rest_;
  const Expression* last_;  // in rest_: where none of the paths is there
};

bool equals(const Value& value, std::string_view text) {
  return value.is(Value::Kind::string) && value.string() == text;
}

class MembershipExpression final : public Expression {
 public:
  explicit MembershipExpression(MembershipPaths paths) : paths_(std::move(paths)) {}

  [[nodiscard]] Value evaluate(const EventView& event, Workspace& work) const override {
    const Value computation_class = paths_.computation_class->evaluate(event, work);
    // Where the sender leaves the class out, the key alone says what is meant: a person who left
    // must not be taken for one who entered.
    if (!computation_class.is(Value::Kind::absent) && !equals(computation_class, "audience") &&
        !equals(computation_class, "journey_step")) {
      return {};
    }
    const Value key = paths_.computation_key->evaluate(event, work);
    if (!key.is(Value::Kind::string)) return {};
    const Value type = paths_.type->evaluate(event, work);
    Value members;
    if (equals(type, "track")) members = paths_.properties->evaluate(event, work);
    if (equals(type, "identify")) members = paths_.traits->evaluate(event, work);
    const Value membership = members.member(key.string());
    if (membership.is(Value::Kind::boolean)) return membership;
    if (equals(membership, "true")) return Value::of(true);
    if (equals(membership, "false")) return Value::of(false);
    if (membership.is(Value::Kind::absent) || paths_.unclear == nullptr) return {};
    return paths_.unclear->evaluate(event, work);
  }

 private:
  MembershipPaths paths_;
};

}  // namespace

ExpressionPtr make_if(Condition condition, ExpressionPtr tested, ExpressionPtr then,
                      ExpressionPtr otherwise) {
  if (tested->slot() && tested->slot() == then->slot()) {
    return std::make_unique<FirstOfExpression>(condition, *tested->slot(), std::move(otherwise));
  }
  return std::make_unique<IfExpression>(condition, std::move(tested), std::move(then),
                                        std::move(otherwise));
}

ExpressionPtr make_membership(MembershipPaths paths) {
  return std::make_unique<MembershipExpression>(std::move(paths));
}

}  // namespace penstock::mapping
