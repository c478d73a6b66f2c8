#include "mapping/compiler.hpp"

#include <algorithm>
#include <utility>

namespace penstock::mapping {
namespace {

constexpr std::string_view kPathPrefix = "$.";

bool is_directive_key(std::string_view key) {
  return !key.empty() && key.front() == '@';
}

bool is_path_text(const Node& node) {
  return node.is(Node::Kind::string) && std::string_view(node.text).substr(0, 2) == kPathPrefix;
}

bool all_constant(const std::vector<ExpressionPtr>& expressions) {
  return std::all_of(expressions.begin(), expressions.end(), is_constant);
}

// Counts one more of something while it lives.
class Entered {
 public:
  explicit Entered(std::size_t& count) : count_(count) { ++count_; }
  Entered(const Entered&) = delete;
  Entered& operator=(const Entered&) = delete;
  ~Entered() { --count_; }

 private:
  std::size_t& count_;
};

}  // namespace

bool is_literal(const Node& node) {
  if (node.is_scalar()) return !is_path_text(node);
  if (node.is(Node::Kind::list)) {
    return std::all_of(node.items.begin(), node.items.end(), is_literal);
  }
  if (value_of_literal(node) != nullptr) return true;
  return std::all_of(node.members.begin(), node.members.end(), [](const Node::Member& member) {
    return !is_directive_key(member.key) && is_literal(member.value);
  });
}

const std::vector<Compiler::Directive>& Compiler::directives() {
  static const std::vector<Directive> kDirectives = {
      {"@path", &Compiler::path},
      {"@literal", &Compiler::literal},
      {"@template", &Compiler::template_text},
      {"@if", &Compiler::if_directive},
      {"@case", &Compiler::case_directive},
      {"@replace", &Compiler::replace},
      {"@arrayPath", &Compiler::array_path},
      {"@json", &Compiler::json},
      {"@flatten", &Compiler::flatten},
      {"@merge", &Compiler::merge},
      {"@transform", &Compiler::transform},
      {"@excludeWhenNull", &Compiler::exclude_when_null},
      {"@membership", &Compiler::membership},
      {"@liquid", &Compiler::liquid},
  };
  return kDirectives;
}

ExpressionPtr Compiler::compile(const Node& node) {
  if (depth_ == kMaxNesting) {
    report_nesting(node.location);
    return constant({});
  }
  const Entered level(depth_);
  if (is_path_text(node)) return compile_path(node, node.text, 0);
  if (node.is(Node::Kind::map)) return compile_map(node);
  if (node.is(Node::Kind::list)) return compile_list(node);
  return constant(constant_value(node, depth_));
}

ExpressionPtr Compiler::compile_map(const Node& node) {
  const Node::Member* directive = nullptr;
  const Node::Member* plain = nullptr;
  std::size_t directive_count = 0;
  for (const Node::Member& member : node.members) {
    if (is_directive_key(member.key)) {
      ++directive_count;
      if (directive == nullptr) directive = &member;
      if (directive_count == 2) {
        diagnostics_.error(member.location, "found \"" + member.key + "\" beside \"" +
                                                directive->key +
                                                "\"; a map holds one directive and nothing else");
      }
    } else if (member.key != kEditorNotes && plain == nullptr) {
      plain = &member;
    }
  }
  if (directive != nullptr && plain != nullptr) {
    diagnostics_.error(plain->location, "found \"" + plain->key + "\" beside the directive \"" +
                                            directive->key +
                                            "\"; a map holds one directive and nothing else");
  }
  if (directive != nullptr) return compile_directive(*directive);

  MapExpression::Members members;
  bool constants_only = true;
  for (const Node::Member& member : node.members) {
    members.emplace_back(constants_.copy(member.key), compile(member.value));
    constants_only = constants_only && is_constant(members.back().second);
  }
  return folded(constants_only, std::make_unique<MapExpression>(std::move(members)));
}

ExpressionPtr Compiler::compile_list(const Node& node) {
  std::vector<ExpressionPtr> items;
  for (const Node& item : node.items) items.push_back(compile(item));
  const bool constants_only = all_constant(items);
  return folded(constants_only, std::make_unique<ListExpression>(std::move(items)));
}

ExpressionPtr Compiler::compile_directive(const Node::Member& member) {
  std::vector<std::string> names;
  for (const Directive& directive : directives()) {
    if (directive.name == member.key) return (this->*directive.compile)(member);
    if (directive.compile != &Compiler::liquid) names.emplace_back(directive.name);
  }
  diagnostics_.error(member.location, "there is no directive \"" + member.key + "\"",
                     suggestion(member.key, names));
  return constant({});
}

ExpressionPtr Compiler::compile_path(const Node& written, std::string_view path,
                                     std::size_t offset) {
  std::variant<PathSteps, PathError> parsed = parse_path(path);
  if (const PathError* error = std::get_if<PathError>(&parsed)) {
    Location place = written.location;
    Location text = place;
    text.column += written.quoted ? 1 : 0;
    if (place.line != 0 && diagnostics_.stands_at(text, written.text)) {
      place = text;
      place.column += static_cast<std::uint32_t>(offset + error->offset);
    }
    const std::string shown = written.interpolated ? "" : " \"" + std::string(path) + "\"";
    diagnostics_.error(place, "the path" + shown + " cannot be read: " + error->message);
    return constant({});
  }
  return path_of_steps(std::get<PathSteps>(std::move(parsed)));
}

ExpressionPtr Compiler::path_of_steps(PathSteps steps) {
  if (scopes_ > 0) return std::make_unique<WalkExpression>(std::move(steps));
  const PathSlot slot = paths_.intern(steps);
  if (recorded_ != nullptr) recorded_->push_back(slot);
  return std::make_unique<SlotExpression>(slot);
}

ExpressionPtr Compiler::compile_argument(const Node* node) {
  return node == nullptr ? constant({}) : compile(*node);
}

ExpressionPtr Compiler::compile_in_scope(const Node* node) {
  const Entered scope(scopes_);
  return compile_argument(node);
}

Value Compiler::constant_value(const Node& node, std::size_t depth) {
  if (depth > kMaxNesting) {
    report_nesting(node.location);
    return {};
  }
  switch (node.kind) {
    case Node::Kind::null:
      return Value::null();
    case Node::Kind::boolean:
      return Value::of(node.boolean);
    case Node::Kind::integer:
      return Value::of(node.integer);
    case Node::Kind::number:
      return Value::of(node.number);
    case Node::Kind::string:
      return Value::of(constants_.copy(node.text));
    case Node::Kind::list: {
      Value* items = constants_.allocate_array<Value>(node.items.size());
      std::uint32_t count = 0;
      for (const Node& item : node.items) {
        new (&items[count++]) Value(constant_value(item, depth + 1));
      }
      return Value::list(items, count);
    }
    case Node::Kind::map: {
      Member* members = constants_.allocate_array<Member>(node.members.size());
      std::uint32_t count = 0;
      for (const Node::Member& member : node.members) {
        new (&members[count++])
            Member{constants_.copy(member.key), constant_value(member.value, depth + 1)};
      }
      return Value::map(members, count);
    }
  }
  return {};
}

ExpressionPtr Compiler::constant(const Value& value) {
  return std::make_unique<ConstantExpression>(value);
}

ExpressionPtr Compiler::folded(bool operands_constant, ExpressionPtr expression) {
  if (!operands_constant) return expression;
  Workspace work(constants_);
  const Value value = expression->evaluate(EventView{}, work);
  // Left as it is where it is too large, so that the records say so.
  return work.exceeded() ? std::move(expression) : constant(value);
}

void Compiler::report_nesting(const Location& location) {
  diagnostics_.error(location, "this mapping is nested deeper than " + std::to_string(kMaxNesting) +
                                   " levels; make it flatter");
}

}  // namespace penstock::mapping
