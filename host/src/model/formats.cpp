#include "model/formats.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>

namespace penstock {
namespace {

constexpr std::size_t kMaxLocalBytes = 64;   // RFC 5321, 4.5.3.1.1
constexpr std::size_t kMaxEmailBytes = 254;  // RFC 5321, 4.5.3.1.3, without the angle brackets
constexpr std::size_t kMaxLabelBytes = 63;   // RFC 1035, 2.3.4

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_beyond_ascii(char c) {
  return static_cast<unsigned char>(c) >= 0x80;
}
bool is_hex_digit(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool is_one_of(char c, std::string_view set) {
  return set.find(c) != std::string_view::npos;
}

// Calls check(part) for each part between separators until one fails.
template <typename Check>
bool every_part(std::string_view text, char separator, Check check) {
  while (true) {
    const std::size_t end = std::min(text.find(separator), text.size());
    if (!check(text.substr(0, end))) return false;
    if (end == text.size()) return true;
    text.remove_prefix(end + 1);
  }
}

bool is_atom(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter(c) || is_digit(c) || is_beyond_ascii(c) || is_one_of(c, "!#$%&'*+/=?^_`{|}~-");
  });
}

bool is_host_label(std::string_view text) {
  return !text.empty() && text.size() <= kMaxLabelBytes && text.front() != '-' &&
         text.back() != '-' && std::all_of(text.begin(), text.end(), [](char c) {
           return is_letter(c) || is_digit(c) || is_beyond_ascii(c) || c == '-';
         });
}

bool is_uri_text(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size() || !is_hex_digit(text[i + 1]) || !is_hex_digit(text[i + 2])) {
        return false;
      }
      i += 2;
    } else if (!is_letter(c) && !is_digit(c) && !is_one_of(c, "-._~:/?#[]@!$&'()*+,;=")) {
      return false;
    }
  }
  return true;
}

// Reads a date-time from left to right.
class DateTimeReader {
 public:
  explicit DateTimeReader(std::string_view text) : text_(text) {}

  bool number(std::size_t digits, int low, int high, int& value) {
    if (text_.size() < digits) return false;
    value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      if (!is_digit(text_[i])) return false;
      value = value * 10 + (text_[i] - '0');
    }
    text_.remove_prefix(digits);
    return value >= low && value <= high;
  }
  bool one_of(std::string_view characters) {
    if (text_.empty() || !is_one_of(text_.front(), characters)) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool optional_fraction() {
    if (!one_of(".")) return true;
    const auto end = std::find_if_not(text_.begin(), text_.end(), is_digit);
    const auto digits = static_cast<std::size_t>(end - text_.begin());
    text_.remove_prefix(digits);
    return digits > 0;
  }
  bool offset() {
    if (one_of("Zz")) return true;
    int part = 0;
    return one_of("+-") && number(2, 0, 23, part) && one_of(":") && number(2, 0, 59, part);
  }
  [[nodiscard]] bool at_end() const { return text_.empty(); }

 private:
  std::string_view text_;
};

int days_of(int month, int year) {
  constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : kDays[static_cast<std::size_t>(month - 1)];
}

}  // namespace

std::uint64_t count_code_points(std::string_view text) {
  return static_cast<std::uint64_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;  // not a continuation byte
  }));
}

bool is_email(std::string_view text) {
  const std::size_t at = text.rfind('@');
  if (at == std::string_view::npos || at > kMaxLocalBytes || text.size() > kMaxEmailBytes) {
    return false;
  }
  const std::string_view domain = text.substr(at + 1);
  return every_part(text.substr(0, at), '.', is_atom) && every_part(domain, '.', is_host_label) &&
         domain.find('.') != std::string_view::npos;
}

bool is_uri(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || !is_letter(text.front())) return false;
  const std::string_view scheme = text.substr(0, colon);
  const bool scheme_fits = std::all_of(scheme.begin(), scheme.end(), [](char c) {
    return is_letter(c) || is_digit(c) || is_one_of(c, "+-.");
  });
  const std::string_view rest = text.substr(colon + 1);
  const bool lacks_host =
      rest.substr(0, 2) == "//" && (rest.size() == 2 || is_one_of(rest[2], "/?#"));
  return scheme_fits && !rest.empty() && (!lacks_host || scheme == "file") && is_uri_text(rest);
}

bool is_date_time(std::string_view text) {
  DateTimeReader reader(text);
  int year = 0;
  int month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  return reader.number(4, 0, 9999, year) && reader.one_of("-") && reader.number(2, 1, 12, month) &&
         reader.one_of("-") && reader.number(2, 1, days_of(month, year), day) &&
         reader.one_of("Tt ") && reader.number(2, 0, 23, hour) && reader.one_of(":") &&
         reader.number(2, 0, 59, minute) && reader.one_of(":") &&
         reader.number(2, 0, 60, second) &&  // 60: a leap second
         reader.optional_fraction() && reader.offset() && reader.at_end();
}

}  // namespace penstock
