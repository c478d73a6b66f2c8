#include "late_work.hpp"

#include <utility>

namespace linkedin_sandbox {

void LateWork::end() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void LateWork::add(std::chrono::milliseconds after, std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  work_.emplace(std::chrono::steady_clock::now() + after, std::move(work));
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  wake_.notify_all();
}

std::size_t LateWork::waiting() const {
  const std::lock_guard lock(mutex_);
  return work_.size();
}

void LateWork::run() {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    if (work_.empty()) {
      wake_.wait(lock);
      continue;
    }
    const Time due = work_.begin()->first;
    if (std::chrono::steady_clock::now() < due) {
      wake_.wait_until(lock, due);
      continue;
    }
    // It counts as waiting until it is done.
    const auto first = work_.begin();
    const std::function<void()> work = std::move(first->second);
    lock.unlock();
    work();
    lock.lock();
    work_.erase(first);
  }
}

}  // namespace linkedin_sandbox
