#include "cli/describe.hpp"

#include <algorithm>
#include <vector>

#include "config/input_value.hpp"
#include "config/schema.hpp"
#include "model/units.hpp"

namespace penstock::cli {
namespace {

constexpr std::size_t kWidth = 100;  // columns of a page of text
constexpr std::size_t kGap = 2;      // spaces between the columns of a table
constexpr std::size_t kMostName = 28;
constexpr std::size_t kMostType = 12;
constexpr std::size_t kMostDefault = 30;

using Row = std::vector<std::string>;

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80;
  }));
}

// The first `width` characters of a text, in bytes.
std::size_t bytes_of(std::string_view text, std::size_t width) {
  std::size_t at = 0;
  while (at < text.size() && width > 0) {
    ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80) ++at;
    --width;
  }
  return at;
}

// Lines of at most `width` columns, broken between words, and inside words only where one does not
// fit.
std::vector<std::string> wrap(std::string_view text, std::size_t width) {
  std::vector<std::string> lines(1);
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find_first_of(" \n\t", at), text.size());
    std::string_view word = text.substr(at, end - at);
    at = end + 1;
    if (word.empty()) continue;
    if (!lines.back().empty() && width_of(lines.back()) + 1 + width_of(word) > width)
      lines.emplace_back();
    if (!lines.back().empty()) lines.back() += ' ';
    while (width_of(word) > width) {
      const std::size_t piece = bytes_of(word, width);
      lines.back() += word.substr(0, piece);
      lines.emplace_back();
      word.remove_prefix(piece);
    }
    lines.back() += word;
  }
  return lines;
}

// Rows under their header (the first row). Columns are as wide as their longest cell, at most
// `most`; the last takes what is left of the page.
std::string table(const std::vector<Row>& rows, const std::vector<std::size_t>& most) {
  std::vector<std::size_t> widths(most.size() + 1, 0);
  std::size_t taken = kGap;
  for (std::size_t column = 0; column < most.size(); ++column) {
    for (const Row& row : rows) widths[column] = std::max(widths[column], width_of(row[column]));
    widths[column] = std::min(widths[column], most[column]);
    taken += widths[column] + kGap;
  }
  widths.back() = kWidth - taken;
  std::string out;
  for (const Row& row : rows) {
    std::vector<std::vector<std::string>> cells;
    std::size_t height = 0;
    for (std::size_t column = 0; column < row.size(); ++column) {
      cells.push_back(wrap(row[column], widths[column]));
      height = std::max(height, cells.back().size());
    }
    for (std::size_t line = 0; line < height; ++line) {
      std::string text(kGap, ' ');
      for (std::size_t column = 0; column < cells.size(); ++column) {
        const std::string cell = line < cells[column].size() ? cells[column][line] : "";
        text += cell;
        text.append(widths[column] - width_of(cell) + kGap, ' ');
      }
      out += text.substr(0, text.find_last_not_of(' ') + 1) + "\n";
    }
  }
  return out;
}

std::string paragraph(std::string_view text, std::size_t indent) {
  std::string out;
  for (const std::string& line : wrap(text, kWidth - indent)) {
    if (!line.empty()) out += std::string(indent, ' ') + line + "\n";
  }
  return out;
}

// ---- what the text and the Markdown page say alike ----

std::string joined(const std::vector<std::string>& parts, const char* separator) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : separator) + part;
  return out;
}

std::string abi_text(const PluginManifest& manifest) {
  return std::to_string(manifest.abi_major) + "." + std::to_string(manifest.abi_minor);
}

std::string hooks_text(const HookNames& hooks) {
  std::string out = "init: " + hooks.init + ", settings: " + hooks.settings +
                    ", mapping: " + hooks.mapping + ", send: " + hooks.send;
  if (!hooks.check.empty()) out += ", check: " + hooks.check;
  if (!hooks.query.empty()) out += ", query: " + hooks.query;
  return out;
}

std::string login_text(const PluginManifest& manifest) {
  if (!manifest.oauth2) return "none";
  std::string out = "OAuth 2.0 at " + manifest.oauth2->authorize_url;
  if (!manifest.oauth2->scopes.empty()) {
    out += "; permissions: " + joined(manifest.oauth2->scopes, ", ");
  }
  return out;
}

std::string rate_text(const Rate& rate) {
  return std::to_string(rate.requests) + " requests per " + format_duration(rate.per);
}

std::string limits_text(const PluginManifest& manifest) {
  std::vector<std::string> parts;
  parts.push_back(manifest.max_mappings == 0
                      ? "any number of mappings"
                      : std::to_string(manifest.max_mappings) + " mappings per destination");
  parts.push_back(std::to_string(manifest.concurrency) +
                  (manifest.concurrency == 1 ? " send at a time" : " sends at a time"));
  for (const auto& [name, rate] : manifest.rates) parts.push_back(name + ": " + rate_text(rate));
  return joined(parts, "; ");
}

std::string batch_text(const ActionSpec& action) {
  return "up to " + std::to_string(action.batch.max_records) + " records, " +
         format_size(action.batch.max_bytes) + ", " + format_duration(action.batch.max_age) +
         (action.rate.empty() ? "" : "; paced by the rate " + action.rate);
}

std::string type_text(const InputSpec& input) {
  return (input.multiple ? std::string("list of ") : std::string()) + name_of(input.type);
}

std::string required_text(const InputSpec& input) {
  if (input.required) return "yes";
  std::vector<std::string> parts;
  for (const auto& [other, values] : input.required_if) {
    parts.push_back(other + " = " + joined(values, " or "));
  }
  return parts.empty() ? "no" : "if " + joined(parts, " and ");
}

std::string default_text(const InputSpec& input) {
  return input.default_value ? readable_expression(*input.default_value) : "-";
}

// The label, the description and everything that limits the values, as sentences.
std::string about_text(const InputSpec& input) {
  const auto sentence = [](std::string text) {
    if (!text.empty() && std::string_view(".!?:").find(text.back()) == std::string_view::npos)
      text += '.';
    return text;
  };
  std::vector<std::string> parts{sentence(input.label)};
  if (!input.description.empty()) parts.push_back(sentence(input.description));
  if (!input.choices.empty()) {
    std::vector<std::string> choices;
    for (const Choice& choice : input.choices) {
      choices.push_back(choice.label == choice.value ? choice.value
                                                     : choice.value + " = " + choice.label);
    }
    parts.push_back("One of: " + joined(choices, "; ") + ".");
  }
  if (!input.required && !input.required_if.empty()) {
    parts.push_back("Required " + required_text(input) + ".");
  }
  if (!input.pattern.empty()) parts.push_back("Form: " + input.pattern);
  if (input.format == TextFormat::email) parts.emplace_back("An e-mail address.");
  if (input.format == TextFormat::uri) parts.emplace_back("A URI.");
  if (input.format == TextFormat::date_time) parts.emplace_back("A date and time.");
  if (input.min_length && *input.min_length > 1) {
    parts.push_back("At least " + std::to_string(*input.min_length) + " characters.");
  }
  if (input.max_length)
    parts.push_back("At most " + std::to_string(*input.max_length) + " characters.");
  if (input.literal) parts.emplace_back("A literal, not taken from events.");
  if (input.consent) parts.emplace_back("Not for mappings to fill.");
  if (input.allow_null) parts.emplace_back("May be null.");
  if (input.secret) parts.emplace_back("Secret: never shown.");
  if (input.personal_data) parts.emplace_back("[personal data]");
  return joined(parts, " ");
}

std::vector<const InputSpec*> select(const std::vector<InputSpec>& inputs, bool advanced) {
  std::vector<const InputSpec*> out;
  for (const InputSpec& input : inputs) {
    if (input.advanced == advanced) out.push_back(&input);
  }
  return out;
}

// ---- text ----

std::string text_table(const std::vector<const InputSpec*>& inputs) {
  std::vector<Row> rows{{"NAME", "TYPE", "REQ.", "DEFAULT", "WHAT IT IS"}};
  for (const InputSpec* input : inputs) {
    const std::string required = input->required ? "yes" : input->required_if.empty() ? "" : "if";
    rows.push_back(
        {input->name, type_text(*input), required, default_text(*input), about_text(*input)});
  }
  return table(rows, {kMostName, kMostType, 4, kMostDefault});
}

std::string text_inputs(const std::vector<InputSpec>& inputs, const char* none) {
  if (inputs.empty()) return std::string("  ") + none + "\n";
  const auto basic = select(inputs, false);
  const auto advanced = select(inputs, true);
  std::string out;
  if (!basic.empty()) out += text_table(basic);
  if (!advanced.empty())
    out += (basic.empty() ? "" : "\n") + std::string("  Advanced\n") + text_table(advanced);
  return out;
}

// "  Name      value", the value wrapped under itself.
std::string text_facts(const std::vector<Row>& facts) {
  std::size_t width = 0;
  for (const Row& fact : facts) width = std::max(width, width_of(fact[0]));
  return table(facts, {width});
}

// ---- Markdown ----

std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|' || c == '<' || c == '\\') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::string code(std::string_view text) {
  if (text.find('`') != std::string_view::npos) return "`` " + std::string(text) + " ``";
  return "`" + std::string(text) + "`";
}

// Inside a table a bar ends the cell even in code.
std::string code_cell(std::string_view text) {
  std::string out = code(text);
  for (std::size_t at = out.find('|'); at != std::string::npos; at = out.find('|', at + 2))
    out.insert(at, "\\");
  return out;
}

std::string markdown_table(const std::vector<const InputSpec*>& inputs) {
  std::string out =
      "| Name | Type | Required | Default | What it is |\n| --- | --- | --- | --- | --- |\n";
  for (const InputSpec* input : inputs) {
    out += "| " + code(input->name) + " | " + type_text(*input) + " | " +
           cell(required_text(*input)) + " | " +
           (input->default_value ? code_cell(default_text(*input)) : "") + " | " +
           cell(about_text(*input)) + " |\n";
  }
  return out + "\n";
}

std::string markdown_inputs(const std::vector<InputSpec>& inputs, const char* none,
                            const char* heading) {
  if (inputs.empty()) return std::string(none) + "\n\n";
  const auto basic = select(inputs, false);
  const auto advanced = select(inputs, true);
  std::string out;
  if (!basic.empty()) out += markdown_table(basic);
  if (!advanced.empty()) out += std::string(heading) + " Advanced\n\n" + markdown_table(advanced);
  return out;
}

const Node* only_member(const Node& node, std::string_view key) {
  return node.is(Node::Kind::map) && node.members.size() == 1 ? node.find(key) : nullptr;
}

std::string readable_if(const Node& arguments) {
  const Node* exists = arguments.find("exists");
  const Node* tested = exists != nullptr ? exists : arguments.find("blank");
  const Node* then = arguments.find("then");
  const Node* otherwise = arguments.find("else");
  if (tested == nullptr || then == nullptr) return {};
  const std::string condition = readable_expression(*tested);
  const std::string value = readable_expression(*then);
  std::string out = value;
  if (condition != value) {
    out += " if " + condition + (exists != nullptr ? " exists" : " is not blank");
  }
  if (otherwise != nullptr) out += ", else " + readable_expression(*otherwise);
  return out;
}

}  // namespace

std::string readable_expression(const Node& expression) {
  if (expression.is(Node::Kind::string)) return expression.text.empty() ? "\"\"" : expression.text;
  if (expression.is(Node::Kind::null)) return "null";
  if (expression.is_scalar()) return expression.text;
  if (const Node* path = only_member(expression, "@path");
      path != nullptr && path->is(Node::Kind::string)) {
    return path->text == "$." || path->text == "$" ? "the whole event" : path->text;
  }
  if (const Node* literal = only_member(expression, "@literal");
      literal != nullptr && literal->is_scalar()) {
    return readable_expression(*literal);
  }
  if (const Node* text = only_member(expression, "@template");
      text != nullptr && text->is(Node::Kind::string)) {
    return text->text;
  }
  if (only_member(expression, "@membership") != nullptr)
    return "the audience membership that the event tells";
  if (const Node* arguments = only_member(expression, "@if"); arguments != nullptr) {
    if (std::string text = readable_if(*arguments); !text.empty()) return text;
  }
  return config::json_text(expression);
}

std::string describe_text(const PluginManifest& manifest) {
  std::string out = manifest.title + " " + manifest.version + " (" + manifest.name + ")\n";
  out += paragraph(manifest.description, 0) + "\n";
  out += text_facts({{"ABI", abi_text(manifest)},
                     {"Manifest", manifest.path},
                     {"Library", manifest.library},
                     {"Hooks", hooks_text(manifest.hooks)},
                     {"Login", login_text(manifest)},
                     {"Limits", limits_text(manifest)}});
  out += "\nSETTINGS (destinations.NAME.settings)\n\n" + text_inputs(manifest.settings, "none");
  for (const ActionSpec& action : manifest.actions) {
    out += "\nACTION " + action.name + ": " + action.title + "\n" +
           paragraph(action.description, 0) + "\n";
    out += text_facts(
        {{"Default trigger", action.default_trigger.empty() ? "none: every mapping needs its own"
                                                            : action.default_trigger},
         {"Batches", batch_text(action)}});
    out += "\n" + text_inputs(action.fields, "no fields");
  }
  return out;
}

std::string describe_markdown(const PluginManifest& manifest) {
  std::string out = "# " + manifest.title + "\n\n";
  if (!manifest.description.empty()) out += manifest.description + "\n\n";
  out += "| | |\n| --- | --- |\n";
  const auto fact = [&](const char* name, const std::string& value) {
    out += std::string("| ") + name + " | " + cell(value) + " |\n";
  };
  fact("Plugin", code(manifest.name) + " " + manifest.version);
  fact("ABI", abi_text(manifest));
  fact("Hooks", hooks_text(manifest.hooks));
  fact("Login", login_text(manifest));
  fact("Limits", limits_text(manifest));
  out += "\n## Settings\n\n" + markdown_inputs(manifest.settings, "None.", "###");
  for (const ActionSpec& action : manifest.actions) {
    out += "## " + action.title + " (" + code(action.name) + ")\n\n";
    if (!action.description.empty()) out += action.description + "\n\n";
    out += "Default trigger: " +
           (action.default_trigger.empty() ? "none, every mapping needs its own"
                                           : code(action.default_trigger)) +
           "\n\nBatches: " + batch_text(action) + ".\n\n";
    out += markdown_inputs(action.fields, "No fields.", "###");
  }
  out.pop_back();  // one line end at the end of the page
  return out;
}

}  // namespace penstock::cli
