// NowIn: which hook of which plugin each thread is in, for whoever has to name it when the process
// ends there, or when a hook does not return.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace penstock::plugin {

// A place in a plugin. Made once and never freed, so that it may be read at any instant.
struct HookPlace {
  std::string words;               // "plugin acme, destination eu, hook mapping"
  std::chrono::nanoseconds limit;  // what takes longer hangs
};

// The place of this name; the same for the same words. [any-thread]
[[nodiscard]] const HookPlace& hook_place(const std::string& plugin, const std::string& destination,
                                          const std::string& hook, std::chrono::nanoseconds limit);

// What of a thread others may read. Never freed, but used again by a later thread.
struct ThreadPlace {
  std::atomic<const HookPlace*> place{nullptr};
  std::atomic<std::uint64_t> entries{0};  // hooks entered until now
  std::atomic<bool> used{false};
};

// This thread's. The first call of a thread also gives it a stack for signal handlers, so that an
// overflow of its own stack can be reported.
[[nodiscard]] ThreadPlace& this_thread_place();

// This thread is in the place as long as this lives. Costs a few stores.
class NowIn {
 public:
  explicit NowIn(const HookPlace& place)
      : thread_(this_thread_place()), before_(thread_.place.load(std::memory_order_relaxed)) {
    thread_.entries.store(thread_.entries.load(std::memory_order_relaxed) + 1,
                          std::memory_order_relaxed);
    thread_.place.store(&place, std::memory_order_release);
  }
  ~NowIn() { thread_.place.store(before_, std::memory_order_release); }
  NowIn(const NowIn&) = delete;
  NowIn& operator=(const NowIn&) = delete;

 private:
  ThreadPlace& thread_;
  const HookPlace* const before_;
};

// `handler` is registered with atexit() anew whenever a library was loaded, so that it runs before
// what the library's code registered earlier. [control-thread]
void watch_exit(void (*handler)());
void register_exit_handler();

// Where this thread is; null when in no hook. Async-signal-safe.
[[nodiscard]] const HookPlace* now_in() noexcept;

// A hook that some thread is in.
struct RunningHook {
  std::uint64_t thread = 0;  // the same as long as it is the same thread
  std::uint64_t entry = 0;   // another one when that thread has left and entered again
  const HookPlace* place = nullptr;
};
[[nodiscard]] std::vector<RunningHook> running_hooks();

}  // namespace penstock::plugin
