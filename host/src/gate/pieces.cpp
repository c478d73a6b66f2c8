#include "gate/pieces.hpp"

#include <boost/unordered/unordered_flat_set.hpp>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <utility>
#include <vector>

namespace penstock::gate {
namespace {

constexpr std::string_view kMaskedPiece = "[secret]";
// Secrets whose pieces stay: those of the manifest come first.
constexpr std::size_t kLasting = 128;
constexpr unsigned kEndOfAscii = 0x80;

// A character as it is written in a text.
struct Written {
  std::size_t size = 1;
  std::optional<char> meant;  // none: what may stand between two characters of a secret
};

std::optional<unsigned> number_of(std::string_view digits, int base) {
  unsigned value = 0;
  const char* const end = digits.data() + digits.size();
  const auto [rest, error] = std::from_chars(digits.data(), end, value, base);
  if (error != std::errc() || rest != end || digits.empty()) return std::nullopt;
  return value;
}

std::optional<unsigned> hex_digits(std::string_view text, std::size_t at, std::size_t count) {
  if (at > text.size() || text.size() - at < count) return std::nullopt;
  return number_of(text.substr(at, count), 16);
}

Written written_as(std::size_t size, unsigned code) {
  if (code >= kEndOfAscii) return {size, '?'};
  if (code <= ' ') return {size, std::nullopt};
  return {size, static_cast<char>(code)};
}

// %2B, and %252B as it becomes where that is escaped once more.
std::optional<Written> percent_escape(std::string_view text) {
  std::size_t at = 1;
  while (text.substr(at, 2) == "25" && hex_digits(text, at + 2, 2)) at += 2;
  const auto code = hex_digits(text, at, 2);
  return code ? std::optional(written_as(at + 2, *code)) : std::nullopt;
}

// &#43; and &#x2B;
std::optional<Written> html_entity(std::string_view text) {
  constexpr std::size_t kLongest = 8;
  const std::size_t end = text.substr(0, kLongest).find(';');
  if (text.substr(0, 2) != "&#" || end == std::string_view::npos) return std::nullopt;
  const bool is_hex = end > 2 && (text[2] == 'x' || text[2] == 'X');
  const std::size_t begin = is_hex ? 3 : 2;
  const auto code = number_of(text.substr(begin, end - begin), is_hex ? 16 : 10);
  return code ? std::optional(written_as(end + 1, *code)) : std::nullopt;
}

// \u002b, \x2b, \/ and the line ends \r and \n.
std::optional<Written> backslash_escape(std::string_view text) {
  if (text.size() < 2) return std::nullopt;
  const char kind = text[1];
  if (kind == 'u' || kind == 'x') {
    const std::size_t digits = kind == 'u' ? 4 : 2;
    const auto code = hex_digits(text, 2, digits);
    if (code) return written_as(2 + digits, *code);
  }
  if (kind == 'n' || kind == 'r' || kind == 't') return Written{2, std::nullopt};
  return Written{1, std::nullopt};
}

Written read_written(std::string_view text) {
  std::optional<Written> escaped;
  if (text[0] == '%') escaped = percent_escape(text);
  if (text[0] == '&') escaped = html_entity(text);
  if (text[0] == '\\') escaped = backslash_escape(text);
  return escaped ? *escaped : written_as(1, static_cast<unsigned char>(text[0]));
}

// A text in one way of writing, and where each of its characters stands in the other.
struct PlainText {
  std::string text;
  std::vector<std::pair<std::size_t, std::size_t>> places;  // begin and end
};

PlainText plain_text_of(std::string_view text) {
  PlainText plain;
  plain.text.reserve(text.size());
  plain.places.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const Written written = read_written(text.substr(at));
    if (written.meant) {
      plain.text += static_cast<char>(std::tolower(static_cast<unsigned char>(*written.meant)));
      plain.places.emplace_back(at, at + written.size);
    }
    at += written.size;
  }
  return plain;
}

bool has_digit(std::string_view piece) {
  return piece.find_first_of("0123456789") != std::string_view::npos;
}

class Pieces {
 public:
  void keep(std::string_view secret) {
    const PlainText plain = plain_text_of(secret);
    const std::unique_lock lock(mutex_);
    Set& to = kept_++ < kLasting ? lasting_ : newer_;
    for (std::size_t at = 0; at + kPieceBytes <= plain.text.size(); ++at) {
      const std::string_view piece = std::string_view(plain.text).substr(at, kPieceBytes);
      if (has_digit(piece)) to.insert(hash(piece));
    }
    if (newer_.size() < kMostPieces / 2) return;
    older_ = std::exchange(newer_, {});
  }

  std::string mask(std::string text) const {
    const std::shared_lock lock(mutex_);
    if (lasting_.empty() || text.size() < kPieceBytes) return text;
    const PlainText plain = plain_text_of(text);
    std::string out;
    std::size_t shown = 0;  // of text
    for (std::size_t at = 0; at + kPieceBytes <= plain.text.size(); ++at) {
      const std::string_view piece = std::string_view(plain.text).substr(at, kPieceBytes);
      if (!has_digit(piece) || !has(hash(piece))) continue;
      const auto [begin, unused] = plain.places[at];
      if (begin >= shown) {
        out.append(text, shown, begin - shown);
        out += kMaskedPiece;
      }
      shown = plain.places[at + kPieceBytes - 1].second;
    }
    if (shown == 0) return text;
    return out.append(text, shown);
  }

 private:
  using Set = boost::unordered_flat_set<std::uint64_t>;

  static std::uint64_t hash(std::string_view piece) { return std::hash<std::string_view>()(piece); }
  [[nodiscard]] bool has(std::uint64_t piece) const {
    return lasting_.contains(piece) || newer_.contains(piece) || older_.contains(piece);
  }

  mutable std::shared_mutex mutex_;
  Set lasting_;
  Set newer_;
  Set older_;
  std::size_t kept_ = 0;  // secrets
};

Pieces& pieces() {
  // Never destroyed: threads may log while the process ends.
  static auto* const all = new Pieces();
  return *all;
}

}  // namespace

void keep_pieces(std::string_view secret) {
  if (secret.size() >= kPieceBytes) pieces().keep(secret);
}

std::string mask_pieces(std::string text) {
  return pieces().mask(std::move(text));
}

}  // namespace penstock::gate
