// trigger_scaling: what finding the matching triggers costs an event, among 5, 50, 500 and 5,000
// triggers of the default form. Each event matches one of them.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "model/diagnostics.hpp"
#include "model/event.hpp"
#include "trigger/trigger.hpp"

namespace {

using penstock::Diagnostics;
using penstock::EventParser;
using penstock::EventView;
using penstock::Location;
using penstock::PathTable;
using penstock::Slots;
using penstock::Value;
using penstock::trigger::Matches;
using penstock::trigger::TriggerSet;

constexpr std::size_t kEvents =
    200;                         // about the L2 cache's size once parsed, as in a worker's turn
constexpr int kRepetitions = 9;  // the median of so many
constexpr int kRounds = 1000;    // over all events, in each repetition

// Lines that keep their parsed form: each has a parser of its own.
class Events {
 public:
  // False, with a message on stderr: the file has no event.
  bool read(const std::string& path) {
    std::ifstream file(path);
    std::string line;
    while (values_.size() < kEvents && std::getline(file, line)) {
      line.resize(line.size() + penstock::kEventPadding);
      parsers_.push_back(std::make_unique<EventParser>());
      const penstock::Result<Value> value = parsers_.back()->parse(
          std::string_view(line).substr(0, line.size() - penstock::kEventPadding));
      if (!value.ok()) {
        std::fprintf(stderr, "trigger_scaling: %s: %s\n", path.c_str(),
                     value.status().message().c_str());
        return false;
      }
      values_.push_back(*value);
    }
    if (values_.empty()) std::fprintf(stderr, "trigger_scaling: no event in %s\n", path.c_str());
    return !values_.empty();
  }
  [[nodiscard]] const std::vector<Value>& values() const { return values_; }

 private:
  std::vector<std::unique_ptr<EventParser>> parsers_;
  std::vector<Value> values_;
};

struct Cost {
  double extract_ns = 0;  // walking the event for the paths that triggers ask about
  double match_ns = 0;
  std::uint64_t matched = 0;  // triggers, in one round
};

// Nanoseconds an event; the median.
template <typename Round>
double time_rounds(std::size_t events, const Round& round) {
  std::vector<double> times;
  for (int repetition = 0; repetition < kRepetitions; ++repetition) {
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < kRounds; ++i) round();
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
    times.push_back(took.count() / kRounds / static_cast<double>(events));
  }
  std::nth_element(times.begin(), times.begin() + kRepetitions / 2, times.end());
  return times[kRepetitions / 2];
}

// False, with a message on stderr: a trigger does not parse.
bool add_triggers(std::size_t count, TriggerSet& triggers, PathTable& paths) {
  for (std::size_t i = 0; i < count; ++i) {
    const std::string text = R"((event = "Audience Entered" or event = "Audience Exited") and )"
                             R"(properties.audience_key = "audience_)" +
                             std::to_string(i) + "\"";
    Diagnostics diagnostics;
    const auto expression = penstock::trigger::parse(text, Location{"trigger", 0, 0}, diagnostics);
    if (!expression) {
      std::fprintf(stderr, "trigger_scaling: %s\n", diagnostics.text().c_str());
      return false;
    }
    triggers.add(*expression, paths);
  }
  triggers.freeze();
  return true;
}

bool measure(std::size_t count, const std::vector<Value>& events, Cost& cost) {
  PathTable paths;
  TriggerSet triggers;
  if (!add_triggers(count, triggers, paths)) return false;

  std::vector<Slots> slots(events.size());
  cost.extract_ns = time_rounds(events.size(), [&] {
    for (std::size_t i = 0; i < events.size(); ++i) paths.extract(events[i], slots[i]);
  });
  Matches matches;
  cost.match_ns = time_rounds(events.size(), [&] {
    cost.matched = 0;
    for (std::size_t i = 0; i < events.size(); ++i) {
      triggers.match(EventView{events[i], &slots[i]}, matches);
      cost.matched += matches.ids().size();
    }
  });
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Prints what trigger matching costs an event, as a Markdown table.");
  app.footer(
      "Example:\n  make_events --events 1000 --audiences 5 events.ndjson && "
      "trigger_scaling events.ndjson");
  std::string path;
  app.add_option("file", path, "events as make_events writes them with --audiences 5")->required();
  CLI11_PARSE(app, argc, argv);

  Events events;
  if (!events.read(path)) return 1;
  std::printf("| triggers | walk the event, ns | match, ns |\n| ---: | ---: | ---: |\n");
  for (const std::size_t count : {5U, 50U, 500U, 5000U}) {
    Cost cost;
    if (!measure(count, events.values(), cost)) return 1;
    if (cost.matched != events.values().size()) {
      std::fprintf(stderr, "trigger_scaling: %llu matches of %zu events; expected one each\n",
                   static_cast<unsigned long long>(cost.matched), events.values().size());
      return 1;
    }
    std::printf("| %zu | %.0f | %.0f |\n", count, cost.extract_ns, cost.match_ns);
  }
  return 0;
}
