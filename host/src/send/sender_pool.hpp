// SenderPool: the send threads.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "batch/batcher.hpp"
#include "send/sender.hpp"

namespace penstock::send {

class SenderPool {
 public:
  // More threads than this would mostly wait for one another; destinations take turns beyond it.
  static constexpr std::size_t kMaxThreads = 64;

  // hook(destination) is that destination's send hook; now() the monotonic clock; done() is called
  // on a send thread with each finished attempt.
  SenderPool(std::size_t threads, std::function<SendHook(std::uint32_t)> hook,
             std::function<std::int64_t()> now, std::function<void(Attempt)> done);
  // Waits for the attempts that are under way; those not begun are dropped with the pool.
  ~SenderPool();
  SenderPool(const SenderPool&) = delete;
  SenderPool& operator=(const SenderPool&) = delete;

  // [one thread] Hands a batch to the next free thread.
  void submit(std::unique_ptr<batch::Batch> batch);
  // [any thread] Tells hooks, through penstock_batch.cancelled, to return as soon as they can;
  // batches not begun come back at once as cancelled.
  void cancel();

 private:
  void work();

  const std::function<SendHook(std::uint32_t)> hook_;
  const std::function<std::int64_t()> now_;
  const std::function<void(Attempt)> done_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::unique_ptr<batch::Batch>> waiting_;
  bool stopping_ = false;
  std::atomic<bool> cancelled_{false};
  std::vector<std::thread> threads_;
};

}  // namespace penstock::send
