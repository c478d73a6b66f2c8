// A batch of people or companies, sent to its segment, and what LinkedIn said about each of them.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <penstock/sdk/batch.hpp>
#include <penstock/sdk/http.hpp>

#include "audience_names.hpp"
#include "reply.hpp"
#include "segments.hpp"
#include "settings.hpp"

namespace penstock::linkedin {

class Sender {
 public:
  Sender(const sdk::Host& host, const Settings& settings, AudienceNames names)
      : host_(host),
        http_(host),
        settings_(settings),
        names_(std::move(names)),
        segments_(host, settings) {}

  // [send-thread] [may-block] Reports every element of the batch exactly once.
  void send(const sdk::Batch& batch);

  // [control-thread] [may-block] See Segments::look_at.
  void look_at(const std::vector<Audience>& audiences, std::int64_t deadline_ns) {
    segments_.look_at(audiences, deadline_ns);
  }

 private:
  static void report_answer(const sdk::Batch& batch, const sdk::HttpResponse& response,
                            AudienceType type);
  void report_refusal(const sdk::Batch& batch, const sdk::HttpResponse& response,
                      const Audience& audience, const std::string& segment_id,
                      const std::string& url);
  // Whether not the one member of a refused request is the reason, but the audience or the request
  // itself: LinkedIn refuses one with nobody in it, too.
  bool refuses_everybody(const sdk::Batch& batch, const Audience& audience, const std::string& url,
                         const Refusal& refusal);
  // Whether LinkedIn took a request for this audience since it last refused one of one member.
  std::atomic<bool>& takes_members(const AudienceId& audience);
  void prepare(sdk::HttpRequest& request, AudienceType type, const sdk::Batch& batch) const;

  sdk::Host host_;
  sdk::Http http_;
  const Settings& settings_;
  const AudienceNames names_;
  Segments segments_;
  std::mutex mutex_;                                       // guards the map, not what is in it
  std::map<AudienceId, std::atomic<bool>> takes_members_;  // never erased
};

}  // namespace penstock::linkedin
