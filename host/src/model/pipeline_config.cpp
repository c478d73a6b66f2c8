#include "model/pipeline_config.hpp"

#include <algorithm>

#include "gate/secrets.hpp"

namespace penstock {

Secret::Secret(std::string text) : text_(std::move(text)) {
  gate::keep_secret(text_);
}

const ConnectionConfig* PipelineConfig::find_connection(const std::string& wanted) const {
  const auto found =
      std::find_if(connections.begin(), connections.end(),
                   [&](const ConnectionConfig& connection) { return connection.name == wanted; });
  return found == connections.end() ? nullptr : &*found;
}

}  // namespace penstock
