// What came to the listener of a login: a request's head, read without believing any of it.
#pragma once

#include <string>
#include <string_view>

namespace penstock::cli {

// The target of a GET ("/callback?code=..."), or "" when it is none.
[[nodiscard]] std::string request_target(std::string_view head);

// Whether a request names this machine as its host, once. A page elsewhere whose name leads here
// (DNS rebinding) names itself.
[[nodiscard]] bool is_for_this_machine(std::string_view head);

}  // namespace penstock::cli
