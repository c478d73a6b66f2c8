// What it costs to keep a block: commits of one block each, settled some commits later.
//   store_bench DIRECTORY [BLOCKS] [ELEMENTS]
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <string>

#include "store/store.hpp"

namespace {

using namespace penstock;

constexpr std::size_t kElementBytes = 200;
constexpr std::size_t kSettledLater = 4;
constexpr std::uint32_t kMappings = 5;

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::shared_ptr<Block> make_block(std::uint32_t elements) {
  auto block = std::make_shared<Block>();
  block->routes = {{0, 0, "segment"}};
  for (std::uint32_t i = 0; i < elements; ++i) {
    BlockElement element;
    element.mapping = i * kMappings / elements;
    element.offset = static_cast<std::uint32_t>(block->bytes.size());
    element.payload_size = kElementBytes - 16;
    element.key_size = 16;
    block->bytes.append(kElementBytes, static_cast<char>('a' + i % 26));
    block->elements.push_back(element);
  }
  return block;
}

int fail(const Status& status) {
  std::fprintf(stderr, "%s\n", status.message().c_str());
  return EXIT_FAILURE;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s DIRECTORY [BLOCKS] [ELEMENTS]\n", argv[0]);
    return EXIT_FAILURE;
  }
  const std::uint64_t blocks = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 500;
  const auto elements =
      static_cast<std::uint32_t>(argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 5'000);
  Catalog catalog;
  catalog.destinations = {{"destination", {"action"}}};
  for (std::uint32_t i = 0; i < kMappings; ++i) {
    catalog.mappings.push_back({0, "mapping" + std::to_string(i)});
  }
  const services::SystemClock clock;
  auto opened = store::Store::open(argv[1], catalog, {}, clock);
  if (!opened.ok()) return fail(opened.status());
  store::Store& store = **opened;
  const std::shared_ptr<Block> model = make_block(elements);
  const std::uint64_t first = store.backlog().next_sequence;
  const double cpu = cpu_seconds();
  const double wall = wall_seconds();
  for (std::uint64_t i = 0; i < blocks; ++i) {
    store::Commit commit;
    auto block = std::make_shared<Block>(*model);
    block->sequence = first + i;
    commit.blocks.push_back(std::move(block));
    SavedPosition& position = commit.position.emplace();
    position.path = "/input";
    position.device = 1;
    position.inode = 2;
    position.offset = i;
    commit.tally.events.received = elements;
    commit.tally.matched_events = elements;
    Settlement settlement;
    settlement.block = first + i - kSettledLater;
    for (std::uint32_t element = 0; element < elements; ++element) {
      const std::uint32_t mapping = model->elements[element].mapping;
      ++commit.tally.of(mapping).matched;
      settlement.elements.push_back({element, mapping, SettledElement::Kind::delivered});
    }
    if (i >= kSettledLater) commit.settlements.push_back(std::move(settlement));
    if (const Status status = store.commit(commit); !status.ok()) return fail(status);
  }
  const auto count = static_cast<double>(blocks);
  std::printf("%.2f ms CPU, %.2f ms wall a block\n", (cpu_seconds() - cpu) * 1e3 / count,
              (wall_seconds() - wall) * 1e3 / count);
  const double read_cpu = cpu_seconds();
  constexpr int kReads = 200;
  for (int i = 0; i < kReads; ++i) {
    const auto block = store.block(0);
    if (!block.ok()) return fail(block.status());
  }
  std::printf("%.2f ms CPU to read one back\n", (cpu_seconds() - read_cpu) * 1e3 / kReads);
  return EXIT_SUCCESS;
}
