// A queue on a real store in a directory of its own, and inputs whose elements can be told apart.
#pragma once

#include <stdlib.h>

#include <catch2/catch.hpp>
#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "queue/queue.hpp"

namespace queue_fixture {

inline penstock::Catalog catalog() {
  penstock::Catalog catalog;
  catalog.destinations = {{"eu", {"sync"}}};
  catalog.mappings = {{0, "trial"}, {0, "churn"}};
  return catalog;
}

class Directory {
 public:
  Directory() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "penstock_queue_XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Counts how often the queue said that something changed, so that tests wait and do not sleep.
class Changes {
 public:
  void note() {
    {
      const std::lock_guard lock(mutex_);
      ++count_;
    }
    changed_.notify_all();
  }
  template <typename Condition>
  void wait_until(Condition condition) {
    std::unique_lock lock(mutex_);
    while (!condition()) changed_.wait_for(lock, std::chrono::milliseconds(20));
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;
};

struct Opened {
  std::uint64_t position = 0;  // stored when it was opened
  penstock::Tally totals;
  std::unique_ptr<penstock::queue::Queue> queue;
};

inline Opened open(
    const std::string& state_dir, Changes& changes, bool on_disk = true,
    std::uint64_t max_bytes = 1ULL << 30U, const penstock::Catalog& known = catalog(),
    const std::string& file_system = {},
    std::chrono::milliseconds flush_patience = penstock::queue::Queue::kFlushPatience) {
  static const penstock::services::SystemClock clock;
  penstock::store::Store::Options options;
  options.keeps_blocks = on_disk;
  options.file_system = file_system;
  auto store = penstock::store::Store::open(state_dir, known, options, clock);
  if (!store.ok()) FAIL(store.status().message());
  Opened opened;
  if ((*store)->position()) opened.position = (*store)->position()->offset;
  opened.totals = (*store)->totals();
  opened.queue = std::make_unique<penstock::queue::Queue>(
      std::move(*store), known,
      penstock::queue::Queue::Options{on_disk, max_bytes, [&changes] { changes.note(); },
                                      [](const penstock::Tally&) {}, flush_patience},
      clock);
  return opened;
}

// Elements of one mapping, whose payloads are "FIRST", "FIRST+1", ...
inline penstock::queue::Input input(std::uint64_t end, std::uint64_t first, std::size_t count,
                                    std::uint32_t mapping = 0, std::size_t padding = 0) {
  penstock::queue::Input input;
  input.tally.events.received = count;
  input.tally.matched_events = count;
  input.tally.of(mapping).matched = count;
  penstock::Block& block = input.blocks.emplace_back();
  block.routes.push_back({0, 0, "audience " + std::to_string(mapping)});
  for (std::size_t i = 0; i < count; ++i) {
    const std::string payload = std::to_string(first + i) + std::string(padding, ' ');
    penstock::BlockElement element;
    element.mapping = mapping;
    element.offset = static_cast<std::uint32_t>(block.bytes.size());
    element.payload_size = static_cast<std::uint32_t>(payload.size());
    block.bytes += payload;
    block.elements.push_back(element);
  }
  input.position = penstock::SavedPosition{{"/events", 1, 2, end, 0, "", 0, ""}, {}};
  return input;
}

inline penstock::queue::Progress delivered(std::uint64_t block, std::vector<std::uint32_t> elements,
                                           std::uint32_t mapping = 0) {
  penstock::queue::Progress progress;
  penstock::Settlement& settlement = progress.settlements.emplace_back();
  settlement.block = block;
  for (const std::uint32_t element : elements) {
    settlement.elements.push_back({element, mapping, penstock::SettledElement::Kind::delivered});
  }
  return progress;
}

// The next block, which must come.
inline penstock::LoadedBlock take(penstock::queue::Queue& queue, Changes& changes) {
  penstock::LoadedBlock loaded;
  changes.wait_until([&] {
    auto taken = queue.take();
    if (!taken.ok()) FAIL(taken.status().message());
    loaded = std::move(*taken);
    return loaded.block != nullptr;
  });
  return loaded;
}

}  // namespace queue_fixture
