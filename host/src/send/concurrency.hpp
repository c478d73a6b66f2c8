// ConcurrencyLimit: how many requests may be under way over one connection, found out by trying.
#pragma once

#include <cstdint>

namespace penstock::send {

// Additive increase, multiplicative decrease: one more after a whole window of successes while all
// places are used, half when the destination is overloaded, a tenth less when it becomes slower.
// Pure: knows only the attempts it is told of.
class ConcurrencyLimit {
 public:
  enum class Signal : std::uint8_t {
    none,        // says nothing about load
    success,     // the destination did its work
    overloaded,  // asked for less, failed inside, or did not answer in time
  };

  // 1 <= least <= most.
  ConcurrencyLimit(std::uint64_t least, std::uint64_t most);

  // Takes in an attempt that began and ended at these monotonic times. in_flight: how many were
  // under way when it ended, itself included.
  void update(Signal signal, std::int64_t begin_ns, std::int64_t end_ns, std::uint64_t in_flight);

  // Between least and most.
  [[nodiscard]] std::uint64_t value() const;

 private:
  void update_latency(double latency_ns);
  [[nodiscard]] bool slower() const;
  void decrease(double factor, std::int64_t end_ns);

  double least_;
  double most_;
  double limit_;
  std::uint64_t successes_ = 0;  // since the last change, while all places were used
  double recent_latency_ns_ = 0;
  double usual_latency_ns_ = 0;
  bool decreased_ = false;
  std::int64_t decreased_at_ns_ = 0;
};

}  // namespace penstock::send
