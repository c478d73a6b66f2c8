// Guards what is said of a trigger for events of which a part is known: it never misses one.
#include <catch2/catch.hpp>

#include "segment_trigger_samples.hpp"
#include "trigger/possibility.hpp"
#include "trigger_fixture.hpp"

namespace penstock::trigger {

TEST_CASE("a trigger that holds for an event can hold for what is known of it") {
  SegmentSamples samples(20261128);
  int held = 0;
  int excluded = 0;
  for (int round = 0; round < 4'000; ++round) {
    const std::string text = samples.trigger(2);
    Diagnostics diagnostics;
    const std::optional<Expression> trigger = parse(text, {}, diagnostics, Origin::made);
    if (!trigger) continue;
    const std::string event = samples.event();
    const bool possible = can_hold(*trigger, {event, {{"type"}, {"event"}, {"properties", "k"}}});
    PathTable paths;
    TriggerSet set;
    set.add(*trigger, paths);
    set.freeze();
    const Event whole(event, paths);
    Matches matches;
    const bool holds = set.holds(0, whole.view(), matches);
    CAPTURE(text, event);
    if (holds) REQUIRE(possible);
    held += holds ? 1 : 0;
    excluded += possible ? 0 : 1;
  }
  CHECK(held > 200);
  CHECK(excluded > 200);
}

TEST_CASE("what is not known of an event may be anything, and what is known decides") {
  const Sketch sketch{R"({"type":"track","event":"Left","properties":{"k":false}})",
                      {{"type"}, {"event"}, {"properties", "k"}}};
  for (const char* possible :
       {R"(type = "track")", R"(userId = "u")", R"(event = "Left" and properties.x = 5)",
        R"(properties != null)", R"(!(userId = "u"))", R"(properties.k = false)",
        R"(type = "x" or match(event, "L*"))"}) {
    CAPTURE(possible);
    CHECK(can_hold(parsed(possible), sketch));
  }
  for (const char* excluded : {R"(type != "track")", R"(userId = "u" and event = "Entered")",
                               R"(properties.k = true)", R"(properties.k.deeper = 1)",
                               R"(!(event = "Left"))", R"(!(userId = "u" or event = "Left"))",
                               R"(event.length > 4)", R"(event in ["Entered", "Reached"])"}) {
    CAPTURE(excluded);
    CHECK_FALSE(can_hold(parsed(excluded), sketch));
  }
}

}  // namespace penstock::trigger
