// What the hooks check and query return when LinkedIn did not do what was asked.
#pragma once

#include <cstdint>

#include <penstock/sdk/batch.hpp>
#include <penstock/sdk/error.hpp>

namespace penstock::linkedin {

// Fills the error with the outcome's reason and words and returns the code for it: ERR_AUTH and
// ERR_INVALID where a person has to act, ERR_TRANSPORT where trying again may help.
[[nodiscard]] std::int32_t fail_with(const sdk::Outcome& outcome, const sdk::Error& error);

}  // namespace penstock::linkedin
