// Countries as ISO 3166-1 alpha-2 names them: what LinkedIn takes.
#pragma once

#include <string_view>

namespace penstock::linkedin {

// The officially assigned code that `text` is, in upper case and valid for ever; "" when it is
// none. "UK", which ISO reserves for the United Kingdom and many write, is "GB".
[[nodiscard]] std::string_view country_code(std::string_view text);

}  // namespace penstock::linkedin
