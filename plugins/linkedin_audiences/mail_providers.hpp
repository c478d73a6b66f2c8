// Domains of providers of mailboxes: an address there does not say at which company somebody is.
#pragma once

#include <string_view>

namespace penstock::linkedin {

// `domain` is in lower case. Knows the large providers of the world, in their countries' domains
// too; a small one passes as a company.
[[nodiscard]] bool is_mail_provider(std::string_view domain);

}  // namespace penstock::linkedin
