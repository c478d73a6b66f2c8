// Tells people what becomes of segments at LinkedIn: archived, expired, failed, deleted, doubled,
// replaced.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <penstock/sdk/batch.hpp>
#include <penstock/sdk/notices.hpp>

#include "audience.hpp"
#include "segment.hpp"
#include "settings.hpp"

namespace penstock::linkedin {

// What a status means to somebody who manages ads, in a sentence, and what to do; "" for those
// that need no word. Without the audience's name.
[[nodiscard]] std::string_view advice_on(SegmentStatus status);

// How an audience whose members are gone is filled again.
[[nodiscard]] std::string_view how_to_resend();

// [any-thread] A notice is raised when it begins to hold, or comes to hold for one more audience;
// it then names all of them.
class SegmentWatch {
 public:
  SegmentWatch(const sdk::Host& host, const Settings& settings)
      : host_(host), notices_(host), settings_(settings) {}

  // LinkedIn showed these segments for the audience, the oldest, which is used, first.
  void seen(const Audience& audience, const std::vector<Segment>& segments);
  // The same, and tells when the version of the API ends soon: the run may last longer than it.
  void seen_while_sending(const Audience& audience, const std::vector<Segment>& segments);
  // What a mapping says about its audience does not fit LinkedIn's segment.
  void refused(const sdk::Outcome& outcome) {
    notices_.raise(PENSTOCK_LOG_ERROR, outcome.reason, outcome.message);
  }
  // Whether it is not known if the audience was created, because the answer was lost.
  void unconfirmed(const Audience& audience, bool holds);
  // The segment that was used does not exist any more.
  void deleted(const Audience& audience, const std::string& id);
  // Another segment of the audience is used from now on, because it is older.
  void moved(const Audience& audience, const std::string& from, const std::string& to);
  // The segment that was used does not exist any more, but another of the same key does.
  void replaced(const Audience& audience, const std::string& gone, const std::string& by);

 private:
  // The audiences of which something holds, by segment id.
  struct Affected {
    std::map<std::string, std::string> phrases;
  };
  // `holds` false: not any more. Raises when the audience is a new one among those affected.
  void note(std::string_view code, std::int32_t level, const std::string& id,
            const std::string& phrase, std::string_view advice, bool holds);
  void note_version();

  sdk::Host host_;
  sdk::Notices notices_;
  const Settings& settings_;
  std::mutex mutex_;                                       // guards everything below
  std::map<std::string, Affected, std::less<>> affected_;  // by code
  std::string version_warning_;
};

}  // namespace penstock::linkedin
