// LinkedIn Audiences: keeps LinkedIn's Matched Audiences equal to the audiences of Segment Engage.

#include <memory>

#include <penstock/sdk/plugin.hpp>

#include "mapping.hpp"
#include "send.hpp"
#include "settings.hpp"

namespace penstock::linkedin {

class Plugin {
 public:
  explicit Plugin(const sdk::Host& host) : host_(host) {}

  std::int32_t settings(const sdk::Config& config, const sdk::Error& error) {
    if (const std::int32_t code = read_settings(config, settings_, error); code != PENSTOCK_OK) {
      return code;
    }
    const std::optional<std::uint32_t> action = config.find_action("sync_to_dmp_segment");
    if (!action) {
      return error.fail(PENSTOCK_ERR_INVALID, "unknown_action", {},
                        "the manifest does not declare the action sync_to_dmp_segment; are the "
                        "manifest and the library of one version?");
    }
    action_ = *action;
    if (const std::int32_t code = mapping_.bind(config.action(action_), error);
        code != PENSTOCK_OK) {
      return code;
    }
    sender_ = std::make_unique<Sender>(host_, settings_);
    return PENSTOCK_OK;
  }

  std::int32_t mapping(const sdk::Record& record, const sdk::Emitter& emitter,
                       const sdk::Error& error) const {
    if (record.action() != action_) return error.internal("a record of an unknown action");
    return mapping_.map(settings_, record, emitter, error);
  }

  std::int32_t send(const sdk::Batch& batch, const sdk::Error& error) {
    if (sender_ == nullptr) return error.internal("send was called before settings");
    sender_->send(batch);
    return PENSTOCK_OK;
  }

 private:
  sdk::Host host_;
  Settings settings_;
  std::uint32_t action_ = 0;
  Mapping mapping_;
  std::unique_ptr<Sender> sender_;
};

}  // namespace penstock::linkedin

PENSTOCK_PLUGIN(linkedin_audiences, penstock::linkedin::Plugin)
