// Any text as a trigger: parsing reports or succeeds; what parsed runs on any event, and the index
// agrees with running it.
#include <cstdlib>
#include <string>

#include "model/event.hpp"
#include "trigger/trigger.hpp"

namespace {

using namespace penstock;

constexpr std::string_view kEvents[] = {
    R"({})",
    R"({"type":"track","event":"Entered","properties":{"audience_key":"trial_users","n":5}})",
    R"({"properties":{"l":["a",1,null,"é"]},"context":{"a":{"0":true}},"name":""})",
    R"({"type":null,"event":[],"userId":5e300,"properties":[[[]]],"name":"É"})",
    R"({"traits":{"0":{"":"\u0000"}},"integrations":18446744073709551615})",
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Diagnostics diagnostics;
  const auto expression = trigger::parse(text, {"fuzz.yaml", 1, 1}, diagnostics);
  if (expression.has_value() == diagnostics.has_errors()) std::abort();
  static_cast<void>(diagnostics.text());
  if (!expression) return 0;

  PathTable paths;
  trigger::TriggerSet set;
  set.add(*expression, paths);
  set.freeze();
  static EventParser parser;  // its memory is most of the cost of a run
  Slots slots;
  trigger::Matches matches;
  for (const std::string_view event : kEvents) {
    std::string line(event);
    line.append(kEventPadding, ' ');
    const Result<Value> root = parser.parse({line.data(), event.size()});
    if (!root.ok()) std::abort();
    paths.extract(*root, slots);
    const EventView view{*root, &slots};
    const bool holds = set.holds(0, view, matches);
    set.match(view, matches);
    if (holds != (matches.ids().size() == 1)) std::abort();
  }
  return 0;
}
