// Guards the LinkedIn plugin against whatever stands where a company's domain or id belongs: what
// comes out is a domain or a URN of the form that LinkedIn takes, or nothing, and is stable.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "company_identifiers.hpp"

using namespace penstock::linkedin;

namespace {

void check_domain(std::string_view raw, DomainKind kind) {
  std::string domain;
  if (!append_domain(raw, kind, domain)) {
    if (!domain.empty()) std::abort();
    return;
  }
  if (domain.find('.') == std::string::npos || domain.size() > 253) std::abort();
  if (domain.find_first_of(" \t\r\n/:?#@\\\"") != std::string::npos) std::abort();
  if (std::any_of(domain.begin(), domain.end(), [](char c) { return c >= 'A' && c <= 'Z'; })) {
    std::abort();
  }
  // Of an e-mail domain nothing can be cut off twice.
  std::string again;
  if (!append_domain(domain, DomainKind::email, again) || again != domain) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view raw(reinterpret_cast<const char*>(data), size);
  check_domain(raw, DomainKind::website);
  check_domain(raw, DomainKind::email);
  std::string urn;
  if (append_organization_urn(raw, urn)) {
    std::string again;
    if (!append_organization_urn(urn, again) || again != urn) std::abort();
  } else if (!urn.empty()) {
    std::abort();
  }
  return 0;
}
