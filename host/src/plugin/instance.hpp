// Instance: one plugin at work for one destination.
#pragma once

#include <penstock/abi.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "model/pipeline_config.hpp"
#include "model/status.hpp"
#include "plugin/now_in.hpp"

namespace penstock::plugin {

// What a plugin's check found.
struct CheckResult {
  StatusCode code = StatusCode::ok;
  std::string reason;   // the plugin's stable code; "" when ok, or when it gave none
  std::string message;  // in the plugin's words; "" when ok

  [[nodiscard]] bool ok() const { return code == StatusCode::ok; }
};

// Whether this host loads what says in its manifest that it needs this ABI: any minor number of its
// own major one, since a plugin looks itself whether what it wants is there. The library is not
// opened.
[[nodiscard]] Status check_abi_claim(const PluginManifest& manifest);

class Instance {
 public:
  // Loads the library, checks the ABI of the manifest before and of the plugin after, finds all
  // hooks, and calls init and settings. `host` must outlive the instance. A failure names the
  // destination, the plugin, what was looked for and where; what is wrong with a setting names
  // file, line and column of that setting. `mappings_json`: penstock_config.mappings.
  // [control-thread] [may-block]
  [[nodiscard]] static Result<std::unique_ptr<Instance>> create(
      const DestinationConfig& destination, const penstock_host* host,
      std::string_view mappings_json = "[]");
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;
  // quiesce, then destroy. No hook may be running. [control-thread] [may-block]
  ~Instance();

  // The mapping hook, with the status that the plugin returned, which may be none of abi.h. `error`
  // (which the caller need not prepare) then says why, with all texts terminated. [worker]
  std::int32_t map(const penstock_record& record, const penstock_emitter& emitter,
                   penstock_error& error) noexcept;
  // The send hook, otherwise as map(). [send-thread] [may-block]
  std::int32_t send(const penstock_batch& batch, penstock_error& error) noexcept;

  [[nodiscard]] bool has_check() const { return check_ != nullptr; }
  // The check hook. Requires has_check(). [control-thread] [may-block]
  [[nodiscard]] CheckResult check(std::int64_t deadline_ns);

  // A hook that takes longer hangs, and is named. A send is over 10 s after its deadline of 2
  // minutes (send::kSendDeadlineNs), a question has as long.
  static constexpr std::chrono::seconds kSendLimit{130};
  static constexpr std::chrono::seconds kHookLimit{30};

  // abi.h, penstock_query: room for tens of thousands of audiences.
  static constexpr std::size_t kMaxAnswerBytes = 16 * 1024 * 1024;
  [[nodiscard]] bool has_query() const { return query_ != nullptr; }
  // The query hook, with the name of a question and the text of a JSON object: the text that the
  // plugin answered, without the secrets that the process knows; nobody has parsed it yet. A
  // failure is told in its words. A plugin that answers never, twice, after an error or with too
  // much is at fault (StatusCode::internal). Requires has_query(). [control-thread] [may-block]
  [[nodiscard]] Result<std::string> query(std::string_view name, std::string_view arguments_json,
                                          std::int64_t deadline_ns);

 private:
  Instance() = default;
  [[nodiscard]] Status bind(const DestinationConfig& destination);
  [[nodiscard]] Status init(const DestinationConfig& destination, const penstock_host* host);
  [[nodiscard]] Status settings(const DestinationConfig& destination,
                                std::string_view mappings_json);

  std::string title_;  // for messages: destination "x", plugin y
  // Where a thread is during each hook (now_in.hpp).
  struct Places {
    const HookPlace* loading;
    const HookPlace* init;
    const HookPlace* settings;
    const HookPlace* mapping;
    const HookPlace* send;
    const HookPlace* check;
    const HookPlace* query;
    const HookPlace* quiesce;
    const HookPlace* destroy;
  };
  static Places places_of(const DestinationConfig& destination);

  Places places_{};
  penstock_init_fn init_ = nullptr;
  penstock_settings_fn settings_ = nullptr;
  penstock_mapping_fn mapping_ = nullptr;
  penstock_send_fn send_ = nullptr;
  penstock_check_fn check_ = nullptr;
  penstock_query_fn query_ = nullptr;
  penstock_descriptor descriptor_{};
};

}  // namespace penstock::plugin
