#include "send/concurrency.hpp"

#include <algorithm>
#include <cmath>

namespace penstock::send {
namespace {

// Where it begins: enough to hide the latency of a healthy destination, too little to hurt one that
// is not.
constexpr double kInitial = 4;
constexpr double kHalf = 0.5;
constexpr double kSlightly = 0.9;
// Weights of one attempt in the running means: about the last eight, and the last hundred.
constexpr double kRecentWeight = 1.0 / 8;
constexpr double kUsualWeight = 1.0 / 100;
// Recent attempts take so many times as long as usual: the destination is queueing.
constexpr double kSlowerBy = 2;
// Means below this differ by chance (nearby servers, scheduling).
constexpr double kNoiseNs = 10e6;

}  // namespace

ConcurrencyLimit::ConcurrencyLimit(std::uint64_t least, std::uint64_t most)
    : least_(static_cast<double>(least)),
      most_(static_cast<double>(most)),
      limit_(std::clamp(kInitial, least_, most_)) {}

std::uint64_t ConcurrencyLimit::value() const {
  return static_cast<std::uint64_t>(std::clamp(std::floor(limit_), least_, most_));
}

void ConcurrencyLimit::update(Signal signal, std::int64_t begin_ns, std::int64_t end_ns,
                              std::uint64_t in_flight) {
  switch (signal) {
    case Signal::none:
      return;
    case Signal::overloaded:
      // An attempt that was under way at the last decrease says nothing new.
      if (!decreased_ || begin_ns >= decreased_at_ns_) decrease(kHalf, end_ns);
      return;
    case Signal::success:
      break;
  }
  update_latency(static_cast<double>(end_ns - begin_ns));
  if (slower()) {
    if (!decreased_ || begin_ns >= decreased_at_ns_) decrease(kSlightly, end_ns);
    return;
  }
  // Places that nobody used have not been tried, so more of them prove nothing.
  if (in_flight < value()) return;
  if (++successes_ < value()) return;
  successes_ = 0;
  limit_ = std::min(most_, std::floor(limit_) + 1);
}

void ConcurrencyLimit::update_latency(double latency_ns) {
  if (usual_latency_ns_ == 0) {
    recent_latency_ns_ = latency_ns;
    usual_latency_ns_ = latency_ns;
    return;
  }
  recent_latency_ns_ += (latency_ns - recent_latency_ns_) * kRecentWeight;
  usual_latency_ns_ += (latency_ns - usual_latency_ns_) * kUsualWeight;
}

bool ConcurrencyLimit::slower() const {
  return recent_latency_ns_ > std::max(kNoiseNs, kSlowerBy * usual_latency_ns_);
}

void ConcurrencyLimit::decrease(double factor, std::int64_t end_ns) {
  limit_ = std::max(least_, limit_ * factor);
  successes_ = 0;
  decreased_ = true;
  decreased_at_ns_ = end_ns;
}

}  // namespace penstock::send
