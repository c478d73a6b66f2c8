#include "pipeline.hpp"

#include <filesystem>
#include <system_error>

#include "services/state_dir.hpp"

namespace penstock {

Pipeline::~Pipeline() {
  instances_.clear();
  services_.clear();
}

Result<std::unique_ptr<Pipeline>> Pipeline::load(const std::string& path,
                                                 const config::LoadOptions& options, State state,
                                                 Diagnostics& diagnostics) {
  std::unique_ptr<Pipeline> pipeline(new Pipeline());
  ASSIGN_OR_RETURN(pipeline->config_, config::load_pipeline(path, options, diagnostics));
  pipeline->program_ = mapping::compile(pipeline->config_, diagnostics);
  if (pipeline->program_ == nullptr) return diagnostics.status();
  RETURN_IF_ERROR(pipeline->connect(state));
  return pipeline;
}

void Pipeline::set_notice_sink(std::uint32_t destination, services::NoticeSink sink) {
  if (services_[destination] != nullptr) services_[destination]->set_notice_sink(std::move(sink));
}

Status Pipeline::connect(State state) {
  if (state == State::on_disk) {
    RETURN_IF_ERROR(services::prepare_state_dir(config_.state_dir));
    ASSIGN_OR_RETURN(lock_, services::StateLock::acquire(config_.state_dir, config_.path));
  }
  std::error_code ignored;  // what cannot be looked at is not there
  if (state == State::on_disk ||
      (state == State::beside && std::filesystem::is_directory(config_.state_dir, ignored))) {
    ASSIGN_OR_RETURN(store_, services::KeyValueStore::open(config_.state_dir));
  }
  for (const ConnectionConfig& connection : config_.connections) {
    connections_.push_back(std::make_unique<services::HttpConnection>(
        services::http_options(connection, config_.path,
                               state == State::nowhere ? "" : config_.state_dir),
        clock_));
  }
  const std::size_t shared = connections_.size();
  for (const DestinationConfig& destination : config_.destinations) {
    services::HttpConnection* http = nullptr;
    if (destination.enabled) {
      for (std::size_t i = 0; i < shared; ++i) {
        if (config_.connections[i].name == destination.connection) http = connections_[i].get();
      }
      if (http == nullptr) {
        services::HttpOptions options;
        options.rates = destination.plugin->rates;
        connections_.push_back(
            std::make_unique<services::HttpConnection>(std::move(options), clock_));
        http = connections_.back().get();
      }
    }
    http_of_.push_back(http);
    services_.push_back(nullptr);
    instances_.push_back(nullptr);
    if (!destination.enabled) continue;
    services_.back() = std::make_unique<services::DestinationServices>(destination.name, http,
                                                                       store_.get(), clock_);
    const auto index = static_cast<std::uint32_t>(instances_.size() - 1);
    ASSIGN_OR_RETURN(instances_.back(),
                     plugin::Instance::create(destination, services_.back()->table(),
                                              mapping::told_json(*program_, index)));
  }
  for (mapping::Program::Mapping& mapping : program_->mappings) {
    mapping.instance = instances_[mapping.destination].get();
  }
  return {};
}

}  // namespace penstock
