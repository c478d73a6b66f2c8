// The query "identity": which LinkedIn member the connection's login belongs to.
#pragma once

#include <cstdint>
#include <string>

#include <penstock/sdk/error.hpp>

#include "api.hpp"
#include "settings.hpp"

namespace penstock::linkedin {

// [may-block] OK with {"id": ..., "name": ...} as JSON, or the code of the error that was filled.
// LinkedIn lets a member's app ask very rarely, so ask once for a login.
[[nodiscard]] std::int32_t tell_identity(const sdk::Host& host, const Settings& settings,
                                         std::int64_t deadline_ns, std::string& answer,
                                         const sdk::Error& error);

}  // namespace penstock::linkedin
