// What identifies a company to LinkedIn, brought into the form that LinkedIn takes.
#pragma once

#include <string>
#include <string_view>

namespace penstock::linkedin {

enum class DomainKind {
  website,  // a leading "www." is cut off
  email,
};

// Appends the bare domain in `raw` to `out`: white space, scheme, user, port, path, query, fragment
// and final dots are cut off and letters lower-cased, so that "https://WWW.Example.com:8080/about"
// and "someone@example.com" both give "example.com". Returns whether the result is a domain: two or
// more labels of letters, digits, hyphens and characters beyond ASCII, and no IP address. Nor
// is the domain of a mail provider a company's, nor LinkedIn's in the address of a page there.
// Nothing is appended when it is not.
[[nodiscard]] bool append_domain(std::string_view raw, DomainKind kind, std::string& out);

// Appends the address of a company's page at LinkedIn to `out`, with "https://" where it lacks a
// scheme. False, and nothing appended, for anything else.
[[nodiscard]] bool append_page_url(std::string_view raw, std::string& out);

// Appends "urn:li:organization:N" to `out` for a bare number N, that URN, or the older
// urn:li:company:N, in any letter case and with white space around it. False, and nothing appended,
// for anything else.
[[nodiscard]] bool append_organization_urn(std::string_view raw, std::string& out);

}  // namespace penstock::linkedin
