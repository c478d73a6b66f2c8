#include "import/yaml_text.hpp"

#include <array>
#include <nlohmann/json.hpp>

namespace penstock::import {
namespace {

// YAML lets a key on one line have 1,024 characters.
constexpr std::size_t kMaxKeyBytes = 200;
// Far more than a mapping that a person made.
constexpr std::size_t kMaxValueBytes = 64 * 1024;
// Less than what mappings may nest (mapping::kMaxNesting), since a field stands inside others.
constexpr std::size_t kMaxDepth = 48;
constexpr std::size_t kMaxLineBytes = 400;  // of a comment

constexpr std::array kHex = {'0', '1', '2', '3', '4', '5', '6', '7',
                             '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'};

// Three bytes of UTF-8 that YAML takes for a line end or a byte order mark, or that a terminal
// would not show.
bool is_invisible(std::string_view character) {
  if (character.size() == 2) {  // U+0080 to U+009F
    return character[0] == '\xC2' && static_cast<unsigned char>(character[1]) < 0xA0;
  }
  if (character.size() != 3) return false;
  const auto second = static_cast<unsigned char>(character[1]);
  const auto third = static_cast<unsigned char>(character[2]);
  if (character[0] == '\xE2') {  // U+200B to U+200F, U+2028 to U+202E, U+2060 to U+206F
    return (second == 0x80 && third >= 0x8B &&
            (third <= 0x8F || (third >= 0xA8 && third <= 0xAE))) ||
           (second == 0x81 && third >= 0xA0 && third <= 0xAF);
  }
  return character[0] == '\xEF' && ((second == 0xBB && third == 0xBF) || second == 0xBF);
}

std::size_t length_of_character(char first) {
  const auto byte = static_cast<unsigned char>(first);
  if (byte < 0xC0) return 1;
  if (byte < 0xE0) return 2;
  return byte < 0xF0 ? 3 : 4;
}

void append_escape(std::string& out, unsigned code) {
  out += "\\u";
  for (const unsigned shift : {12U, 8U, 4U, 0U}) out += kHex[(code >> shift) & 15U];
}

unsigned code_of(std::string_view character) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(character[i]); };
  if (character.size() == 2) return ((byte(0) & 0x1FU) << 6U) | (byte(1) & 0x3FU);
  return ((byte(0) & 0x0FU) << 12U) | ((byte(1) & 0x3FU) << 6U) | (byte(2) & 0x3FU);
}

std::string quoted(std::string_view text, bool is_value) {
  std::string out = "\"";
  for (std::size_t i = 0; i < text.size();) {
    const std::string_view character = text.substr(i, length_of_character(text[i]));
    i += character.size();
    const char c = character[0];
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == '\x7F') {
      append_escape(out, static_cast<unsigned char>(c));
    } else if (is_invisible(character)) {
      append_escape(out, code_of(character));
    } else {
      if (is_value && c == '$' && text.substr(i, 1) == "{") out += '$';
      out += character;
    }
  }
  return out + '"';
}

void append_flow(std::string& out, const Json& value) {
  if (value.is_object()) {
    out += '{';
    bool first = true;
    for (const auto& [key, member] : value.items()) {
      out += (first ? "" : ", ") + quoted_key(key) + ": ";
      append_flow(out, member);
      first = false;
    }
    out += '}';
  } else if (value.is_array()) {
    out += '[';
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (i > 0) out += ", ";
      append_flow(out, value[i]);
    }
    out += ']';
  } else {
    out += value.is_string() ? quoted_value(value.get_ref<const std::string&>()) : value.dump();
  }
}

std::string fault_of_text(std::string_view text) {
  return text.find('\0') == std::string_view::npos ? "" : "it holds a zero byte";
}

std::string fault_at(const Json& value, std::size_t depth, std::size_t& bytes) {
  if (depth > kMaxDepth) return "it is nested more than " + std::to_string(kMaxDepth) + " deep";
  if (value.is_string()) {
    bytes += value.get_ref<const std::string&>().size();
    if (std::string fault = fault_of_text(value.get_ref<const std::string&>()); !fault.empty()) {
      return fault;
    }
  }
  bytes += 8;
  if (bytes > kMaxValueBytes)
    return "it has more than " + std::to_string(kMaxValueBytes) + " bytes";
  if (!value.is_structured()) return {};
  for (const auto& [key, member] : value.items()) {
    if (value.is_object()) {
      if (key.size() > kMaxKeyBytes) {
        return "a key in it has more than " + std::to_string(kMaxKeyBytes) + " bytes";
      }
      if (std::string fault = fault_of_text(key); !fault.empty()) return fault;
    }
    if (std::string fault = fault_at(member, depth + 1, bytes); !fault.empty()) return fault;
  }
  return {};
}

}  // namespace

std::string quoted_value(std::string_view text) {
  return quoted(text, true);
}

std::string quoted_key(std::string_view text) {
  return quoted(text, false);
}

std::string flow_value(const Json& value) {
  std::string out;
  append_flow(out, value);
  return out;
}

std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (out.size() >= kMaxLineBytes) return out + "...";
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20) {
      if (!out.empty() && out.back() != ' ') out += ' ';
    } else if (byte < 0x7F) {
      out += c;
    } else if ((byte & 0xC0U) != 0x80U) {  // one for each character
      out += '?';
    }
  }
  return out;
}

std::string fault_of_value(const Json& value) {
  std::size_t bytes = 0;
  return fault_at(value, 0, bytes);
}

Node node_of(const Json& value) {
  Node node;
  switch (value.type()) {
    case Json::value_t::boolean:
      node.kind = Node::Kind::boolean;
      node.boolean = value.get<bool>();
      node.text = value.dump();
      break;
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
    case Json::value_t::number_float:
      node.text = value.dump();
      if (value.is_number_float() ||
          (value.is_number_unsigned() &&
           value.get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX))) {
        node.kind = Node::Kind::number;
        node.number = value.get<double>();
      } else {
        node.kind = Node::Kind::integer;
        node.integer = value.get<std::int64_t>();
      }
      break;
    case Json::value_t::string:
      node.kind = Node::Kind::string;
      node.text = value.get<std::string>();
      node.quoted = true;
      break;
    case Json::value_t::array:
      node.kind = Node::Kind::list;
      node.items.reserve(value.size());
      for (const Json& item : value) node.items.push_back(node_of(item));
      break;
    case Json::value_t::object:
      node.kind = Node::Kind::map;
      node.members.reserve(value.size());
      for (const auto& [key, member] : value.items()) {
        node.members.push_back({key, {}, node_of(member)});
      }
      break;
    default:
      node.text = "null";
      break;
  }
  return node;
}

}  // namespace penstock::import
