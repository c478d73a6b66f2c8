// penstock/sdk/json_writer.hpp - writes JSON text by appending to a string. No tree, no allocation
// but the string's own.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "text.hpp"

namespace penstock {
namespace sdk {

// Calls must nest as JSON does; commas are put where they belong. Text is checked: each byte that
// is no part of a UTF-8 character becomes U+FFFD.
class JsonWriter {
 public:
  // Appends to `out`, which outlives the writer.
  explicit JsonWriter(std::string& out) : out_(&out) {}

  void begin_object() { open('{'); }
  void end_object() { close('}'); }
  void begin_array() { open('['); }
  void end_array() { close(']'); }

  void key(std::string_view name) {
    text(name, ":");
    after_value_ = false;
  }

  void string(std::string_view value) {
    text(value, {});
    after_value_ = true;
  }
  void integer(std::int64_t value) { append_number(value); }
  void unsigned_integer(std::uint64_t value) { append_number(value); }
  // The shortest text that reads back as the same double; null for what JSON cannot say (NaN,
  // infinities).
  void number(double value) {
    if (std::isfinite(value)) {
      append_number(value);
    } else {
      null();
    }
  }
  void boolean(bool value) { raw(value ? "true" : "false"); }
  void null() { raw("null"); }
  // `json` is one complete JSON value, taken as it is.
  void raw(std::string_view json) {
    separate();
    out_->append(json.data(), json.size());
  }

  void member(std::string_view name, std::string_view value) {
    key(name);
    string(value);
  }

 private:
  void separate() {
    if (after_value_) *out_ += ',';
    after_value_ = true;
  }
  void open(char bracket) {
    separate();
    *out_ += bracket;
    after_value_ = false;
  }
  void close(char bracket) {
    *out_ += bracket;
    after_value_ = true;
  }

  template <typename Number>
  void append_number(Number value) {
    separate();
    std::array<char, 32> text;  // the longest double, -1.7976931348623157e+308, has 24 characters
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    out_->append(text.data(), static_cast<std::size_t>(end - text.data()));
  }

  // True when none of the eight bytes of `word` needs a look: all are ASCII, none is a control
  // character, '"' or '\\'.
  static bool plain(std::uint64_t word) noexcept {
    constexpr std::uint64_t kOnes = 0x0101010101010101U;
    constexpr std::uint64_t kHighs = 0x8080808080808080U;
    const std::uint64_t quote = word ^ (kOnes * '"');
    const std::uint64_t backslash = word ^ (kOnes * '\\');
    const std::uint64_t odd = (word - kOnes * 0x20) | (quote - kOnes) | (backslash - kOnes) | word;
    return (odd & kHighs) == 0;
  }
  static bool plain(std::string_view text) noexcept {
    std::uint64_t word;
    if (text.size() < sizeof word) {
      // Byte by byte: copying a few bytes into a word costs more than looking at them.
      for (const char c : text) {
        if (!plain(static_cast<unsigned char>(c))) return false;
      }
      return true;
    }
    for (std::size_t i = 0; i + sizeof word <= text.size(); i += sizeof word) {
      std::memcpy(&word, text.data() + i, sizeof word);
      if (!plain(word)) return false;
    }
    std::memcpy(&word, text.data() + text.size() - sizeof word, sizeof word);
    return plain(word);
  }
  static bool plain(unsigned char byte) noexcept {
    return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
  }

  // A comma where one belongs, `value` in quotes, and `tail`; in one step when nothing has to be
  // escaped.
  void text(std::string_view value, std::string_view tail) {
    if (!plain(value)) {
      if (after_value_) *out_ += ',';
      quote_with_escapes(value);
      out_->append(tail.data(), tail.size());
      return;
    }
    // Joined here, so that a short text grows the string once and not five times.
    std::array<char, 96> joined;
    if (value.size() + tail.size() + 3 > joined.size()) {
      if (after_value_) *out_ += ',';
      out_->append(1, '"').append(value.data(), value.size()).append(1, '"');
      out_->append(tail.data(), tail.size());
      return;
    }
    char* to = joined.data();
    if (after_value_) *to++ = ',';
    *to++ = '"';
    to = std::copy(value.begin(), value.end(), to);
    *to++ = '"';
    to = std::copy(tail.begin(), tail.end(), to);
    out_->append(joined.data(), static_cast<std::size_t>(to - joined.data()));
  }

  void quote_with_escapes(std::string_view text) {
    *out_ += '"';
    std::size_t begin = 0;  // of what is not yet appended
    std::size_t i = 0;
    while (i < text.size()) {
      if (i + 8 <= text.size() && plain(text.substr(i, 8))) {
        i += 8;
        continue;
      }
      const auto byte = static_cast<unsigned char>(text[i]);
      if (plain(byte)) {
        ++i;
        continue;
      }
      if (byte >= 0x80) {
        const std::size_t length = utf8_sequence(text.substr(i));
        if (length != 0) {
          i += length;
          continue;
        }
      }
      out_->append(text.data() + begin, i - begin);
      escape(byte);
      begin = ++i;
    }
    out_->append(text.data() + begin, text.size() - begin);
    *out_ += '"';
  }

  void escape(unsigned char byte) {
    switch (byte) {
      case '"':
        *out_ += "\\\"";
        return;
      case '\\':
        *out_ += "\\\\";
        return;
      case '\n':
        *out_ += "\\n";
        return;
      case '\r':
        *out_ += "\\r";
        return;
      case '\t':
        *out_ += "\\t";
        return;
      default:
        break;
    }
    if (byte >= 0x80) {
      *out_ += "\xEF\xBF\xBD";
      return;
    }
    constexpr char kHex[] = "0123456789abcdef";
    *out_ += "\\u00";
    *out_ += kHex[byte >> 4];
    *out_ += kHex[byte & 0x0F];
  }

  std::string* out_;
  bool after_value_ = false;
};

}  // namespace sdk
}  // namespace penstock
