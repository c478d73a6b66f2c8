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

#include "gate/pieces.hpp"

namespace penstock::gate {

namespace {

constexpr std::string_view kShown = "[secret]";
// A beginning of a secret is masked from this length on, or from half of the secret on if that is
// longer; what has kLongBeginning bytes in common with a secret is part of it.
constexpr std::size_t kShortBeginning = 8;
constexpr std::size_t kLongBeginning = 24;
// Lines of a secret of several lines, such as a private key, are secrets where they are that long.
constexpr std::size_t kShortestLine = 16;

struct KnownSecret {
  std::string value;
  std::size_t needle = 0;  // bytes from its start that give it away
};

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
    const std::shared_lock lock(mutex_);
    std::string out(text);
    for (const KnownSecret& secret : secrets_) mask_one(out, secret);
    return out;
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
    secrets_.push_back({std::move(value), needle});
    generation_.fetch_add(1, std::memory_order_relaxed);
  }

  static void mask_one(std::string& text, const KnownSecret& secret) {
    const std::string_view needle = std::string_view(secret.value).substr(0, secret.needle);
    for (std::size_t at = text.find(needle); at != std::string::npos; at = text.find(needle, at)) {
      std::size_t length = needle.size();
      while (length < secret.value.size() && at + length < text.size() &&
             text[at + length] == secret.value[length]) {
        ++length;
      }
      text.replace(at, length, kShown);
      at += kShown.size();
    }
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
  if (plain == "authorization" || plain == "proxyauthorization" || plain == "cookie") return true;
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
