#include "segment_trigger_model.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <deque>
#include <optional>
#include <stdexcept>
#include <utility>
#include <variant>
#include <vector>

namespace penstock::trigger {

// A value as a trigger holds it: NaN is a number, too.
using Wanted = std::variant<std::string, double, bool>;

struct SegmentTrigger::Node {
  bool is_broken = false;  // evaluating it fails, and with it the whole trigger
  bool is_group = false;
  bool all = true;  // of a group: every child, or any
  std::vector<std::unique_ptr<Node>> children;
  std::string field;               // of a condition: one of the seven that the engine knows
  std::vector<std::string> steps;  // below properties, traits or context
  std::string test;
  Wanted wanted;
};

namespace {

using Node = SegmentTrigger::Node;

struct Unreadable : std::runtime_error {
  Unreadable() : std::runtime_error("unreadable") {}
};

enum class Kind { word, sign, connective, text, number, null, dot, open, close, other, end };

struct Token {
  Kind kind = Kind::end;
  std::string text;
};

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool in(char c, std::string_view set) {
  return set.find(c) != std::string_view::npos;
}

bool continues_word(char c) {
  return is_letter(c) || is_digit(c) || in(c, "_-\\");
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  std::deque<Token> tokens() {
    std::deque<Token> out;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (in(c, " \t\n")) continue;
      if (c == '!' && at_ < text_.size() && (is_letter(text_[at_]) || text_[at_] == '(')) {
        out.push_back({Kind::sign, "!"});
      } else if (is_letter(c) || in(c, "!=<>\\_")) {
        out.push_back(word_or_sign(c));
      } else if (is_digit(c) || c == '-' || c == '+') {
        out.push_back(number(c));
      } else if (c == '"' || c == '\'') {
        out.push_back(string(c));
      } else if (c == '.') {
        out.push_back({Kind::dot, "."});
      } else if (c == '(') {
        out.push_back({Kind::open, "("});
      } else if (c == ')') {
        out.push_back({Kind::close, ")"});
      } else if (in(c, "[],")) {
        out.push_back({Kind::other, std::string(1, c)});
      } else {
        throw Unreadable();
      }
    }
    out.push_back({Kind::end, "eos"});
    return out;
  }

 private:
  [[nodiscard]] bool ends_here() const { return at_ >= text_.size() || in(text_[at_], " \t\n,])"); }

  // Whether the rest of a word stands here, and ends here, too. Stays where the text ends in it.
  bool accept(std::string_view rest) {
    const std::size_t begin = at_;
    std::string found;
    for (std::size_t i = 0; i < rest.size(); ++i) {
      if (at_ >= text_.size()) return false;
      found += text_[at_];
      if (in(text_[at_++], " \t\n,])")) break;
    }
    if (found == rest && ends_here()) return true;
    at_ = begin;
    return false;
  }

  Token word_or_sign(char first) {
    if (first == '=') return {Kind::sign, "="};
    if (first == '!') {
      if (accept("=")) return {Kind::sign, "!="};
      throw Unreadable();
    }
    if (first == '<' || first == '>') {
      const bool or_equal = accept("=");
      return {Kind::sign, std::string(1, first) + (or_equal ? "=" : "")};
    }
    if (first == 'a' && accept("nd")) return {Kind::connective, "and"};
    if (first == 'o' && accept("r")) return {Kind::connective, "or"};
    if (first == 'n' && accept("ull")) return {Kind::null, "null"};
    --at_;
    return word();
  }

  Token word() {
    std::string out;
    do {
      char c = text_[at_++];
      if (c == '\\') {
        if (at_ >= text_.size()) throw Unreadable();
        c = text_[at_++];
      }
      out += c;
      const auto byte = static_cast<unsigned char>(c);
      if (byte >= 0xF0) throw Unreadable();  // the second half of a pair belongs to no word
      while (byte >= 0x80 && at_ < text_.size() &&
             (static_cast<unsigned char>(text_[at_]) & 0xC0U) == 0x80) {
        out += text_[at_++];
      }
    } while (at_ < text_.size() && continues_word(text_[at_]));
    if (!ends_here() && !in(text_[at_], ".(=!")) throw Unreadable();
    return {Kind::word, out};
  }

  Token number(char first) {
    std::string out(1, first);
    bool has_point = false;
    while (at_ < text_.size() && (is_digit(text_[at_]) || text_[at_] == '.')) {
      const bool is_point = text_[at_] == '.';
      out += text_[at_++];
      if (is_point && (has_point || ends_here())) throw Unreadable();
      has_point = has_point || is_point;
    }
    return {Kind::number, out};
  }

  // A closing quote that more text follows stays and opens the next string.
  Token string(char quote) {
    std::string out(1, quote);
    while (at_ < text_.size() && text_[at_] != quote) out += text_[at_++];
    if (at_ >= text_.size()) throw Unreadable();
    ++at_;
    if (!ends_here()) --at_;
    return {Kind::text, out + quote};
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

// A word, a dot and a word are one word.
std::deque<Token> joined(std::deque<Token> tokens) {
  std::deque<Token> out;
  while (!tokens.empty()) {
    if (!out.empty() && out.back().kind == Kind::word && tokens.size() > 1 &&
        tokens[0].kind == Kind::dot && tokens[1].kind == Kind::word) {
      out.back().text += "." + tokens[1].text;
      tokens.pop_front();
    } else {
      out.push_back(tokens.front());
    }
    tokens.pop_front();
  }
  return out;
}

// What JavaScript makes a number of.
double number_in(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return 0;
  text = text.substr(first, text.find_last_not_of(" \t\r\n") + 1 - first);
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  const std::string_view digits = text.front() == '-' ? text.substr(1) : text;
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_decimal = !digits.empty() && (is_digit(digits[0]) || digits[0] == '.');
  if (!is_decimal || error != std::errc() || end != text.data() + text.size()) return NAN;
  return number;
}

double number_of(const Wanted& wanted) {
  if (const auto* text = std::get_if<std::string>(&wanted)) return number_in(*text);
  if (const auto* number = std::get_if<double>(&wanted)) return *number;
  return std::get<bool>(wanted) ? 1 : 0;
}

std::string text_of(const Wanted& wanted) {
  if (const auto* text = std::get_if<std::string>(&wanted)) return *text;
  if (const auto* boolean = std::get_if<bool>(&wanted)) return *boolean ? "true" : "false";
  std::string out;
  append_javascript_number(out, std::get<double>(wanted));
  return out;
}

Wanted wanted_of(const Token& token) {
  if (token.kind == Kind::number) return number_in(token.text);
  if (token.kind == Kind::word && (token.text == "true" || token.text == "false")) {
    return token.text == "true";
  }
  std::string text = token.text;
  if (token.kind == Kind::text) {
    if (text.front() == '"') text.erase(0, 1);
    if (!text.empty() && text.back() == '"') text.pop_back();
  }
  return text;
}

bool is_map_field(std::string_view field) {
  return field == "properties" || field == "traits" || field == "context";
}

// Steps of what stands behind the field; of a field alone, the field itself.
std::vector<std::string> steps_of(std::string_view path, std::string_view field) {
  if (path.size() > field.size() && path[field.size()] == '.') path.remove_prefix(field.size() + 1);
  std::vector<std::string> steps;
  std::string step;
  for (const char c : path) {
    if (!in(c, ".[]")) {
      step += c;
    } else if (!step.empty()) {
      steps.push_back(std::exchange(step, {}));
    }
  }
  if (!step.empty()) steps.push_back(step);
  return steps;
}

class Reader {
 public:
  explicit Reader(std::deque<Token> tokens) : tokens_(std::move(tokens)) {}

  std::unique_ptr<Node> read() {
    auto group = std::make_unique<Node>();
    group->is_group = true;
    std::optional<Token> token = take();
    for (; token && token->kind != Kind::end; token = take()) {
      if (token->kind == Kind::word) {
        if (auto node = condition(*token)) group->children.push_back(std::move(node));
        if (is_call(*token)) add_call(token->text, false, *group);
      } else if (token->kind == Kind::sign && token->text == "!") {
        if (tokens_.empty()) throw Unreadable();
        if (is_call(tokens_.front())) add_call(take()->text, true, *group);
      } else if (token->kind == Kind::open) {
        group->children.push_back(inner_group());
      } else if (token->kind == Kind::connective) {
        group->all = token->text == "and";
      }
    }
    if (group->children.size() > 1) return group;
    return group->children.empty() ? nullptr : std::move(group->children.front());
  }

 private:
  static bool is_call(const Token& token) {
    return token.kind == Kind::word && (token.text == "contains" || token.text == "match");
  }

  std::optional<Token> take() {
    if (tokens_.empty()) return std::nullopt;
    Token token = tokens_.front();
    tokens_.pop_front();
    return token;
  }

  Token need() {
    std::optional<Token> token = take();
    if (!token) throw Unreadable();
    return *token;
  }

  // Up to the first closing parenthesis, whatever that closes.
  std::unique_ptr<Node> inner_group() {
    std::deque<Token> inner;
    for (Token token = need(); token.kind != Kind::close; token = need()) inner.push_back(token);
    inner.push_back({Kind::end, "eos"});
    std::unique_ptr<Node> node = Reader(std::move(inner)).read();
    if (node == nullptr) {
      node = std::make_unique<Node>();
      node->is_broken = true;
    }
    return node;
  }

  std::unique_ptr<Node> condition(const Token& path) {
    const std::string field = path.text.substr(0, path.text.find('.'));
    const bool is_value =
        field == "type" || field == "event" || field == "name" || field == "userId";
    if (!is_value && !is_map_field(field)) return nullptr;
    const Token sign = need();
    const Token value = need();
    auto node = std::make_unique<Node>();
    node->field = field;
    if (is_map_field(field)) node->steps = steps_of(path.text, field);
    node->is_broken = is_map_field(field) && node->steps.empty();
    node->test = sign.text;
    node->wanted = wanted_of(value);
    const bool equal = sign.text == "=";
    const bool unequal = sign.text == "!=";
    if (field == "type" || field == "event") {
      node->wanted = text_of(node->wanted);
    } else if (value.text == "null" && (equal || unequal)) {
      node->test = equal ? "missing" : "present";
    } else if (field == "name") {
      node->wanted = text_of(node->wanted);
    } else if (equal && (value.text == "true" || value.text == "false")) {
      node->test = "boolean";
    } else if (field == "userId") {
      node->wanted = text_of(node->wanted);
    } else if (value.kind == Kind::number && (equal || unequal)) {
      node->test = equal ? "number" : "other number";
    }
    return node;
  }

  void add_call(const std::string& name, bool negated, Node& group) {
    take();
    const Token path = need();
    take();
    const Token value = need();
    take();
    auto node = std::make_unique<Node>();
    std::string wanted = text_of(wanted_of(value));
    if (name == "contains") {
      node->test = "contains";
    } else if (value.text.size() > 1 && value.text.substr(value.text.size() - 2) == "*\"") {
      node->test = "begins";
      wanted.pop_back();
    } else {
      node->test = "ends";
      if (!wanted.empty()) wanted.erase(0, 1);
    }
    node->wanted = wanted;
    if (negated) node->test = "not " + node->test;
    const std::string field = path.text.substr(0, path.text.find('.'));
    if (is_map_field(field)) {
      node->field = field;
      node->steps = steps_of(path.text, field);
      node->is_broken = node->steps.empty();
    } else if (path.text == "event" || path.text == "name" || path.text == "userId") {
      node->field = path.text;
    } else {
      return;
    }
    group.children.push_back(std::move(node));
  }

  std::deque<Token> tokens_;
};

bool is_falsy(const Value& value) {
  if (value.missing()) return true;
  if (value.is(Value::Kind::boolean)) return !value.boolean();
  if (value.is(Value::Kind::string)) return value.string().empty();
  return value.is_number() && value.as_double() == 0;
}

bool is_of_every_map(std::string_view key) {
  static const std::vector<std::string_view> kKeys = {
      "constructor",      "hasOwnProperty",   "isPrototypeOf",    "propertyIsEnumerable",
      "toLocaleString",   "toString",         "valueOf",          "__proto__",
      "__defineGetter__", "__defineSetter__", "__lookupGetter__", "__lookupSetter__"};
  return std::find(kKeys.begin(), kKeys.end(), key) != kKeys.end();
}

// The text's unit of that number; of characters beyond ASCII as far as the tests need it.
Value unit_of(std::string_view text, std::string_view step) {
  const std::size_t index = list_index(step);
  if (index >= text.size()) return {};
  return Value::of(text.substr(index, 1));
}

Value found(const Value& event, const Node& node) {
  Value value = event.member(node.field);
  for (const std::string& step : node.steps) {
    if (is_falsy(value)) return value;
    Value next;
    if (value.is(Value::Kind::string)) next = unit_of(value.string(), step);
    if (next.is(Value::Kind::absent)) next = value.step(step);
    // Something that is there, and equals nothing that can be written.
    if (next.is(Value::Kind::absent) && is_of_every_map(step)) next = Value::map(nullptr, 0);
    value = next;
  }
  return value;
}

bool condition_holds(const Node& node, const Value& value) {
  const std::string& test = node.test;
  if (test == "present" || test == "missing") return value.missing() == (test == "missing");
  if (test == "boolean") {
    return value.is(Value::Kind::boolean) && value.boolean() == std::get<bool>(node.wanted);
  }
  const bool is_text = value.is(Value::Kind::string);
  if (test == "=" || test == "!=") {
    return (is_text && value.string() == text_of(node.wanted)) == (test == "=");
  }
  const bool negated = test.substr(0, 4) == "not ";
  const std::string bare = negated ? test.substr(4) : test;
  if (bare == "contains" || bare == "begins" || bare == "ends") {
    if (!is_text) return false;
    const std::string_view text = value.string();
    const std::string& part = std::get<std::string>(node.wanted);
    const bool fits = text.size() >= part.size();
    if (bare == "contains") return (text.find(part) != std::string_view::npos) != negated;
    const std::size_t from = bare == "begins" || !fits ? 0 : text.size() - part.size();
    return (fits && text.substr(from, part.size()) == part) != negated;
  }
  if (!value.is_number()) return false;
  const double number = value.as_double();
  const double wanted = number_of(node.wanted);
  if (test == "number") return number == wanted;
  if (test == "other number") return number != wanted;
  if (test == "<") return number < wanted;
  if (test == "<=") return number <= wanted;
  if (test == ">") return number > wanted;
  if (test == ">=") return number >= wanted;
  return false;
}

bool node_holds(const Node& node, const Value& event) {
  if (node.is_broken) throw Unreadable();
  if (!node.is_group) return condition_holds(node, found(event, node));
  const auto holds = [&event](const std::unique_ptr<Node>& child) {
    return node_holds(*child, event);
  };
  return node.all ? std::all_of(node.children.begin(), node.children.end(), holds)
                  : std::any_of(node.children.begin(), node.children.end(), holds);
}

}  // namespace

SegmentTrigger::SegmentTrigger(std::string_view text) {
  try {
    root_ = Reader(joined(Lexer(text).tokens())).read();
  } catch (const Unreadable&) {
    root_ = nullptr;
  }
}

SegmentTrigger::~SegmentTrigger() = default;

bool SegmentTrigger::holds(const Value& event) const {
  try {
    return root_ != nullptr && node_holds(*root_, event);
  } catch (const Unreadable&) {
    return false;
  }
}

}  // namespace penstock::trigger
