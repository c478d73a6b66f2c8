// LinkedIn Audiences: keeps LinkedIn's Matched Audiences equal to the audiences of Segment Engage.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <penstock/sdk/plugin.hpp>

#include "check.hpp"
#include "company_mapping.hpp"
#include "identity.hpp"
#include "query.hpp"
#include "send.hpp"
#include "settings.hpp"
#include "user_mapping.hpp"

namespace penstock::linkedin {

class Plugin {
 public:
  explicit Plugin(const sdk::Host& host) : host_(host) {}

  std::int32_t settings(const sdk::Config& config, const sdk::Error& error) {
    if (const std::int32_t code = read_settings(config, settings_, error); code != PENSTOCK_OK) {
      return code;
    }
    if (const std::int32_t code =
            bind("sync_to_dmp_segment", user_mapping_, user_action_, config, error);
        code != PENSTOCK_OK) {
      return code;
    }
    if (const std::int32_t code =
            bind("sync_to_company_segment", company_mapping_, company_action_, config, error);
        code != PENSTOCK_OK) {
      return code;
    }
    if (const MappingFault fault = fault_of_mappings(config.mappings()); !fault.message.empty()) {
      return error.fail(PENSTOCK_ERR_INVALID, "invalid_mapping", fault.field, fault.message);
    }
    audiences_ = audiences_of(config.mappings());
    sender_ = std::make_unique<Sender>(host_, settings_, AudienceNames::parse(config.mappings()));
    return PENSTOCK_OK;
  }

  std::int32_t mapping(const sdk::Record& record, const sdk::Emitter& emitter,
                       const sdk::Error& error) const {
    if (record.action() == user_action_) {
      return user_mapping_.map(settings_, record, emitter, error);
    }
    if (record.action() == company_action_) return company_mapping_.map(record, emitter, error);
    return error.internal("a record of an unknown action");
  }

  std::int32_t send(const sdk::Batch& batch, const sdk::Error& error) {
    if (sender_ == nullptr) return error.internal("send was called before settings");
    sender_->send(batch);
    return PENSTOCK_OK;
  }

  std::int32_t check(std::int64_t deadline_ns, const sdk::Error& error) {
    if (sender_ == nullptr) return error.internal("check was called before settings");
    const std::int32_t code = Check(host_, settings_).run(deadline_ns, error);
    // Also of an audience that no event may be about for months: such are those that expire.
    if (code == PENSTOCK_OK && !audiences_.empty()) sender_->look_at(audiences_, deadline_ns);
    return code;
  }

  std::int32_t query(std::string_view name, std::string_view arguments_json,
                     std::int64_t deadline_ns, std::string& answer, const sdk::Error& error) {
    if (sender_ == nullptr) return error.internal("query was called before settings");
    if (name == "identity") return tell_identity(host_, settings_, deadline_ns, answer, error);
    return Query(host_, settings_).run(name, arguments_json, deadline_ns, answer, error);
  }

 private:
  template <typename Mapping>
  static std::int32_t bind(std::string_view name, Mapping& mapping, std::uint32_t& index,
                           const sdk::Config& config, const sdk::Error& error) {
    const std::optional<std::uint32_t> action = config.find_action(name);
    if (!action) {
      return error.fail(PENSTOCK_ERR_INVALID, "unknown_action", {},
                        "the manifest does not declare the action " + std::string(name) +
                            "; are the manifest and the library of one version?");
    }
    index = *action;
    return mapping.bind(config.action(index), error);
  }

  sdk::Host host_;
  Settings settings_;
  std::uint32_t user_action_ = 0;
  std::uint32_t company_action_ = 0;
  UserMapping user_mapping_;
  CompanyMapping company_mapping_;
  std::vector<Audience> audiences_;  // that the mappings name
  std::unique_ptr<Sender> sender_;
};

}  // namespace penstock::linkedin

PENSTOCK_PLUGIN_WITH_CHECK_AND_QUERY(linkedin_audiences, penstock::linkedin::Plugin)
