#include "gate/escape.hpp"

#include <cstring>

namespace penstock::gate {

namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

bool is_plain(unsigned char byte) {
  return byte >= 0x20 && byte < 0x7F;
}

// Code points of two bytes or more that are shown as escapes.
bool is_harmful(std::uint32_t code) {
  return (code >= 0x80 && code < 0xA0) || code == 0x2028 || code == 0x2029 ||
         (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

// The code point of a well-formed character of two or three bytes; of others 0.
std::uint32_t code_point(std::string_view character) {
  const auto byte = [&](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(character[i]));
  };
  if (character.size() == 2) return ((byte(0) & 0x1FU) << 6U) | (byte(1) & 0x3FU);
  if (character.size() == 3)
    return ((byte(0) & 0x0FU) << 12U) | ((byte(1) & 0x3FU) << 6U) | (byte(2) & 0x3FU);
  return 0;
}

void append_code_point(std::string& out, std::uint32_t code) {
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4)
    out += kHexDigits[(code >> static_cast<unsigned>(shift)) & 0x0FU];
}

void append_byte(std::string& out, unsigned char byte, Medium medium) {
  // JSON has no escape for a byte: there it becomes text that shows the byte.
  out += medium == Medium::json ? "\\\\x" : "\\x";
  out += kHexDigits[byte >> 4U];
  out += kHexDigits[byte & 0x0FU];
}

void append_control(std::string& out, unsigned char byte, Medium medium) {
  if (medium == Medium::document && (byte == '\n' || byte == '\t')) {
    out += static_cast<char>(byte);
  } else if (byte == '\n') {
    out += "\\n";
  } else if (byte == '\r') {
    out += "\\r";
  } else if (byte == '\t') {
    out += "\\t";
  } else if (medium == Medium::json || (medium == Medium::document && byte == 0x7F)) {
    append_code_point(out, byte);
  } else {
    append_byte(out, byte, medium);
  }
}

}  // namespace

std::size_t character_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return 0;
  }
  const bool overlong = (lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xF0 && byte(1) < 0x90);
  const bool beyond = (lead == 0xED && byte(1) > 0x9F) || (lead == 0xF4 && byte(1) > 0x8F);
  return overlong || beyond ? 0 : length;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    // Nearly all text is ASCII, eight bytes of which are looked at together.
    std::uint64_t bytes = 0;
    if (text.size() >= sizeof bytes) {
      std::memcpy(&bytes, text.data(), sizeof bytes);
      if ((bytes & 0x8080808080808080U) == 0) {
        text.remove_prefix(sizeof bytes);
        continue;
      }
    }
    const std::size_t length = character_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string_view cut(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return text;
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xC0U) == 0x80U) --limit;
  return text.substr(0, limit);
}

std::string escaped(std::string_view text, Medium medium) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto lead = static_cast<unsigned char>(text[0]);
    if (is_plain(lead)) {
      if (medium == Medium::json && (lead == '"' || lead == '\\')) out += '\\';
      out += text[0];
      text.remove_prefix(1);
      continue;
    }
    const std::size_t length = character_length(text);
    if (length == 0) {
      append_byte(out, lead, medium);
    } else if (length == 1) {
      append_control(out, lead, medium);
    } else if (const std::uint32_t code = code_point(text.substr(0, length)); is_harmful(code)) {
      append_code_point(out, code);
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

}  // namespace penstock::gate
