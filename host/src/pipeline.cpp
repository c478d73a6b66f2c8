#include "pipeline.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "send/retry_policy.hpp"
#include "services/log.hpp"
#include "services/state_dir.hpp"

namespace penstock {
namespace {

// What the plugins of several destinations say is wrong, to be shown at once.
class Failures {
 public:
  void add(const Status& status) {
    // A library that cannot be loaded fails all its destinations in the same words.
    if (std::find(messages_.begin(), messages_.end(), status.message()) != messages_.end()) return;
    if (messages_.empty()) code_ = status.code();
    messages_.push_back(status.message());
  }
  [[nodiscard]] Status status() const {
    if (messages_.empty()) return {};
    std::string text;
    for (const std::string& message : messages_) text += (text.empty() ? "" : "\n") + message;
    return {code_, text};
  }

 private:
  StatusCode code_ = StatusCode::ok;
  std::vector<std::string> messages_;
};

}  // namespace

Pipeline::~Pipeline() {
  instances_.clear();
  services_.clear();
}

Result<std::unique_ptr<Pipeline>> Pipeline::load(const std::string& path,
                                                 const config::LoadOptions& options, State state,
                                                 Diagnostics& diagnostics) {
  std::unique_ptr<Pipeline> pipeline(new Pipeline());
  const Status read = config::read_pipeline(path, options, pipeline->config_, diagnostics);
  // Also of a manifest with faults, so that those of its triggers and fields are shown with them.
  pipeline->program_ = mapping::compile(pipeline->config_, diagnostics, options.strict);
  RETURN_IF_ERROR(read);
  if (pipeline->program_ == nullptr) return diagnostics.status();
  Status connected = pipeline->connect(state, options.allow_shared_state);
  if (connected.ok()) return pipeline;
  pipeline->record_end(connected);
  return connected;
}

void Pipeline::record_end(const Status& status) {
  if (!record_ || recorded_) return;
  recorded_ = true;
  const Status kept = record_->end(clock_.wall_ns() / send::kNanosPerMilli,
                                   exit_code(status.code()), status.message());
  if (!kept.ok()) services::log(services::LogLevel::warning, "run", kept.message());
}

void Pipeline::set_notice_sink(std::uint32_t destination, services::NoticeSink sink) {
  if (services_[destination] != nullptr) services_[destination]->set_notice_sink(std::move(sink));
}

Status Pipeline::connect(State state, bool allow_shared_state) {
  if (state != State::nowhere && !allow_shared_state)
    RETURN_IF_ERROR(services::refuse_shared_state_dir(config_.state_dir));
  if (state == State::on_disk) {
    RETURN_IF_ERROR(services::prepare_state_dir(config_.state_dir));
    ASSIGN_OR_RETURN(lock_, services::StateLock::acquire(config_.state_dir, config_.path));
    auto record =
        services::RunRecord::begin(config_.state_dir, clock_.wall_ns() / send::kNanosPerMilli);
    // A run that cannot say afterwards how it went is still a run.
    if (record.ok()) {
      record_.emplace(std::move(record).value());
    } else {
      services::log(services::LogLevel::warning, "run", record.status().message());
    }
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
  watchdog_.emplace([](const std::string& sentence) {
    services::log(services::LogLevel::warning, "plugins", sentence);
  });
  return load_plugins(connections_.size());
}

// The first `shared` connections are those of the pipeline; other destinations get one each.
Status Pipeline::load_plugins(std::size_t shared) {
  Failures failures;
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
    auto created = plugin::Instance::create(destination, services_.back()->table(),
                                            mapping::told_json(*program_, index));
    if (created.ok()) {
      instances_.back() = std::move(created).value();
    } else {
      failures.add(created.status());
    }
  }
  RETURN_IF_ERROR(failures.status());
  for (mapping::Program::Mapping& mapping : program_->mappings) {
    mapping.instance = instances_[mapping.destination].get();
  }
  return {};
}

}  // namespace penstock
