#include "send/sender_pool.hpp"

namespace penstock::send {

SenderPool::SenderPool(std::size_t threads, std::function<SendHook(std::uint32_t)> hook,
                       std::function<std::int64_t()> now, std::function<void(Attempt)> done)
    : hook_(std::move(hook)), now_(std::move(now)), done_(std::move(done)) {
  threads_.reserve(threads);
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

SenderPool::~SenderPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void SenderPool::submit(std::unique_ptr<batch::Batch> batch) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(batch));
  }
  wake_.notify_one();
}

void SenderPool::cancel() {
  cancelled_.store(true, std::memory_order_relaxed);
}

void SenderPool::work() {
  for (;;) {
    std::unique_ptr<batch::Batch> batch;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (stopping_) return;
      batch = std::move(waiting_.front());
      waiting_.pop_front();
    }
    if (cancelled_.load(std::memory_order_relaxed)) {
      const SendHook cancelled = [](const penstock_batch&, penstock_error&) {
        return PENSTOCK_ERR_CANCELLED;
      };
      Attempt not_begun = attempt(cancelled, std::move(batch), now_, cancelled_);
      not_begun.begun = false;
      done_(std::move(not_begun));
      continue;
    }
    const SendHook hook = hook_(batch->destination());
    done_(attempt(hook, std::move(batch), now_, cancelled_));
  }
}

}  // namespace penstock::send
