// Expressions: a compiled mapping, evaluated once for each event that a trigger has chosen.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "mapping/path.hpp"
#include "mapping/workspace.hpp"
#include "model/event.hpp"

namespace penstock::mapping {

// Immutable once built, so any number of threads may evaluate it. Evaluation cannot fail: whatever
// the event holds, it gives a value, or absent.
class Expression {
 public:
  virtual ~Expression() = default;
  // The value lives in the event, in the workspace or in the expression.
  [[nodiscard]] virtual Value evaluate(const EventView& event, Workspace& work) const = 0;
  // The slot that this is the value of, when it is nothing but a path into the event.
  [[nodiscard]] virtual std::optional<PathSlot> slot() const { return std::nullopt; }
  // The value, when it is the same for every event; else null.
  [[nodiscard]] virtual const Value* constant() const { return nullptr; }
};

using ExpressionPtr = std::unique_ptr<const Expression>;

[[nodiscard]] inline bool is_constant(const ExpressionPtr& expression) {
  return expression->constant() != nullptr;
}

class ConstantExpression final : public Expression {
 public:
  // What the value refers to must live as long as this.
  explicit ConstantExpression(const Value& value) : value_(value) {}
  [[nodiscard]] Value evaluate(const EventView&, Workspace&) const override { return value_; }
  [[nodiscard]] const Value* constant() const override { return &value_; }

 private:
  Value value_;
};

// A path into the event, which PathTable::extract has already followed.
class SlotExpression final : public Expression {
 public:
  explicit SlotExpression(PathSlot slot) : slot_(slot) {}
  [[nodiscard]] Value evaluate(const EventView& event, Workspace&) const override {
    return (*event.slots)[slot_];
  }
  [[nodiscard]] std::optional<PathSlot> slot() const override { return slot_; }

 private:
  PathSlot slot_;
};

// A path into whatever stands for the event inside @arrayPath and @transform, followed step by
// step.
class WalkExpression final : public Expression {
 public:
  explicit WalkExpression(PathSteps steps) : steps_(std::move(steps)) {}
  [[nodiscard]] Value evaluate(const EventView& event, Workspace&) const override;

 private:
  PathSteps steps_;
};

// A map filled member by member; an absent member is left out.
class MapExpression final : public Expression {
 public:
  // Keys are unique and must live as long as whatever was evaluated.
  using Members = std::vector<std::pair<std::string_view, ExpressionPtr>>;
  explicit MapExpression(Members members) : members_(std::move(members)) {}
  [[nodiscard]] Value evaluate(const EventView& event, Workspace& work) const override;

 private:
  Members members_;
};

// A list filled item by item. An absent item becomes null, so that the others keep their places:
// JSON made by Segment's engine has null there too.
class ListExpression final : public Expression {
 public:
  explicit ListExpression(std::vector<ExpressionPtr> items) : items_(std::move(items)) {}
  [[nodiscard]] Value evaluate(const EventView& event, Workspace& work) const override;

 private:
  std::vector<ExpressionPtr> items_;
};

// The value itself, or null in place of absent.
[[nodiscard]] inline Value or_null(const Value& value) {
  return value.is(Value::Kind::absent) ? Value::null() : value;
}

}  // namespace penstock::mapping
