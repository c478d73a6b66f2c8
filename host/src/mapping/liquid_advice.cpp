#include "mapping/liquid_advice.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "mapping/path.hpp"

namespace penstock::mapping {
namespace {

constexpr std::string_view kWhiteSpace = " \t\r\n";
constexpr const char* kSeeTable =
    "the table \"Liquid templates\" of the documentation has a counterpart for each filter that "
    "has one";

struct Piece {
  enum class Kind : std::uint8_t { text, output, tag };
  Kind kind;
  std::string_view inside;  // without spaces and signs of white-space control round it
};

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kWhiteSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kWhiteSpace) + 1 - first);
}

// Nothing where an opening has no closing.
std::optional<std::vector<Piece>> split(std::string_view text) {
  std::vector<Piece> pieces;
  bool strips = false;  // the last one takes the white space behind it away
  const auto add_text = [&](std::string_view between, bool strips_end) {
    if (strips)
      between.remove_prefix(std::min(between.find_first_not_of(kWhiteSpace), between.size()));
    if (strips_end) between = between.substr(0, between.find_last_not_of(kWhiteSpace) + 1);
    if (!between.empty()) pieces.push_back({Piece::Kind::text, between});
  };
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t open = std::min(text.find("{{", at), text.find("{%", at));
    if (open == std::string_view::npos) break;
    const bool is_output = text[open + 1] == '{';
    const std::size_t close = text.find(is_output ? "}}" : "%}", open + 2);
    if (close == std::string_view::npos) return std::nullopt;
    std::string_view inside = text.substr(open + 2, close - open - 2);
    add_text(text.substr(at, open - at), inside.starts_with('-'));
    if (inside.starts_with('-')) inside.remove_prefix(1);
    strips = inside.ends_with('-');
    if (strips) inside.remove_suffix(1);
    pieces.push_back({is_output ? Piece::Kind::output : Piece::Kind::tag, trimmed(inside)});
    at = close + 2;
  }
  add_text(text.substr(at), false);
  return pieces;
}

// Parts at a separator that stands in no quotes.
std::vector<std::string_view> parted(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  char quote = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quote != 0) {
      if (text[i] == quote) quote = 0;
    } else if (text[i] == '"' || text[i] == '\'') {
      quote = text[i];
    } else if (text[i] == separator) {
      parts.push_back(trimmed(text.substr(begin, i - begin)));
      begin = i + 1;
    }
  }
  parts.push_back(trimmed(text.substr(begin)));
  return parts;
}

// Whether this is a path that means the same in a template of ours. Liquid has comparisons and
// filters without spaces round them, and names of its own for parts of a list.
bool is_path(std::string_view text) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto belongs = [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || std::string_view("_-.[]").find(c) < 5;
  };
  if (text.empty() || !is_letter(text[0]) || !std::all_of(text.begin(), text.end(), belongs)) {
    return false;
  }
  const std::string_view last = text.substr(text.rfind('.') + 1);
  const bool of_liquid =
      last.size() < text.size() && (last == "size" || last == "first" || last == "last");
  return !of_liquid && text != "nil" && text != "true" && text != "false" && text != "empty" &&
         text != "blank" && std::holds_alternative<PathSteps>(parse_path(text));
}

// As YAML writes it in single quotes.
std::string yaml_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += '\'';
    out += c;
  }
  return out + "'";
}

struct Filter {
  std::string_view name;
  std::vector<std::string_view> arguments;  // as written
};

Filter filter_of(std::string_view text) {
  const std::size_t colon = text.find(':');
  Filter filter{trimmed(text.substr(0, colon)), {}};
  if (colon != std::string_view::npos) filter.arguments = parted(text.substr(colon + 1), ',');
  return filter;
}

// The text of a string literal that one line of YAML can hold.
std::optional<std::string_view> literal_of(std::string_view argument) {
  if (argument.size() < 2 || (argument.front() != '"' && argument.front() != '\'') ||
      argument.back() != argument.front() || argument.find('\n') != std::string_view::npos) {
    return std::nullopt;
  }
  return argument.substr(1, argument.size() - 2);
}

// The expression with the filter applied to it; nothing where there is no counterpart.
std::optional<std::string> applied(const Filter& filter, const std::string& value) {
  std::vector<std::string> texts;
  for (const std::string_view argument : filter.arguments) {
    const std::optional<std::string_view> text = literal_of(argument);
    if (!text) return std::nullopt;
    texts.push_back(yaml_quoted(*text));
  }
  const auto is = [&](std::string_view name, std::size_t arguments) {
    return filter.name == name && texts.size() == arguments;
  };
  const auto replaced = [&](const std::string& replacement, const char* rest) {
    return "{'@replace': {pattern: " + texts[0] + ", replacement: " + replacement +
           ", value: " + value + rest + "}}";
  };
  if (is("downcase", 0)) return "{'@case': {operator: lower, value: " + value + "}}";
  if (is("upcase", 0)) return "{'@case': {operator: upper, value: " + value + "}}";
  if (is("json", 0) || is("jsonify", 0)) {
    return "{'@json': {mode: encode, value: " + value + "}}";
  }
  if (is("remove", 1)) return replaced("''", "");
  if (is("remove_first", 1)) return replaced("''", ", global: false");
  if (is("replace", 2)) return replaced(texts[1], "");
  if (is("replace_first", 2)) return replaced(texts[1], ", global: false");
  if (is("default", 1)) {
    return "{'@if': {blank: " + value + ", then: " + value + ", else: " + texts[0] + "}}";
  }
  return std::nullopt;
}

// Of a template that is one output; its filters nested in each other.
std::optional<std::string> directive_of(std::string_view output) {
  const std::vector<std::string_view> parts = parted(output, '|');
  if (!is_path(parts.front())) return std::nullopt;
  std::string value = yaml_quoted("$." + std::string(parts.front()));
  for (auto part = parts.begin() + 1; part != parts.end(); ++part) {
    std::optional<std::string> next = applied(filter_of(*part), value);
    if (!next) return std::nullopt;
    value = *std::move(next);
  }
  return value;
}

// Of pieces that are text and plain outputs.
std::optional<std::string> template_of(const std::vector<Piece>& pieces, std::size_t begin,
                                       std::size_t end) {
  std::string text;
  bool has_output = false;
  for (std::size_t i = begin; i < end; ++i) {
    const Piece& piece = pieces[i];
    if (piece.kind == Piece::Kind::text) {
      text += piece.inside;
    } else if (piece.kind == Piece::Kind::output && is_path(piece.inside)) {
      text += "{{ " + std::string(piece.inside) + " }}";
      has_output = true;
    } else {
      return std::nullopt;
    }
  }
  if (text.find('\n') != std::string::npos) return std::nullopt;
  return has_output ? "{'@template': " + yaml_quoted(text) + "}" : yaml_quoted(text);
}

// {% if path %} a {% else %} b {% endif %}, and nothing round it.
std::optional<std::string> condition_of(const std::vector<Piece>& pieces) {
  const auto is_tag = [&](std::size_t i, std::string_view inside) {
    return pieces[i].kind == Piece::Kind::tag && pieces[i].inside == inside;
  };
  if (pieces.size() < 2 || !is_tag(pieces.size() - 1, "endif")) return std::nullopt;
  const Piece& first = pieces.front();
  if (first.kind != Piece::Kind::tag || !first.inside.starts_with("if ")) return std::nullopt;
  const std::string_view path = trimmed(first.inside.substr(3));
  if (!is_path(path)) return std::nullopt;
  const std::size_t end = pieces.size() - 1;
  std::size_t otherwise = end;
  for (std::size_t i = 1; i < end; ++i) {
    if (is_tag(i, "else")) otherwise = i;
  }
  const std::optional<std::string> then = template_of(pieces, 1, otherwise);
  if (!then) return std::nullopt;
  std::string out =
      "{'@if': {exists: " + yaml_quoted("$." + std::string(path)) + ", then: " + *then;
  if (otherwise < end) {
    const std::optional<std::string> text = template_of(pieces, otherwise + 1, end);
    if (!text) return std::nullopt;
    out += ", else: " + *text;
  }
  return out + "}}";
}

// The tags and filters in the order of their first use, each once.
std::string names_in(const std::vector<Piece>& pieces) {
  std::vector<std::string> names;
  const auto add = [&names](const char* kind, std::string_view name) {
    std::string text = std::string(kind) + " " + std::string(name);
    if (!name.empty() && std::find(names.begin(), names.end(), text) == names.end()) {
      names.push_back(std::move(text));
    }
  };
  for (const Piece& piece : pieces) {
    if (piece.kind == Piece::Kind::tag) {
      const std::string_view name = piece.inside.substr(0, piece.inside.find_first_of(kWhiteSpace));
      if (!name.starts_with("end") && name != "else" && name != "elsif") add("the tag", name);
    } else if (piece.kind == Piece::Kind::output) {
      const std::vector<std::string_view> parts = parted(piece.inside, '|');
      for (auto part = parts.begin() + 1; part != parts.end(); ++part) {
        add("the filter", filter_of(*part).name);
      }
    }
  }
  constexpr std::size_t kMaxShown = 5;  // a message stays one line
  std::string out;
  for (std::size_t i = 0; i < std::min(names.size(), kMaxShown); ++i) {
    out += (out.empty() ? "" : ", ") + names[i];
  }
  return names.size() > kMaxShown ? out + ", and more" : out;
}

}  // namespace

LiquidAdvice advise_on_liquid(std::string_view text) {
  const std::optional<std::vector<Piece>> pieces = split(text);
  if (!pieces) return {"", kSeeTable};
  std::optional<std::string> same = template_of(*pieces, 0, pieces->size());
  if (!same && pieces->size() == 1) same = directive_of(pieces->front().inside);
  if (!same) same = condition_of(*pieces);
  if (same) return {"", "write " + *same};
  return {names_in(*pieces), kSeeTable};
}

}  // namespace penstock::mapping
