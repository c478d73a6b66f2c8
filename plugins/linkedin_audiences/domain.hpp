// Names of hosts, as they stand in addresses and URLs.
#pragma once

#include <string_view>

namespace penstock::linkedin {

// Whether this lower-case text is a domain: two or more labels of letters, digits, hyphens and
// characters beyond ASCII, and not an IP address.
[[nodiscard]] bool is_domain(std::string_view name);

}  // namespace penstock::linkedin
