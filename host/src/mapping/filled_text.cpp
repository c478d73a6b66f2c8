// Paths and templates that are known only when the event is there.
#include <string_view>
#include <utility>
#include <variant>

#include "mapping/directives.hpp"
#include "mapping/template_text.hpp"

namespace penstock::mapping {
namespace {

Value at_path(const Value& root, std::string_view path) {
  if (path.size() > kMaxPathBytes) return {};
  const std::variant<PathSteps, PathError> parsed = parse_path(path);
  const PathSteps* const steps = std::get_if<PathSteps>(&parsed);
  if (steps == nullptr) return {};
  Value value = root;
  for (const std::string& step : *steps) value = value.step(step);
  return value;
}

class FilledPathExpression final : public Expression {
 public:
  FilledPathExpression(ExpressionPtr text, ExpressionPtr root)
      : text_(std::move(text)), root_(std::move(root)) {}

  [[nodiscard]] Value evaluate(const EventView& event, Workspace& work) const override {
    const Value text = text_->evaluate(event, work);
    if (!text.is(Value::Kind::string)) return {};
    return at_path(root_->evaluate(event, work), text.string());
  }

 private:
  ExpressionPtr text_;
  ExpressionPtr root_;
};

class FilledTemplateExpression final : public Expression {
 public:
  FilledTemplateExpression(ExpressionPtr text, ExpressionPtr root)
      : text_(std::move(text)), root_(std::move(root)) {}

  [[nodiscard]] Value evaluate(const EventView& event, Workspace& work) const override {
    const Value text = text_->evaluate(event, work);
    if (!text.is(Value::Kind::string)) return {};
    if (text.string().size() > kMaxTemplateBytes) {
      static_cast<void>(
          work.fits(kMaxMadeBytes + 1));  // never: the record says that it is too much
      return {};
    }
    const Value root = root_->evaluate(event, work);
    std::string& out = Workspace::scratch();
    for (const TemplatePart& part : split_template(text.string())) {
      if (!part.is_path) {
        out += part.text;
        continue;
      }
      const Value value = at_path(root, part.text);
      if (!work.text_fits(value) || !work.fits(out.size())) return {};
      append_javascript_text(out, value);
    }
    return work.text(out);
  }

 private:
  ExpressionPtr text_;
  ExpressionPtr root_;
};

}  // namespace

ExpressionPtr make_path(ExpressionPtr text, ExpressionPtr root) {
  return std::make_unique<FilledPathExpression>(std::move(text), std::move(root));
}

ExpressionPtr make_filled_template(ExpressionPtr text, ExpressionPtr root) {
  return std::make_unique<FilledTemplateExpression>(std::move(text), std::move(root));
}

}  // namespace penstock::mapping
