#include "plugin/watchdog.hpp"

namespace penstock::plugin {

namespace {

constexpr std::chrono::seconds kLookEvery{1};

}  // namespace

std::vector<std::string> HangDetector::look(const std::vector<RunningHook>& running,
                                            std::chrono::nanoseconds now) {
  std::vector<std::string> sentences;
  std::map<std::uint64_t, Seen> still;
  for (const RunningHook& hook : running) {
    const auto known = seen_.find(hook.thread);
    Seen seen = known != seen_.end() && known->second.entry == hook.entry
                    ? known->second
                    : Seen{hook.entry, now, now + hook.place->limit};
    if (now >= seen.next) {
      seen.next = now + kNamedEvery;
      const auto lasted = std::chrono::duration_cast<std::chrono::seconds>(now - seen.since);
      sentences.push_back(hook.place->words + " has not returned for " +
                          std::to_string(lasted.count()) +
                          " s. Nothing is lost; what it should deliver waits. If it stays so, "
                          "report it to the plugin's author; two SIGTERM end the run without it");
    }
    still.emplace(hook.thread, seen);
  }
  seen_ = std::move(still);
  return sentences;
}

Watchdog::Watchdog(std::function<void(const std::string& sentence)> say)
    : say_(std::move(say)), thread_([this] { watch(); }) {}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Watchdog::watch() {
  HangDetector detector;
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kLookEvery, [this] { return ended_; })) {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    for (const std::string& sentence : detector.look(running_hooks(), now)) say_(sentence);
  }
}

}  // namespace penstock::plugin
