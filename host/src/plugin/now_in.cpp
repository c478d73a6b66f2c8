#include "plugin/now_in.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <map>
#include <mutex>

namespace penstock::plugin {

namespace {

// A handler writes one line; what the kernel saves of the processor's state is some kilobytes.
constexpr std::size_t kSignalStackBytes = 64 * 1024;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;  // the sanitizer's runtime has stacks of its own
#else
constexpr bool kSanitized = false;
#endif

struct AllPlaces {
  std::mutex mutex;
  std::deque<ThreadPlace> threads;         // addresses stay
  std::map<std::string, HookPlace> hooks;  // addresses stay
};

AllPlaces& all_places() {
  // Never destroyed: threads may be in hooks while the process ends.
  static auto* const all = new AllPlaces();
  return *all;
}

void (*exit_handler)() = nullptr;

// Null until the thread is in its first hook. A plain pointer, so that a signal handler may read
// it.
thread_local ThreadPlace* own_place = nullptr;

// What a thread has from its first hook until its end.
class ThreadEntry {
 public:
  ThreadEntry() : place_(take()) {
    own_place = &place_;
    if (kSanitized) return;
    void* memory = ::mmap(nullptr, kSignalStackBytes, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    // Without it an overflow ends the process with no line about it, as before.
    if (memory == MAP_FAILED) return;
    stack_ = memory;
    stack_t stack{};
    stack.ss_sp = stack_;
    stack.ss_size = kSignalStackBytes;
    ::sigaltstack(&stack, nullptr);
  }
  ~ThreadEntry() {
    // exit() within a hook destroys what is the thread's own before it runs what was registered for
    // the exit, which has to know the hook still.
    if (place_.place.load(std::memory_order_relaxed) != nullptr) return;
    own_place = nullptr;
    place_.place.store(nullptr, std::memory_order_relaxed);
    place_.used.store(false, std::memory_order_release);
    if (stack_ == nullptr) return;
    stack_t none{};
    none.ss_flags = SS_DISABLE;
    if (::sigaltstack(&none, nullptr) == 0) ::munmap(stack_, kSignalStackBytes);
  }
  ThreadEntry(const ThreadEntry&) = delete;
  ThreadEntry& operator=(const ThreadEntry&) = delete;

  [[nodiscard]] ThreadPlace& place() const { return place_; }

 private:
  static ThreadPlace& take() {
    AllPlaces& all = all_places();
    const std::lock_guard lock(all.mutex);
    const auto free = std::find_if(all.threads.begin(), all.threads.end(), [](ThreadPlace& place) {
      return !place.used.load(std::memory_order_acquire);
    });
    ThreadPlace& place = free != all.threads.end() ? *free : all.threads.emplace_back();
    place.used.store(true, std::memory_order_relaxed);
    return place;
  }

  ThreadPlace& place_;
  void* stack_ = nullptr;
};

}  // namespace

const HookPlace& hook_place(const std::string& plugin, const std::string& destination,
                            const std::string& hook, std::chrono::nanoseconds limit) {
  std::string words = "plugin " + plugin + ", destination " + destination + ", hook " + hook;
  AllPlaces& all = all_places();
  const std::lock_guard lock(all.mutex);
  return all.hooks.try_emplace(words, HookPlace{words, limit}).first->second;
}

ThreadPlace& this_thread_place() {
  if (own_place != nullptr) return *own_place;
  thread_local const ThreadEntry entry;
  return entry.place();
}

void watch_exit(void (*handler)()) {
  exit_handler = handler;
}

void register_exit_handler() {
  if (exit_handler != nullptr) std::atexit(exit_handler);
}

const HookPlace* now_in() noexcept {
  return own_place == nullptr ? nullptr : own_place->place.load(std::memory_order_relaxed);
}

std::vector<RunningHook> running_hooks() {
  std::vector<RunningHook> running;
  AllPlaces& all = all_places();
  const std::lock_guard lock(all.mutex);
  std::uint64_t number = 0;
  for (const ThreadPlace& thread : all.threads) {
    ++number;
    const HookPlace* place = thread.place.load(std::memory_order_acquire);
    if (place == nullptr) continue;
    running.push_back({number, thread.entries.load(std::memory_order_relaxed), place});
  }
  return running;
}

}  // namespace penstock::plugin
