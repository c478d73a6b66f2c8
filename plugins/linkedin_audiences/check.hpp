// The check hook: proves that deliveries will be accepted, changing nothing at LinkedIn.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <penstock/sdk/error.hpp>
#include <penstock/sdk/notices.hpp>

#include "api.hpp"
#include "check_pause.hpp"
#include "settings.hpp"

namespace penstock::linkedin {

class Check {
 public:
  Check(const sdk::Host& host, const Settings& settings)
      : host_(host),
        notices_(host),
        api_(host, settings),
        pause_(host, settings),
        settings_(settings) {}

  // [may-block] Token, member, ad account, role, the permission for audiences and the API version,
  // in this order; the first that is not in order is the error. What cannot be looked at for want
  // of a permission that deliveries do not need is a notice. The first answer that asks for fewer
  // requests ends it, and as long as that answer says, LinkedIn is not asked again, over restarts,
  // too: that is an error of the kind that may pass.
  [[nodiscard]] std::int32_t run(std::int64_t deadline_ns, const sdk::Error& error) const;

 private:
  // Each returns OK, or the code of the error that it filled.
  [[nodiscard]] std::int32_t read_member(const Errand& errand, std::string& member,
                                         const sdk::Error& error) const;
  [[nodiscard]] std::int32_t check_account(const Errand& errand, const sdk::Error& error) const;
  [[nodiscard]] std::int32_t read_role(const Errand& errand, const std::string& member,
                                       std::optional<std::string>& role,
                                       const sdk::Error& error) const;
  [[nodiscard]] std::int32_t read_role_from_list(const Errand& errand,
                                                 std::optional<std::string>& role,
                                                 const sdk::Error& error) const;
  [[nodiscard]] std::int32_t check_role(const std::string& role, const sdk::Error& error) const;
  [[nodiscard]] std::int32_t check_audiences(const Errand& errand, bool role_is_known,
                                             const sdk::Error& error) const;
  // Of an answer that none of the above can use; `of`: what it was asked about.
  [[nodiscard]] std::int32_t refuse(const sdk::HttpResponse& response, const char* doing,
                                    const sdk::Error& error,
                                    CheckPause::Of of = CheckPause::Of::account) const;
  [[nodiscard]] std::int32_t no_access(const sdk::Error& error) const;

  sdk::Host host_;
  sdk::Notices notices_;
  Api api_;
  CheckPause pause_;
  const Settings& settings_;
};

}  // namespace penstock::linkedin
