#include "gate/shapes.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace penstock::gate {

namespace {

constexpr std::size_t kHashDigits =
    64;  // SHA-256 in hexadecimal, what hashed identifiers are sent as
constexpr std::size_t kShortestToken = 32;  // ids that people compare, such as UUIDs, have less
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

// Whether the text begins with `word`, which is in lower case, and goes on after it.
bool begins_with(std::string_view text, std::string_view word) {
  if (text.size() <= word.size()) return false;
  return std::equal(word.begin(), word.end(), text.begin(), [](char a, char b) {
    return a == static_cast<char>(std::tolower(static_cast<unsigned char>(b)));
  });
}

// The bytes of "Authorization: SCHEME TOKEN" or NAME=TOKEN that stand before the token, as far as
// `text` begins so; 0 when it does not. Covers JSON, also within a JSON string (\").
std::size_t named_secret_length(std::string_view text) {
  constexpr std::array<std::string_view, 9> kNames = {
      "authorization", "access_token", "refresh_token", "id_token", "client_secret",
      "password",      "passwd",       "api_key",       "apikey"};
  constexpr std::array<std::string_view, 4> kSchemes = {"bearer ", "basic ", "digest ", "token "};
  const auto* const name = std::find_if(kNames.begin(), kNames.end(), [&](std::string_view known) {
    return begins_with(text, known);
  });
  if (name == kNames.end()) return 0;
  const auto separates = [](char c) {
    return std::string_view(" \t\"'\\:=").find(c) != std::string_view::npos;
  };
  std::size_t length = name->size();
  bool assigned = false;
  while (length < text.size() && separates(text[length])) {
    assigned = assigned || text[length] == ':' || text[length] == '=';
    ++length;
  }
  if (!assigned || length == text.size()) return 0;
  for (const std::string_view scheme : kSchemes) {
    if (begins_with(text.substr(length), scheme)) return length + scheme.size();
  }
  return length;
}

// The bytes of what is or may be a value that somebody assigned, up to what ends it.
// None where it is too short for a secret, or masked already.
std::size_t value_length(std::string_view text) {
  constexpr std::size_t kShortest = 6;
  if (text.starts_with('[')) return 0;
  const std::size_t length = std::min(text.find_first_of(" \t\r\n\"'&,;)}]<>\\"), text.size());
  return length < kShortest ? 0 : length;
}

// The bytes of "USER:PASSWORD@" or "USER@", with which the authority of a URL begins; or 0.
std::size_t credentials_length(std::string_view text) {
  const std::string_view authority = text.substr(0, text.find_first_of("/?# \t\r\n\"'<>"));
  const std::size_t at = authority.rfind('@');
  return at == std::string_view::npos ? 0 : at + 1;
}

// Appends "scheme://" with what stands for its user and password; returns how much of `text` that
// took, or 0 where there are none.
std::size_t append_without_credentials(std::string& out, std::string_view text) {
  constexpr std::string_view kAuthority = "://";
  if (!text.starts_with(kAuthority)) return 0;
  const std::size_t credentials = credentials_length(text.substr(kAuthority.size()));
  if (credentials == 0) return 0;
  out += kAuthority;
  out += "[credentials]@";
  return kAuthority.size() + credentials;
}

// The bytes of a token without a name, at the start of a word.
std::size_t bare_token_length(std::string_view text) {
  const bool web_token = text.starts_with("eyJ");
  bool small = false;
  bool capital = false;
  bool digit = false;
  std::size_t length = 0;
  for (; length < text.size(); ++length) {
    const auto c = static_cast<unsigned char>(text[length]);
    if (std::isalnum(c) == 0 && c != '-' && c != '_' && !(web_token && c == '.')) break;
    small = small || std::islower(c) != 0;
    capital = capital || std::isupper(c) != 0;
    digit = digit || std::isdigit(c) != 0;
  }
  return length >= kShortestToken && small && capital && digit ? length : 0;
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

std::string mask_shapes(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool begins_word = true;
  while (!text.empty()) {
    std::size_t taken = 1;
    if (const std::size_t bearer = bearer_length(text); bearer > 0) {
      out += "Bearer [token]";
      taken = bearer;
    } else if (const std::size_t before = begins_word ? named_secret_length(text) : 0; before > 0) {
      out += text.substr(0, before);
      taken = before + value_length(text.substr(before));
      if (taken > before) out += "[token]";
    } else if (const std::size_t url = append_without_credentials(out, text); url > 0) {
      taken = url;
    } else if (const std::size_t token = begins_word ? bare_token_length(text) : 0; token > 0) {
      out += "[token]";
      taken = token;
    } else if (is_address_character(text[0])) {
      taken = append_word(out, text);
      if (taken == 0) {  // "%40" with nothing before it
        out += text[0];
        taken = 1;
      }
    } else {
      out += text[0];
    }
    begins_word = !is_alphanumeric(text[taken - 1]);
    text.remove_prefix(taken);
  }
  return out;
}

std::string mask_url_passwords(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    std::size_t taken = append_without_credentials(out, text);
    if (taken == 0) {
      const std::size_t next = std::min(text.find("://", 1), text.size());
      out += text.substr(0, next);
      taken = next;
    }
    text.remove_prefix(taken);
  }
  return out;
}

}  // namespace penstock::gate
