// Reading `respect_consent` of a destination.
#pragma once

#include <optional>
#include <string>

#include "model/diagnostics.hpp"
#include "model/node.hpp"
#include "model/pipeline_config.hpp"

namespace penstock::config {

// Nothing where consent is not to be respected (`respect_consent: false`) or a fault was reported.
[[nodiscard]] std::optional<ConsentConfig> read_consent(const Node& node, const std::string& label,
                                                        Diagnostics& diagnostics);

}  // namespace penstock::config
