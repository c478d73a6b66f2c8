#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>

#include "mapping/directives.hpp"

namespace penstock::mapping {
namespace {

class ArrayPathExpression final : public Expression {
 public:
  ArrayPathExpression(ExpressionPtr list, ExpressionPtr shape)
      : list_(std::move(list)), shape_(std::move(shape)) {}

  [[nodiscard]] Value evaluate(const EventView& event, Workspace& work) const override {
    const Value source = list_->evaluate(event, work);
    if (!shape_) return source;
    if (source.is(Value::Kind::map)) {
      Value* item = work.array<Value>(1);
      if (item == nullptr) return {};
      *item = reshape(source, work);
      return Value::list(item, 1);
    }
    if (!source.is(Value::Kind::list)) return source;
    Value* items = work.array<Value>(source.size());
    if (items == nullptr) return {};
    std::uint32_t count = 0;
    source.for_each_item([&](const Value& item) {
      if (!work.exceeded()) items[count++] = reshape(item, work);
    });
    return Value::list(items, count);
  }

 private:
  [[nodiscard]] Value reshape(const Value& item, Workspace& work) const {
    return or_null(shape_->evaluate(EventView{item, nullptr}, work));
  }

  ExpressionPtr list_;
  ExpressionPtr shape_;  // null: items stay as they are
};

class FlattenExpression final : public Expression {
 public:
  FlattenExpression(ExpressionPtr value, std::string separator, bool omit_arrays)
      : value_(std::move(value)), separator_(std::move(separator)), omit_arrays_(omit_arrays) {}

  [[nodiscard]] Value evaluate(const EventView& event, Workspace& work) const override {
    const Value value = value_->evaluate(event, work);
    if (!opens(value)) return value;
    MapBuilder flat;
    add_members(value, {}, flat, work);
    return flat.build(work);
  }

 private:
  [[nodiscard]] bool opens(const Value& value) const {
    return value.is(Value::Kind::map) || (value.is(Value::Kind::list) && !omit_arrays_);
  }

  void add_members(const Value& value, std::string_view prefix, MapBuilder& flat,
                   Workspace& work) const {
    if (value.is(Value::Kind::map)) {
      value.for_each_member(
          [&](std::string_view key, const Value& member) { add(member, prefix, key, flat, work); });
      return;
    }
    std::size_t index = 0;
    value.for_each_item(
        [&](const Value& item) { add(item, prefix, std::to_string(index++), flat, work); });
  }

  void add(const Value& value, std::string_view prefix, std::string_view key, MapBuilder& flat,
           Workspace& work) const {
    if (work.exceeded()) return;
    std::string& joined = Workspace::scratch();
    if (!prefix.empty()) joined.append(prefix).append(separator_);
    joined.append(key);
    const Value path = work.text(joined);
    if (!path.is(Value::Kind::string)) return;
    if (opens(value)) {
      add_members(value, path.string(), flat, work);
    } else {
      flat.put(path.string(), value);
    }
  }

  ExpressionPtr value_;
  std::string separator_;
  bool omit_arrays_;
};

class MergeExpression final : public Expression {
 public:
  MergeExpression(std::vector<ExpressionPtr> objects, Winner winner)
      : objects_(std::move(objects)), winner_(winner) {}

  [[nodiscard]] Value evaluate(const EventView& event, Workspace& work) const override {
    MapBuilder merged;
    // Members of a map are never absent: maps leave absent ones out.
    const auto add = [&](const ExpressionPtr& object) {
      object->evaluate(event, work).for_each_member([&](std::string_view key, const Value& value) {
        merged.put(key, value);
      });
    };
    if (winner_ == Winner::last) {
      std::for_each(objects_.begin(), objects_.end(), add);
    } else {
      std::for_each(objects_.rbegin(), objects_.rend(), add);
    }
    return merged.build(work);
  }

 private:
  std::vector<ExpressionPtr> objects_;
  Winner winner_;
};

class TransformExpression final : public Expression {
 public:
  TransformExpression(ExpressionPtr apply, ExpressionPtr mapping)
      : apply_(std::move(apply)), mapping_(std::move(mapping)) {}

  [[nodiscard]] Value evaluate(const EventView& event, Workspace& work) const override {
    return mapping_->evaluate(EventView{apply_->evaluate(event, work), nullptr}, work);
  }

 private:
  ExpressionPtr apply_;
  ExpressionPtr mapping_;
};

Value without_nulls(const Value& value, Workspace& work) {
  if (!value.is(Value::Kind::map)) return value;
  Member* members = work.array<Member>(value.size());
  if (members == nullptr) return {};
  std::uint32_t count = 0;
  value.for_each_member([&](std::string_view key, const Value& member) {
    if (!member.is(Value::Kind::null)) members[count++] = {key, without_nulls(member, work)};
  });
  return Value::map(members, count);
}

class ExcludeWhenNullExpression final : public Expression {
 public:
  explicit ExcludeWhenNullExpression(ExpressionPtr value) : value_(std::move(value)) {}

  [[nodiscard]] Value evaluate(const EventView& event, Workspace& work) const override {
    const Value value = value_->evaluate(event, work);
    return value.missing() ? Value() : without_nulls(value, work);
  }

 private:
  ExpressionPtr value_;
};

}  // namespace

ExpressionPtr make_array_path(ExpressionPtr list, ExpressionPtr shape) {
  return std::make_unique<ArrayPathExpression>(std::move(list), std::move(shape));
}

ExpressionPtr make_flatten(ExpressionPtr value, std::string separator, bool omit_arrays) {
  return std::make_unique<FlattenExpression>(std::move(value), std::move(separator), omit_arrays);
}

ExpressionPtr make_merge(std::vector<ExpressionPtr> objects, Winner winner) {
  return std::make_unique<MergeExpression>(std::move(objects), winner);
}

ExpressionPtr make_transform(ExpressionPtr apply, ExpressionPtr mapping) {
  return std::make_unique<TransformExpression>(std::move(apply), std::move(mapping));
}

ExpressionPtr make_exclude_when_null(ExpressionPtr value) {
  return std::make_unique<ExcludeWhenNullExpression>(std::move(value));
}

}  // namespace penstock::mapping
