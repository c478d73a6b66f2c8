// A batch of people or companies, sent to its segment, and what LinkedIn said about each of them.
#pragma once

#include <penstock/sdk/batch.hpp>
#include <penstock/sdk/http.hpp>

#include "segments.hpp"
#include "settings.hpp"

namespace penstock::linkedin {

class Sender {
 public:
  Sender(const sdk::Host& host, const Settings& settings)
      : host_(host), http_(host), settings_(settings), segments_(host, settings) {}

  // [send-thread] [may-block] Reports every element of the batch exactly once.
  void send(const sdk::Batch& batch);

 private:
  static void report_answer(const sdk::Batch& batch, const sdk::HttpResponse& response,
                            AudienceType type);
  void report_refusal(const sdk::Batch& batch, const sdk::HttpResponse& response,
                      const Audience& audience, const std::string& segment_id);

  sdk::Host host_;
  sdk::Http http_;
  const Settings& settings_;
  Segments segments_;
};

}  // namespace penstock::linkedin
