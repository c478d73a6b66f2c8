#include "gate/secrets.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <cstring>
#include <deque>
#include <mutex>
#include <nlohmann/json.hpp>
#include <shared_mutex>
#include <utility>
#include <vector>

#include "gate/pieces.hpp"

namespace penstock::gate {

namespace {

constexpr std::string_view kShown = "[secret]";
// What the gate itself puts into texts is never a secret, whatever a secret is called.
constexpr std::array<std::string_view, 5> kMasks = {"secret", "token", "hash", "e-mail",
                                                    "credentials"};
// A value of this length stands in no text by chance.
constexpr std::size_t kLongSecret = 16;
// A beginning of a secret is masked from this length on, or from half of the secret on if that is
// longer; what has kLongBeginning bytes in common with a secret is part of it.
constexpr std::size_t kShortBeginning = 8;
constexpr std::size_t kLongBeginning = 24;
// Lines of a secret of several lines, such as a private key, are secrets where they are that long.
constexpr std::size_t kShortestLine = 16;

struct KnownSecret {
  std::string value;
  std::size_t needle = 0;   // bytes from its start that give it away
  bool whole_word = false;  // inside a longer word it is not this secret
};

// Of a text.
struct Range {
  std::size_t begin = 0;
  std::size_t end = 0;
};

bool is_letter_or_digit(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0;
}

// Whether people write it in sentences: words in small letters, Capitalised or in CAPITALS, or
// numbers, with anything between them. Letters beyond ASCII count as small ones.
bool is_ordinary(std::string_view text) {
  bool letters = false;
  bool digits = false;
  std::size_t small = 0;     // of the word so far
  std::size_t capitals = 0;  // likewise
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isdigit(byte) != 0) {
      digits = true;
    } else if (std::isupper(byte) != 0) {
      letters = true;
      ++capitals;
      if (small > 0) return false;
    } else if (std::islower(byte) != 0 || byte >= 0x80) {
      letters = true;
      ++small;
      if (capitals > 1) return false;
    } else {
      small = 0;
      capitals = 0;
    }
  }
  return !(letters && digits);
}

// Whether the character before `at` is the last of an escape, such as %3D, \n or \u003d, and so no
// part of the word that follows.
bool is_behind_escape(std::string_view text, std::size_t at) {
  const auto hexadecimal = [&](std::size_t count) {
    return std::all_of(text.begin() + static_cast<std::ptrdiff_t>(at - count),
                       text.begin() + static_cast<std::ptrdiff_t>(at),
                       [](unsigned char c) { return std::isxdigit(c) != 0; });
  };
  const auto begins = [&](std::string_view sign, std::size_t digits) {
    return at >= sign.size() + digits &&
           text.substr(at - digits - sign.size(), sign.size()) == sign && hexadecimal(digits);
  };
  if (begins("%", 2) || begins("\\x", 2) || begins("\\u", 4)) return true;
  return at >= 2 && text[at - 2] == '\\' &&
         std::string_view("nrtbf").find(text[at - 1]) != std::string_view::npos;
}

bool is_whole_word(std::string_view text, const Range& range) {
  const bool goes_on = range.end < text.size() && is_letter_or_digit(text[range.end]) &&
                       is_letter_or_digit(text[range.end - 1]);
  if (goes_on) return false;
  return range.begin == 0 || !is_letter_or_digit(text[range.begin]) ||
         !is_letter_or_digit(text[range.begin - 1]) || is_behind_escape(text, range.begin);
}

bool is_mask(std::string_view text, const Range& range) {
  if (range.begin == 0 || text[range.begin - 1] != '[') return false;
  if (range.end == text.size() || text[range.end] != ']') return false;
  const std::string_view word = text.substr(range.begin, range.end - range.begin);
  return std::find(kMasks.begin(), kMasks.end(), word) != kMasks.end();
}

// Whether this beginning of a secret is one, and not what other texts begin with as well.
bool gives_away(std::string_view text, const Range& range) {
  const std::size_t length = range.end - range.begin;
  if (length >= kLongBeginning) return true;
  if (!is_ordinary(text.substr(range.begin, length))) return true;
  const std::string_view rest = text.substr(range.end);
  const bool is_cut = rest.empty() || rest.starts_with("...") || rest.starts_with("\xe2\x80\xa6");
  return is_cut && is_whole_word(text, range);
}

std::size_t needle_of(std::string_view value) {
  return std::min(value.size(),
                  std::max(kShortBeginning, std::min(value.size() / 2, kLongBeginning)));
}

std::string in_json(std::string_view value) {
  std::string text = nlohmann::json(std::string(value))
                         .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return text.substr(1, text.size() - 2);
}

std::string in_url(std::string_view value) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || std::string_view("-._~").find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += '%';
      out += kDigits[byte >> 4U];
      out += kDigits[byte & 0x0FU];
    }
  }
  return out;
}

class Registry {
 public:
  void keep(std::string_view value) {
    if (value.size() < kShortestSecret) return;
    const std::unique_lock lock(mutex_);
    add(std::string(value));
    add(in_json(value));
    add(in_url(value));
    while (!value.empty()) {
      const std::size_t end = std::min(value.find('\n'), value.size());
      const std::string_view line = value.substr(0, end);
      if (line.size() >= kShortestLine) add(std::string(line));
      value.remove_prefix(std::min(end + 1, value.size()));
    }
    while (secrets_.size() > kMostSecrets) secrets_.erase(secrets_.begin() + kLastingSecrets);
  }

  std::string mask(std::string_view text) const {
    std::vector<Range> ranges;
    {
      const std::shared_lock lock(mutex_);
      for (const KnownSecret& secret : secrets_) find(text, secret, ranges);
    }
    return without(text, std::move(ranges));
  }

  [[nodiscard]] std::uint64_t generation() const {
    return generation_.load(std::memory_order_relaxed);
  }

 private:
  void add(std::string value) {
    const bool known = std::any_of(secrets_.begin(), secrets_.end(),
                                   [&](const KnownSecret& other) { return other.value == value; });
    if (known) return;
    const std::size_t needle = needle_of(value);
    const bool whole_word =
        value.size() < kShortestAnywhere || (value.size() < kLongSecret && is_ordinary(value));
    secrets_.push_back({std::move(value), needle, whole_word});
    generation_.fetch_add(1, std::memory_order_relaxed);
  }

  // Adds where the text has the secret, or a beginning of it.
  static void find(std::string_view text, const KnownSecret& secret, std::vector<Range>& ranges) {
    const std::string_view value = secret.value;
    const std::string_view needle = value.substr(0, secret.needle);
    std::size_t at = text.find(needle);
    while (at != std::string_view::npos) {
      Range range{at, at + needle.size()};
      while (range.end - at < value.size() && range.end < text.size() &&
             text[range.end] == value[range.end - at]) {
        ++range.end;
      }
      const bool whole = range.end - at == value.size();
      const bool found =
          whole ? !secret.whole_word || is_whole_word(text, range) : gives_away(text, range);
      if (found && !is_mask(text, range)) {
        ranges.push_back(range);
        at = range.end;
      } else {
        ++at;
      }
      at = text.find(needle, at);
    }
  }

  // One secret may be the beginning of another, so what overlaps is masked as one.
  static std::string without(std::string_view text, std::vector<Range> ranges) {
    std::sort(ranges.begin(), ranges.end(),
              [](const Range& a, const Range& b) { return a.begin < b.begin; });
    std::string out;
    std::size_t shown = 0;
    for (const Range& range : ranges) {
      if (range.begin >= shown) {
        out += text.substr(shown, range.begin - shown);
        out += kShown;
      }
      shown = std::max(shown, range.end);
    }
    out += text.substr(shown);
    return out;
  }

  mutable std::shared_mutex mutex_;
  std::deque<KnownSecret> secrets_;  // guarded by mutex_
  std::atomic<std::uint64_t> generation_{0};
};

Registry& registry() {
  // Never destroyed: threads may log while the process ends.
  static auto* const all = new Registry();
  return *all;
}

// JSON of settings is written by people, and nested no deeper than YAML allows.
void keep_strings(const nlohmann::json& json, bool secret) {
  if (json.is_string() && secret) keep_secret(json.get_ref<const std::string&>());
  if (json.is_number() && secret) keep_secret(json.dump());
  if (json.is_array()) {
    for (const nlohmann::json& item : json) keep_strings(item, secret);
  }
  if (json.is_object()) {
    for (const auto& [name, value] : json.items())
      keep_strings(value, secret || names_secret(name));
  }
}

}  // namespace

void keep_secret(std::string_view value) {
  keep_pieces(value);
  registry().keep(value);
  // A header's value: whoever repeats it may leave the scheme out.
  for (const std::string_view scheme : {"bearer ", "basic ", "token ", "apikey "}) {
    const bool has_scheme =
        value.size() > scheme.size() &&
        std::equal(scheme.begin(), scheme.end(), value.begin(), [](char a, char b) {
          return a == static_cast<char>(std::tolower(static_cast<unsigned char>(b)));
        });
    if (has_scheme) registry().keep(value.substr(scheme.size()));
  }
}

void keep_secrets_in_json(std::string_view json, bool all) {
  const nlohmann::json parsed = nlohmann::json::parse(json, nullptr, false);
  if (!parsed.is_discarded()) keep_strings(parsed, all);
}

bool names_secret(std::string_view name) {
  constexpr std::array<std::string_view, 10> kWords = {
      "secret", "token",  "password",   "passwd",    "passphrase",
      "apikey", "bearer", "privatekey", "accesskey", "credential"};
  std::string plain;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0) plain += static_cast<char>(std::tolower(byte));
  }
  for (const std::string_view whole :
       {"authorization", "proxyauthorization", "cookie", "setcookie", "pass", "pin"}) {
    if (plain == whole) return true;
  }
  // DB_PASS and smtp.pwd, but not bypass, and not PWD, which is a directory.
  for (const std::string_view last : {"pass", "pwd", "pin"}) {
    const std::size_t before = plain.size() - std::min(plain.size(), last.size());
    const std::size_t divider = name.size() - std::min(name.size(), last.size() + 1);
    if (plain.ends_with(last) && before > 0 && name.size() > last.size() &&
        std::string_view("_-. ").find(name[divider]) != std::string_view::npos) {
      return true;
    }
  }
  return std::any_of(kWords.begin(), kWords.end(),
                     [&](std::string_view word) { return plain.find(word) != std::string::npos; });
}

std::string mask_secrets(std::string_view text) {
  return mask_pieces(registry().mask(text));
}

std::uint64_t secrets_generation() {
  return registry().generation();
}

}  // namespace penstock::gate
