#include "model/pipeline_config.hpp"

#include <algorithm>

namespace penstock {

const ConnectionConfig* PipelineConfig::find_connection(const std::string& wanted) const {
  const auto found =
      std::find_if(connections.begin(), connections.end(),
                   [&](const ConnectionConfig& connection) { return connection.name == wanted; });
  return found == connections.end() ? nullptr : &*found;
}

}  // namespace penstock
