// Random triggers and events for comparing Segment's engine with ours: few names and values, so
// that they often meet, in every form in which people write them.
#pragma once

#include <random>
#include <string>
#include <vector>

namespace penstock::trigger {

class SegmentSamples {
 public:
  explicit SegmentSamples(std::uint32_t seed) : random_(seed) {}

  // Up to `depth` groups in each other.
  std::string trigger(int depth) {
    std::string text = condition(depth);
    const std::string word = one_in(2) ? "and" : "or";
    for (int more = one_in(2) ? 0 : below(3); more > 0; --more) {
      const std::string joint = !one_in(6) ? word : word == "and" ? "or" : "and";
      const std::string next = condition(depth);
      // A word needs something that ends it.
      const bool ended = std::string("\")]'").find(text.back()) != std::string::npos;
      const bool begun = next[0] == '(' || next[0] == '!';
      text += ended ? usual(" ", {"", "\n", "  ", "\r"}) : " ";
      text += joint + (begun ? usual(" ", {"", "\t"}) : " ") + next;
    }
    return text;
  }

  std::string event() {
    std::string text = "{\"v\":1";
    for (const char* const field : {"type", "event", "name", "userId", "anonymousId"}) {
      if (!one_in(4)) text += member(field, plain_value());
    }
    for (const char* const field : {"properties", "traits", "context"}) {
      if (one_in(8)) {
        if (one_in(2)) text += member(field, "null");
      } else {
        text += member(field, map(2));
      }
    }
    return text + "}";
  }

 private:
  int below(int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(random_); }
  bool one_in(int count) { return below(count) == 0; }
  std::string pick(const std::vector<std::string>& of) {
    return of[static_cast<std::size_t>(below(static_cast<int>(of.size())))];
  }
  std::string usual(const std::string& usually, const std::vector<std::string>& seldom) {
    return one_in(12) ? pick(seldom) : usually;
  }
  static std::string member(const std::string& key, const std::string& value) {
    return ",\"" + key + "\":" + value;
  }

  std::string condition(int depth) {
    const std::string negation = one_in(10) ? pick({"!", "not ", "! "}) : "";
    if (depth > 0 && one_in(4)) return negation + "(" + trigger(depth - 1) + ")";
    if (one_in(5)) {
      return negation + "contains(" + operand() + usual(", ", {",", " , "}) + text() + ")";
    }
    if (one_in(6)) return negation + "match(" + operand() + ", " + pattern() + ")";
    if (one_in(12)) return negation + operand() + " in [" + literal() + ", " + literal() + "]";
    const std::string sign = pick({"=", "=", "=", "=", "!=", "!=", "<", "<=", ">", ">="});
    const std::string value =
        sign == "=" || sign == "!=" ? literal() : (one_in(8) ? literal() : number());
    return negation + operand() + usual(" ", {"", "\n"}) + sign + usual(" ", {"", "\t"}) + value;
  }

  std::string operand() {
    if (one_in(16)) return pick({"lowercase(", "length("}) + path() + ")";
    return path();
  }

  std::string path() {
    if (!one_in(6)) {
      return pick({"type", "event", "name", "userId", "properties.k", "properties.k",
                   "properties.l", "traits.k", "context.k.l", "properties.k.l", "traits.l.k",
                   "properties.k.length", "traits.length"});
    }
    return pick({"properties.\"k\"",
                 "properties.my\\ key",
                 "properties.\"a.b\"",
                 "properties.a\\.b",
                 "properties.a\\[b",
                 "properties.and",
                 "properties.or.k",
                 "properties.\\or",
                 "properties.null",
                 "properties.5k",
                 "properties.5",
                 "properties.\\5",
                 "properties.-k",
                 "properties.größe",
                 "properties.gr\\ö\\ße",
                 "properties.\\😀",
                 "properties.k.0",
                 "properties.k.\\0",
                 "properties.k.0.name",
                 "properties.valueOf",
                 "traits.constructor.k",
                 "properties",
                 "context",
                 "event.k",
                 "userId.length",
                 "type.name",
                 "anonymousId",
                 "messageId",
                 "integrations.k",
                 "properties.properties.k",
                 "properties.k.length.l",
                 "properties.a_b-9",
                 "properties.android",
                 "properties.normal",
                 "properties.ö"});
  }

  std::string text() {
    if (one_in(10)) return pick({"'a'", "\"a\\\"b\"", "\"\\u0061\"", "\"a\\\\b\"", "''"});
    return pick({"\"a\"", "\"b\"", "\"ab\"", "\"\"", "\"5\"", "\"0\"", "\"true\"", "\"null\"",
                 "\" 5\"", "\"and\""});
  }
  std::string number() {
    if (one_in(12)) {
      return pick({"1e0", "5E0", "9007199254740993", "9007199254740992", "-9007199254740993",
                   "9007199254740991", "18446744073709551616"});
    }
    return pick({"0", "1", "5", "-1", "0.5", "5.0", "-0"});
  }
  std::string literal() {
    const int kind = below(8);
    if (kind < 4) return text();
    if (kind < 6) return number();
    return pick({"true", "false", "null"});
  }
  std::string pattern() {
    return pick({"\"a*\"", "\"*a\"", "\"*b\"", "\"*\"", "\"a\"", "\"*a*\"", "\"a?\"", "\"\"",
                 "\"**\"", "\"\\*a\"", "\"ab*\"", "'a*'", "\"a*b\""});
  }

  // Of a field that Segment fills with text.
  std::string plain_value() { return one_in(20) ? "{\"k\":1}" : scalar(); }
  std::string scalar() {
    return pick({"\"a\"",
                 "\"b\"",
                 "\"ab\"",
                 "\"\"",
                 "\"5\"",
                 "\"0\"",
                 "\"true\"",
                 "\"null\"",
                 "\"false\"",
                 "\"aba\"",
                 "\"1\"",
                 "\"a\\\"b\"",
                 "\"'a'\"",
                 "0",
                 "1",
                 "5",
                 "-1",
                 "0.5",
                 "9007199254740992",
                 "9007199254740993",
                 "9007199254740994",
                 "true",
                 "false",
                 "null",
                 "-0.0"});
  }
  std::string map(int depth) {
    std::string text = "{\"w\":0";
    for (const char* const key :
         {"k",       "l",     "my key",  "a.b",    "a",   "and",    "or",         "null",
          "5k",      "5",     "-k",      "größe",  "😀",   "length", "properties", "traits",
          "context", "a_b-9", "android", "normal", "a[b", "ö"}) {
      const bool plain = std::string(key).size() == 1;
      if (one_in(plain ? 2 : 5)) text += member(key, value(depth));
    }
    return text + "}";
  }
  std::string value(int depth) {
    if (depth == 0 || one_in(2)) return scalar();
    if (one_in(2)) return map(depth - 1);
    std::string list = "[";
    for (int i = below(4); i > 0; --i) {
      list += (list.size() > 1 ? "," : "") + (one_in(8) ? map(0) : scalar());
    }
    return list + "]";
  }

  std::mt19937 random_;
};

}  // namespace penstock::trigger
