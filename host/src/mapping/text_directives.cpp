#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "mapping/directives.hpp"
#include "model/case_mapping.hpp"

namespace penstock::mapping {
namespace {

// Of a thread's JSON parser: text beyond this is parsed with memory that is given back at once.
constexpr std::size_t kRetainedJsonBytes = 64 * 1024;

class TemplateExpression final : public Expression {
 public:
  explicit TemplateExpression(std::vector<TemplatePiece> pieces) : pieces_(std::move(pieces)) {}

  // Paths evaluate nothing that could use the scratch text in between.
  [[nodiscard]] Value evaluate(const EventView& event, Workspace& work) const override {
    std::string& out = Workspace::scratch();
    for (const TemplatePiece& piece : pieces_) {
      if (!piece.path) {
        out += piece.text;
        continue;
      }
      const Value value = piece.path->evaluate(event, work);
      if (!work.text_fits(value) || !work.fits(out.size())) return {};
      append_javascript_text(out, value);
    }
    return work.text(out);
  }

 private:
  std::vector<TemplatePiece> pieces_;
};

class CaseExpression final : public Expression {
 public:
  CaseExpression(LetterCase letter_case, ExpressionPtr value)
      : letter_case_(letter_case), value_(std::move(value)) {}

  [[nodiscard]] Value evaluate(const EventView& event, Workspace& work) const override {
    const Value value = value_->evaluate(event, work);
    if (!value.is(Value::Kind::string) || is_in_case(value.string())) return value;
    std::string& out = Workspace::scratch();
    if (letter_case_ == LetterCase::upper) {
      append_upper(out, value.string());
    } else {
      append_lower(out, value.string());
    }
    return work.text(out);
  }

 private:
  // Plain ASCII that needs no change, which most values are, is not copied.
  [[nodiscard]] bool is_in_case(std::string_view text) const {
    const char first = letter_case_ == LetterCase::upper ? 'a' : 'A';
    const char last = letter_case_ == LetterCase::upper ? 'z' : 'Z';
    return std::none_of(text.begin(), text.end(), [=](char c) {
      return (c >= first && c <= last) || static_cast<unsigned char>(c) >= 0x80;
    });
  }

  LetterCase letter_case_;
  ExpressionPtr value_;
};

// A text to look for, with or without regard to case.
class Pattern {
 public:
  Pattern(const std::string& text, bool ignore_case) : text_(text) {
    if (!ignore_case) return;
    for (std::size_t at = 0; at < text.size();) {
      folded_.push_back(fold_case(next_code_point(text, at)));
    }
  }

  struct Match {
    std::size_t begin;
    std::size_t end;
  };
  [[nodiscard]] std::optional<Match> find(std::string_view text, std::size_t from) const {
    if (folded_.empty()) {
      const std::size_t found = text.find(text_, from);
      if (found == std::string_view::npos) return std::nullopt;
      return Match{found, found + text_.size()};
    }
    while (from < text.size()) {
      std::size_t end = from;
      if (matches(text, end)) return Match{from, end};
      next_code_point(text, from);
    }
    return std::nullopt;
  }

 private:
  [[nodiscard]] bool matches(std::string_view text, std::size_t& at) const {
    return std::all_of(folded_.begin(), folded_.end(), [&](std::uint32_t wanted) {
      return at < text.size() && fold_case(next_code_point(text, at)) == wanted;
    });
  }

  std::string text_;
  std::vector<std::uint32_t> folded_;  // empty unless case is ignored
};

class ReplaceExpression final : public Expression {
 public:
  ReplaceExpression(std::vector<Replacement> replacements, bool ignore_case, bool global,
                    ExpressionPtr value)
      : global_(global), value_(std::move(value)) {
    for (Replacement& replacement : replacements) {
      steps_.push_back(
          {Pattern(replacement.pattern, ignore_case), std::move(replacement.replacement)});
    }
  }

  [[nodiscard]] Value evaluate(const EventView& event, Workspace& work) const override {
    Value value = value_->evaluate(event, work);
    if (value.is(Value::Kind::absent)) return value;
    if (value.is_number() || value.is(Value::Kind::boolean)) {
      std::string& text = Workspace::scratch();
      append_javascript_text(text, value);
      value = work.text(text);
    }
    if (!value.is(Value::Kind::string)) return Value::of(std::string_view());
    for (const Step& step : steps_) {
      value = replace(step, value, work);
      if (!value.is(Value::Kind::string)) return {};
    }
    return value;
  }

 private:
  struct Step {
    Pattern pattern;
    std::string replacement;
  };

  [[nodiscard]] Value replace(const Step& step, const Value& value, Workspace& work) const {
    const std::string_view text = value.string();
    std::optional<Pattern::Match> match = step.pattern.find(text, 0);
    if (!match) return value;
    std::string& out = Workspace::scratch();
    std::size_t copied = 0;
    while (match) {
      out.append(text, copied, match->begin - copied);
      out += step.replacement;
      if (!work.fits(out.size())) return {};
      copied = match->end;
      match = global_ ? step.pattern.find(text, copied) : std::nullopt;
    }
    out.append(text, copied);
    return work.text(out);
  }

  std::vector<Step> steps_;
  bool global_;
  ExpressionPtr value_;
};

class JsonEncodeExpression final : public Expression {
 public:
  explicit JsonEncodeExpression(ExpressionPtr value) : value_(std::move(value)) {}

  [[nodiscard]] Value evaluate(const EventView& event, Workspace& work) const override {
    const Value value = value_->evaluate(event, work);
    if (value.is(Value::Kind::absent) || !work.text_fits(value)) return {};
    std::string& out = Workspace::scratch();
    append_json(out, value);
    return work.text(out);
  }

 private:
  ExpressionPtr value_;
};

// A copy that does not depend on the parser. Strings become absent when the limit is passed.
Value copy_parsed(const Value& value, Workspace& work) {
  if (value.is(Value::Kind::string)) return work.text(value.string());
  if (value.is(Value::Kind::list)) {
    Value* items = work.array<Value>(value.size());
    if (items == nullptr) return {};
    std::uint32_t count = 0;
    value.for_each_item([&](const Value& item) { items[count++] = copy_parsed(item, work); });
    return Value::list(items, count);
  }
  if (value.is(Value::Kind::map)) {
    Member* members = work.array<Member>(value.size());
    if (members == nullptr) return {};
    std::uint32_t count = 0;
    value.for_each_member([&](std::string_view key, const Value& member) {
      const Value copied_key = work.text(key);
      if (copied_key.is(Value::Kind::string)) {
        members[count++] = {copied_key.string(), copy_parsed(member, work)};
      }
    });
    return Value::map(members, count);
  }
  return value;
}

class JsonDecodeExpression final : public Expression {
 public:
  explicit JsonDecodeExpression(ExpressionPtr value) : value_(std::move(value)) {}

  [[nodiscard]] Value evaluate(const EventView& event, Workspace& work) const override {
    const Value value = value_->evaluate(event, work);
    if (!value.is(Value::Kind::string)) return value;
    if (value.string().size() > kRetainedJsonBytes) {
      simdjson::dom::parser parser;
      return decode(parser, value, work);
    }
    thread_local simdjson::dom::parser parser;
    return decode(parser, value, work);
  }

 private:
  static Value decode(simdjson::dom::parser& parser, const Value& value, Workspace& work) {
    const std::string_view text = value.string();
    if (text.size() > parser.capacity() || parser.max_depth() != EventParser::kMaxDepth) {
      const std::size_t capacity = std::max(text.size(), parser.capacity());
      if (parser.allocate(capacity, EventParser::kMaxDepth) != simdjson::SUCCESS) return value;
    }
    simdjson::dom::element parsed;
    if (parser.parse(text.data(), text.size()).get(parsed) != simdjson::SUCCESS) return value;
    return copy_parsed(Value::of(parsed), work);
  }

  ExpressionPtr value_;
};

}  // namespace

ExpressionPtr make_template(std::vector<TemplatePiece> pieces) {
  return std::make_unique<TemplateExpression>(std::move(pieces));
}

ExpressionPtr make_case(LetterCase letter_case, ExpressionPtr value) {
  return std::make_unique<CaseExpression>(letter_case, std::move(value));
}

ExpressionPtr make_replace(std::vector<Replacement> replacements, bool ignore_case, bool global,
                           ExpressionPtr value) {
  return std::make_unique<ReplaceExpression>(std::move(replacements), ignore_case, global,
                                             std::move(value));
}

ExpressionPtr make_json_encode(ExpressionPtr value) {
  return std::make_unique<JsonEncodeExpression>(std::move(value));
}

ExpressionPtr make_json_decode(ExpressionPtr value) {
  return std::make_unique<JsonDecodeExpression>(std::move(value));
}

}  // namespace penstock::mapping
