#include "services/redact.hpp"

#include <cctype>

namespace penstock::services {

namespace {

constexpr std::size_t kHashDigits =
    64;  // SHA-256 in hexadecimal, what hashed identifiers are sent as
constexpr std::string_view kBearer = "bearer";

bool is_alphanumeric(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0;
}
bool is_beyond_ascii(char c) {
  return static_cast<unsigned char>(c) >= 0x80;
}
// Without quotes, slashes and what separates the parameters of a URL: those stand beside addresses
// and "Bearer" far more often than in them.
bool is_address_character(char c) {
  return is_alphanumeric(c) || is_beyond_ascii(c) ||
         std::string_view("._%+-!#$*^`{|}~").find(c) != std::string_view::npos;
}
bool is_domain_character(char c) {
  return is_alphanumeric(c) || is_beyond_ascii(c) || c == '.' || c == '-';
}
bool is_token_character(char c) {
  return is_alphanumeric(c) || std::string_view("-._~+/=").find(c) != std::string_view::npos;
}

std::size_t run_length(std::string_view text, bool (*belongs)(char)) {
  std::size_t length = 0;
  while (length < text.size() && belongs(text[length])) ++length;
  return length;
}

// The bytes that `text` has of "Bearer TOKEN" at its start, or 0.
std::size_t bearer_length(std::string_view text) {
  if (text.size() <= kBearer.size()) return 0;
  for (std::size_t i = 0; i < kBearer.size(); ++i) {
    if (std::tolower(static_cast<unsigned char>(text[i])) != kBearer[i]) return 0;
  }
  const std::size_t blanks =
      run_length(text.substr(kBearer.size()), [](char c) { return c == ' ' || c == '\t'; });
  if (blanks == 0) return 0;
  const std::size_t token = run_length(text.substr(kBearer.size() + blanks), is_token_character);
  return token == 0 ? 0 : kBearer.size() + blanks + token;
}

std::size_t at_sign_length(std::string_view text) {
  if (!text.empty() && text[0] == '@') return 1;
  return text.substr(0, 3) == "%40" ? 3 : 0;
}

// Appends the word, or what stands for it where it is a hash or starts an address; returns how much
// of `text` that took.
std::size_t append_word(std::string& out, std::string_view text) {
  std::size_t local = 0;
  while (local < text.size() && is_address_character(text[local]) &&
         text.substr(local, 3) != "%40") {
    ++local;
  }
  const std::size_t at = at_sign_length(text.substr(local));
  if (at > 0 && local > 0) {
    const std::size_t domain = run_length(text.substr(local + at), is_domain_character);
    if (domain > 0) {
      out += "[e-mail]";
      return local + at + domain;
    }
  }
  // No address starts here; within the word there may still be hashes.
  std::size_t position = 0;
  while (position < local) {
    const std::string_view rest = text.substr(position, local - position);
    const std::size_t digits =
        run_length(rest, [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; });
    if (digits >= kHashDigits) {
      out += "[hash]";
      position += digits;
    } else {
      const std::size_t taken = digits == 0 ? 1 : digits;
      out += rest.substr(0, taken);
      position += taken;
    }
  }
  return local;
}

}  // namespace

std::string redact(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    std::size_t taken = 1;
    if (const std::size_t bearer = bearer_length(text); bearer > 0) {
      out += "Bearer [token]";
      taken = bearer;
    } else if (is_address_character(text[0])) {
      taken = append_word(out, text);
      if (taken == 0) {  // "%40" with nothing before it
        out += text[0];
        taken = 1;
      }
    } else {
      out += text[0];
    }
    text.remove_prefix(taken);
  }
  return out;
}

}  // namespace penstock::services
