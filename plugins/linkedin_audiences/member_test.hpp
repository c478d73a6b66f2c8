// One person put into an audience and taken out again, to see that it works: the query
// "test_member".
#pragma once

#include <cstdint>
#include <string>

#include <nlohmann/json_fwd.hpp>
#include <penstock/sdk/error.hpp>

#include "audience.hpp"
#include "segment_api.hpp"
#include "settings.hpp"

namespace penstock::linkedin {

class MemberTest {
 public:
  MemberTest(const sdk::Host& host, const Settings& settings)
      : host_(host), http_(host), segments_(host, settings), settings_(settings) {}

  // [may-block] One request, sent once: an ADD or a REMOVE of one person, by e-mail address. OK
  // with what was sent and answered, whatever the answer; an error only while nothing was sent.
  [[nodiscard]] std::int32_t run(const Audience& audience, const nlohmann::json& arguments,
                                 const Errand& errand, std::string& answer,
                                 const sdk::Error& error) const;

 private:
  // The id of the audience's segment; or the code of the error that was filled.
  [[nodiscard]] std::int32_t find_segment(const Audience& audience, const Errand& errand,
                                          std::string& id, const sdk::Error& error) const;

  sdk::Host host_;
  sdk::Http http_;
  SegmentApi segments_;
  const Settings& settings_;
};

}  // namespace penstock::linkedin
