#include "trigger/program.hpp"

#include <algorithm>
#include <compare>

#include "model/case_mapping.hpp"

namespace penstock::trigger {
namespace {

using Kind = Expression::Kind;
using Transform = Operand::Transform;

// Both are numbers. Integers compare exactly, which doubles above 2^53 do not.
std::partial_ordering compare(const Value& a, const Value& b) {
  if (a.is(Value::Kind::f64) || b.is(Value::Kind::f64)) return a.as_double() <=> b.as_double();
  const bool a_is_large = a.is(Value::Kind::u64);  // above every i64
  const bool b_is_large = b.is(Value::Kind::u64);
  if (a_is_large && b_is_large) return a.u64() <=> b.u64();
  if (a_is_large != b_is_large) {
    return a_is_large ? std::partial_ordering::greater : std::partial_ordering::less;
  }
  return a.i64() <=> b.i64();
}

bool equals(const Value& value, const Value& literal) {
  switch (literal.kind()) {
    case Value::Kind::null:
      return value.missing();
    case Value::Kind::string:
      return value.is(Value::Kind::string) && value.string() == literal.string();
    case Value::Kind::boolean:
      return value.is(Value::Kind::boolean) && value.boolean() == literal.boolean();
    default:
      return value.is_number() && compare(value, literal) == 0;
  }
}

Value length_of(const Value& value) {
  return value.is(Value::Kind::map) ? Value() : value.step("length");
}

}  // namespace

Program::Entry Program::add(const Expression& expression, PathTable& paths) {
  return compile(expression, kYes, kNo, paths);
}

// From the end to the beginning, so that where to go on is known when a test is made. The nesting
// of an expression, which the parser bounds, bounds the recursion.
Program::Entry Program::compile(const Expression& expression, Entry if_true, Entry if_false,
                                PathTable& paths) {
  const auto& children = expression.children;
  switch (expression.kind) {
    case Kind::negation:
      return compile(children.front(), if_false, if_true, paths);
    case Kind::all_of: {
      Entry next = if_true;
      for (auto child = children.rbegin(); child != children.rend(); ++child) {
        next = compile(*child, next, if_false, paths);
      }
      return next;
    }
    case Kind::any_of: {
      Entry next = if_false;
      for (auto child = children.rbegin(); child != children.rend(); ++child) {
        next = compile(*child, if_true, next, paths);
      }
      return next;
    }
    default:
      break;
  }
  Test test;
  test.slot = paths.intern(expression.operand.steps);
  test.kind = expression.kind;
  test.transform = expression.operand.transform;
  test.if_true = if_true;
  test.if_false = if_false;
  if (test.kind == Kind::match) {
    test.first = static_cast<std::uint32_t>(globs_.size());
    globs_.emplace_back(*expression.literals.front().text);
  } else if (test.kind == Kind::in) {
    keep_list(expression.literals, test);
  } else {
    test.first = keep_shared(expression.literals.front());
  }
  tests_.push_back(test);
  return static_cast<Entry>(tests_.size() - 1);
}

std::uint32_t Program::keep_shared(const Literal& literal) {
  const auto next = static_cast<std::uint32_t>(literals_.size());
  if (literal.text) {
    if (const auto known = shared_.find(*literal.text); known != shared_.end())
      return known->second;
  }
  literals_.push_back(stored(literal));
  if (literal.text) shared_.emplace(literals_.back().string(), next);
  return next;
}

void Program::keep_list(const std::vector<Literal>& literals, Test& test) {
  test.first = static_cast<std::uint32_t>(literals_.size());
  test.count = static_cast<std::uint32_t>(literals.size());
  for (const Literal& literal : literals) literals_.push_back(stored(literal));
  const auto begin = literals_.begin() + test.first;
  const auto strings_end = std::stable_partition(
      begin, literals_.end(), [](const Value& value) { return value.is(Value::Kind::string); });
  std::sort(begin, strings_end,
            [](const Value& a, const Value& b) { return a.string() < b.string(); });
  test.string_count = static_cast<std::uint32_t>(strings_end - begin);
}

Value Program::stored(const Literal& literal) {
  if (!literal.text) return literal.scalar;
  return Value::of(std::string_view(texts_.emplace_back(*literal.text)));
}

bool Program::run(Entry entry, const Slots& slots, std::string& scratch) const {
  while (entry < kNo) {
    const Test& test = tests_[entry];
    entry = holds(test, slots[test.slot], scratch) ? test.if_true : test.if_false;
  }
  return entry == kYes;
}

bool Program::holds(const Test& test, Value value, std::string& scratch) const {
  if (test.transform == Transform::length) {
    value = length_of(value);
  } else if (test.transform == Transform::lowercase && value.is(Value::Kind::string)) {
    scratch.clear();
    append_lower(scratch, value.string());
    value = Value::of(std::string_view(scratch));
  }
  if (test.kind == Kind::in) return is_in(test, value);
  if (test.kind == Kind::contains) return contains(test, value, scratch);
  if (test.kind == Kind::match) {
    return value.is(Value::Kind::string) && globs_[test.first].matches(value.string());
  }
  const Value& literal = literals_[test.first];
  if (test.kind == Kind::equal) return equals(value, literal);
  if (!value.is_number() || !literal.is_number()) return false;
  const std::partial_ordering order = compare(value, literal);
  switch (test.kind) {
    case Kind::less:
      return order < 0;
    case Kind::less_equal:
      return order <= 0;
    case Kind::greater:
      return order > 0;
    default:
      return order >= 0;
  }
}

bool Program::is_in(const Test& test, const Value& value) const {
  const Value* const first = literals_.data() + test.first;
  const Value* const strings_end = first + test.string_count;
  if (value.is(Value::Kind::string)) {
    const std::string_view text = value.string();
    const Value* const place =
        std::lower_bound(first, strings_end, text,
                         [](const Value& a, std::string_view b) { return a.string() < b; });
    return place != strings_end && place->string() == text;
  }
  return std::any_of(strings_end, first + test.count,
                     [&value](const Value& literal) { return equals(value, literal); });
}

bool Program::contains(const Test& test, const Value& value, std::string& scratch) const {
  const std::string_view wanted = literals_[test.first].string();
  if (value.is(Value::Kind::string)) return value.string().find(wanted) != std::string_view::npos;
  bool found = false;
  value.for_each_item([&](const Value& item) {
    if (found || !item.is(Value::Kind::string)) return;
    if (test.transform != Transform::lowercase) {
      found = item.string() == wanted;
      return;
    }
    scratch.clear();
    append_lower(scratch, item.string());
    found = scratch == wanted;
  });
  return found;
}

}  // namespace penstock::trigger
