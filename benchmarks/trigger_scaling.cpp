// trigger_scaling: what finding the matching triggers costs an event, among 5, 50, 500 and 5,000
// triggers of the default form, which compare the audience key as text, and of the same form with
// the key as a number. Each event matches one of them.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
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

enum class Key : std::uint8_t { text, number };

// `"audience_7"` as `7`.
void make_key_a_number(std::string& line) {
  constexpr std::string_view kBegin = R"("audience_key":"audience_)";
  constexpr std::string_view kNumberBegin = R"("audience_key":)";
  const std::size_t begin = line.find(kBegin);
  if (begin == std::string::npos) return;
  const std::size_t quote = line.find('"', begin + kBegin.size());
  if (quote == std::string::npos) return;
  line.erase(quote, 1);
  line.replace(begin, kBegin.size(), kNumberBegin);
}

// Lines that keep their parsed form: each has a parser of its own.
class Events {
 public:
  // False, with a message on stderr: the file has no event.
  bool read(const std::string& path, Key key) {
    std::ifstream file(path);
    std::string line;
    while (values_.size() < kEvents && std::getline(file, line)) {
      if (key == Key::number) make_key_a_number(line);
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
bool add_triggers(std::size_t count, Key key, TriggerSet& triggers, PathTable& paths) {
  for (std::size_t i = 0; i < count; ++i) {
    const std::string number = std::to_string(i);
    const std::string text = R"((event = "Audience Entered" or event = "Audience Exited") and )"
                             "properties.audience_key = " +
                             (key == Key::number ? number : "\"audience_" + number + "\"");
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

// False, with a message on stderr: a trigger does not parse, or not each event has its one match.
bool measure(std::size_t count, Key key, const std::vector<Value>& events, Cost& cost) {
  PathTable paths;
  TriggerSet triggers;
  if (!add_triggers(count, key, triggers, paths)) return false;

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
  if (cost.matched == events.size()) return true;
  std::fprintf(stderr, "trigger_scaling: %llu matches of %zu events; expected one each\n",
               static_cast<unsigned long long>(cost.matched), events.size());
  return false;
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

  Events texts;
  Events numbers;
  if (!texts.read(path, Key::text) || !numbers.read(path, Key::number)) return 1;
  std::printf("| triggers | walk the event, ns | match a text, ns | match a number, ns |\n");
  std::printf("| ---: | ---: | ---: | ---: |\n");
  for (const std::size_t count : {5U, 50U, 500U, 5000U}) {
    Cost text;
    Cost number;
    if (!measure(count, Key::text, texts.values(), text) ||
        !measure(count, Key::number, numbers.values(), number)) {
      return 1;
    }
    std::printf("| %zu | %.0f | %.0f | %.0f |\n", count, text.extract_ns, text.match_ns,
                number.match_ns);
  }
  return 0;
}
