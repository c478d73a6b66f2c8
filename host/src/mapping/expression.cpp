#include "mapping/expression.hpp"

namespace penstock::mapping {

Value WalkExpression::evaluate(const EventView& event, Workspace&) const {
  Value value = event.root;
  for (const std::string& step : steps_) value = value.step(step);
  return value;
}

Value MapExpression::evaluate(const EventView& event, Workspace& work) const {
  Member* members = work.array<Member>(members_.size());
  if (members == nullptr) return {};
  std::uint32_t count = 0;
  for (const auto& [key, expression] : members_) {
    const Value value = expression->evaluate(event, work);
    if (!value.is(Value::Kind::absent)) members[count++] = {key, value};
  }
  return Value::map(members, count);
}

Value ListExpression::evaluate(const EventView& event, Workspace& work) const {
  Value* items = work.array<Value>(items_.size());
  if (items == nullptr) return {};
  for (std::size_t i = 0; i < items_.size(); ++i)
    items[i] = or_null(items_[i]->evaluate(event, work));
  return Value::list(items, static_cast<std::uint32_t>(items_.size()));
}

}  // namespace penstock::mapping
