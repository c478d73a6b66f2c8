#include <string_view>
#include <utility>

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

class IfExpression final : public Expression {
 public:
  IfExpression(Condition condition, ExpressionPtr tested, ExpressionPtr then,
               ExpressionPtr otherwise)
      : condition_(condition),
        tested_(std::move(tested)),
        then_(std::move(then)),
        otherwise_(std::move(otherwise)) {}

  [[nodiscard]] Value evaluate(const EventView& event, Workspace& work) const override {
    const Value tested = tested_->evaluate(event, work);
    const bool holds = !tested.missing() && (condition_ == Condition::exists || !is_blank(tested));
    return (holds ? then_ : otherwise_)->evaluate(event, work);
  }

 private:
  Condition condition_;
  ExpressionPtr tested_;
  ExpressionPtr then_;
  ExpressionPtr otherwise_;
};

bool equals(const Value& value, std::string_view text) {
  return value.is(Value::Kind::string) && value.string() == text;
}

class MembershipExpression final : public Expression {
 public:
  explicit MembershipExpression(MembershipPaths paths) : paths_(std::move(paths)) {}

  [[nodiscard]] Value evaluate(const EventView& event, Workspace& work) const override {
    const Value computation_class = paths_.computation_class->evaluate(event, work);
    if (!equals(computation_class, "audience") && !equals(computation_class, "journey_step")) {
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
  return std::make_unique<IfExpression>(condition, std::move(tested), std::move(then),
                                        std::move(otherwise));
}

ExpressionPtr make_membership(MembershipPaths paths) {
  return std::make_unique<MembershipExpression>(std::move(paths));
}

}  // namespace penstock::mapping
