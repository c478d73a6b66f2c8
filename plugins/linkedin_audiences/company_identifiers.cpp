#include "company_identifiers.hpp"

#include <algorithm>
#include <cstddef>

#include <penstock/sdk/text.hpp>

#include "domain.hpp"
#include "identifiers.hpp"
#include "mail_providers.hpp"

namespace penstock::linkedin {
namespace {

// Longer names are no domains; they need not be lower-cased to see it.
constexpr std::size_t kMaxHost = 300;
constexpr std::size_t kMaxIdDigits = 19;  // of a signed 64-bit number

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = sdk::utf8_sequence(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

// Without what stands before the host of a URL.
std::string_view without_scheme(std::string_view text) {
  if (const std::size_t scheme = text.find("//");
      scheme != std::string_view::npos && scheme == text.find_first_of("/?#\\")) {
    text.remove_prefix(scheme + 2);
  }
  return text;
}

// The part of a URL, an e-mail address or a bare name that names the host.
std::string_view host_of(std::string_view text) {
  text = without_scheme(text);
  text = text.substr(0, text.find_first_of("/?#\\"));
  if (const std::size_t at = text.rfind('@'); at != std::string_view::npos) {
    text.remove_prefix(at + 1);
  }
  text = trim(text.substr(0, text.find(':')));
  while (!text.empty() && text.back() == '.') text.remove_suffix(1);
  return text;
}

// From the first slash of a URL to its query or fragment; "" where there is none.
std::string_view path_of(std::string_view text) {
  text = without_scheme(text);
  const std::size_t slash = text.find_first_of("/?#\\");
  if (slash == std::string_view::npos || text[slash] != '/') return {};
  text.remove_prefix(slash);
  return text.substr(0, text.find_first_of("?#"));
}

bool starts_with_any_case(std::string_view text, std::string_view lower) {
  return text.size() >= lower.size() &&
         std::equal(lower.begin(), lower.end(), text.begin(), [](char wanted, char found) {
           return wanted ==
                  (found >= 'A' && found <= 'Z' ? static_cast<char>(found + 0x20) : found);
         });
}

bool is_at_linkedin(std::string_view host) {
  constexpr std::string_view kLinkedIn = "linkedin.com";
  if (host.size() < kLinkedIn.size()) return false;
  const std::size_t begin = host.size() - kLinkedIn.size();
  return starts_with_any_case(host.substr(begin), kLinkedIn) &&
         (begin == 0 || host[begin - 1] == '.');
}

}  // namespace

bool append_page_url(std::string_view raw, std::string& out) {
  const std::string_view url = trim(raw);
  if (!is_at_linkedin(host_of(url))) return false;
  const std::string_view path = path_of(url);
  for (const std::string_view kind : {"/company/", "/school/", "/showcase/"}) {
    if (!starts_with_any_case(path, kind) || path.size() == kind.size()) continue;
    const std::string_view address = without_scheme(url);
    if (address.size() == url.size()) out.append("https://");
    out.append(url);
    return true;
  }
  return false;
}

bool append_domain(std::string_view raw, DomainKind kind, std::string& out) {
  std::string_view host = host_of(trim(raw));
  if (host.size() > kMaxHost) return false;
  // White space inside is a mistake in the value, not a way to write a domain. Bytes that are no
  // characters must not become some by what is left out between them.
  const auto control_or_space = [](char c) { return static_cast<unsigned char>(c) <= ' '; };
  if (!is_utf8(host) || std::any_of(host.begin(), host.end(), control_or_space)) return false;
  std::string lower;
  append_normalised_email(host, lower);  // lower-cases as addresses are lower-cased
  std::string_view name = lower;
  constexpr std::string_view kWww = "www.";
  // Not of "www.com", which is a name of its own.
  std::string_view bare = name;
  if (name.substr(0, kWww.size()) == kWww &&
      name.find('.', kWww.size()) != std::string_view::npos) {
    bare.remove_prefix(kWww.size());
  }
  if (kind == DomainKind::website) name = bare;
  if (!is_domain(name) || is_mail_provider(bare)) return false;
  // A page at LinkedIn is not the website of whose page it is.
  if (kind == DomainKind::website && is_at_linkedin(name) && path_of(trim(raw)).size() > 1) {
    return false;
  }
  out.append(name);
  return true;
}

bool append_organization_urn(std::string_view raw, std::string& out) {
  std::string_view id = trim(raw);
  for (const std::string_view prefix : {"urn:li:organization:", "urn:li:company:"}) {
    if (!starts_with_any_case(id, prefix)) continue;
    id.remove_prefix(prefix.size());
    break;
  }
  while (id.size() > 1 && id.front() == '0') id.remove_prefix(1);
  if (id.empty() || id == "0" || id.size() > kMaxIdDigits ||
      !std::all_of(id.begin(), id.end(), is_digit)) {
    return false;
  }
  out.append("urn:li:organization:").append(id);
  return true;
}

}  // namespace penstock::linkedin
