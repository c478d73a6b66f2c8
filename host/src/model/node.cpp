#include "model/node.hpp"

#include "gate/shapes.hpp"

namespace penstock {
namespace {

// Enough of a string to recognise it by in a message.
constexpr std::size_t kMaxShownBytes = 60;

}  // namespace

const Node* Node::find(std::string_view key) const {
  for (const Member& member : members) {
    if (member.key == key) return &member.value;
  }
  return nullptr;
}

Node Node::of_string(std::string value, Location location) {
  Node node;
  node.kind = Kind::string;
  node.text = std::move(value);
  node.location = std::move(location);
  return node;
}

const Node* value_of_literal(const Node& node) {
  const Node* value = nullptr;
  for (const Node::Member& member : node.members) {
    if (member.key == "@literal") {
      value = &member.value;
    } else if (member.key != kEditorNotes) {
      return nullptr;
    }
  }
  return value;
}

std::string describe(const Node& node) {
  if (node.interpolated) return "a value that is not shown";
  switch (node.kind) {
    case Node::Kind::null:
      return "nothing (null)";
    case Node::Kind::boolean:
      return node.boolean ? "the boolean true" : "the boolean false";
    case Node::Kind::integer:
    case Node::Kind::number:
      return "the number " + node.text;
    case Node::Kind::string:
      return "the string " + in_quotes(node.text);
    case Node::Kind::list:
      return "a list";
    case Node::Kind::map:
      return "a map";
  }
  return "something else";
}

std::string in_quotes(std::string_view written) {
  const std::string text = gate::mask_shapes(written);
  std::size_t end = text.size();
  if (end > kMaxShownBytes) {
    end = kMaxShownBytes;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80) --end;
  }
  std::string out = "\"";
  for (std::size_t i = 0; i < end; ++i) {
    const char c = text[i];
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      out += '?';
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  return out + (end < text.size() ? "...\"" : "\"");
}

}  // namespace penstock
