// Pipeline: everything that a pipeline manifest names, loaded and connected. Together with run.cpp
// the only place that knows all stages.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/pipeline.hpp"
#include "mapping/program.hpp"
#include "model/diagnostics.hpp"
#include "model/pipeline_config.hpp"
#include "plugin/instance.hpp"
#include "plugin/watchdog.hpp"
#include "services/clock.hpp"
#include "services/destination_services.hpp"
#include "services/http.hpp"
#include "services/kv.hpp"
#include "services/run_record.hpp"
#include "services/state_lock.hpp"

namespace penstock {

class Pipeline {
 public:
  enum class State : std::uint8_t {
    on_disk,  // the state directory is made, locked and used: for run
    beside,   // used where there is one, without its lock, so also while run runs: for commands
              // that ask destinations
    nowhere,  // nothing is written: for validate and try. Plugins get no key-value store
  };

  // Reads the manifests, compiles triggers and mappings, loads the plugins and gives them their
  // settings. Nothing is read from the source and nothing is sent. All that is wrong with manifests
  // is in diagnostics (status configuration).
  static Result<std::unique_ptr<Pipeline>> load(const std::string& path,
                                                const config::LoadOptions& options, State state,
                                                Diagnostics& diagnostics);
  // Plugin instances go first, then what they use.
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  [[nodiscard]] const PipelineConfig& config() const { return config_; }
  [[nodiscard]] const mapping::Program& program() const { return *program_; }
  [[nodiscard]] services::Clock& clock() { return clock_; }
  // Keeps how the run ended, for `status`: with State::on_disk, and once. A plugin that is at fault
  // afterwards, while its instance is destroyed, is recorded still.
  void record_end(const Status& status);
  // Of the state directory; null with State::nowhere, and with State::beside where there is none.
  [[nodiscard]] services::KeyValueStore* store() { return store_.get(); }
  // By destination; null where it is disabled.
  [[nodiscard]] plugin::Instance* instance(std::uint32_t destination) {
    return instances_[destination].get();
  }
  // The HTTP connection that a destination uses; null where it is disabled.
  [[nodiscard]] services::HttpConnection* http(std::uint32_t destination) {
    return http_of_[destination];
  }
  // Where the notices of a destination's plugin go from now on; without a sink to the log. Nothing
  // happens where the destination is disabled.
  void set_notice_sink(std::uint32_t destination, services::NoticeSink sink);
  [[nodiscard]] const std::vector<std::unique_ptr<services::HttpConnection>>& connections() const {
    return connections_;
  }

 private:
  Pipeline() = default;
  Status connect(State state, bool allow_shared_state);
  Status load_plugins(std::size_t shared);

  services::SystemClock clock_;
  PipelineConfig config_;
  std::unique_ptr<mapping::Program> program_;
  std::optional<services::StateLock> lock_;  // held as long as the state directory is used
  std::optional<services::RunRecord> record_;
  bool recorded_ = false;  // how the run ended
  std::unique_ptr<services::KeyValueStore> store_;
  std::vector<std::unique_ptr<services::HttpConnection>> connections_;
  std::vector<services::HttpConnection*> http_of_;
  std::vector<std::unique_ptr<services::DestinationServices>> services_;
  std::optional<plugin::Watchdog> watchdog_;
  std::vector<std::unique_ptr<plugin::Instance>> instances_;
};

}  // namespace penstock
