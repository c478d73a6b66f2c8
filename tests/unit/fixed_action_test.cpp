// Guards which mappings are told that their trigger lets the opposite of their action through.
#include "mapping/fixed_action.hpp"

#include <catch2/catch.hpp>

#include "json_node.hpp"
#include "trigger/trigger.hpp"

namespace penstock::mapping {
namespace {

// As the manifest of LinkedIn Audiences has it.
ActionSpec action() {
  ActionSpec action;
  action.name = "sync";
  action.own_trigger_with = {"mode"};
  for (const char* name : {"key", "act", "membership", "mode"}) {
    action.fields.emplace_back();
    action.fields.back().name = name;
    action.fields.back().literal = std::string(name) == "key";
  }
  action.fixed_action =
      FixedAction{"act",
                  "membership",
                  {{"ADD", {"Audience Exited", false}}, {"REMOVE", {"Audience Entered", true}}}};
  return action;
}

// "certain", "possible", or "" where nothing is said.
std::string said(const std::string& value, const std::string& trigger,
                 const std::string& more = "") {
  Diagnostics diagnostics;
  const auto parsed = trigger::parse(trigger, {}, diagnostics);
  INFO(diagnostics.text());
  REQUIRE(parsed.has_value());
  const Node fields = node_from_json(R"({"key":"vip","act":")" + value + "\"" + more + "}");
  const auto found = contradiction_of(action(), fields.members, *parsed);
  if (!found) return "";
  CHECK(found->message.find("act is " + value) == 0);
  CHECK_FALSE(found->hint.empty());
  return found->certain ? "certain" : "possible";
}

}  // namespace

TEST_CASE("a trigger that names the event which says the opposite contradicts a fixed action") {
  const std::string both = R"((event = "Audience Entered" or event = "Audience Exited"))";
  for (const std::string& trigger :
       {std::string(both), both + R"( and properties.audience_key = "vip")",
        std::string(R"(event in ["Audience Entered", "Audience Exited"])"),
        R"(type = "track" and )" + both}) {
    CAPTURE(trigger);
    CHECK(said("ADD", trigger) == "certain");
    CHECK(said("REMOVE", trigger) == "certain");
    CHECK(said("AUTO", trigger).empty());
    CHECK(said("ADD", trigger, R"(,"membership":true)").empty());
  }
  CHECK(said("ADD", R"(event = "Audience Exited")") == "certain");
  CHECK(said("REMOVE", R"(event = "Audience Exited")").empty());
  CHECK(said("ADD", R"(event = "Audience Entered")").empty());
}

TEST_CASE("a trigger that does not keep the opposite out may contradict a fixed action") {
  for (const char* trigger :
       {R"(type = "track")", R"(type = "track" and context.personas.computation_key = "vip")",
        R"(context.personas.computation_key = "other")", "userId != null",
        R"(match(event, "Audience *"))", R"(contains(event, "Exited") or event = "x")",
        R"(type = "track" and properties.plan = "pro")", R"(event != "Audience Entered")",
        R"(lowercase(event) = "audience exited")", R"(!(event = "Audience Entered"))",
        R"(properties.vip = false or properties.vip = "false")", R"(properties.vip = "false")",
        R"(type != "identify" and properties.vip != true)"}) {
    CAPTURE(trigger);
    CHECK(said("ADD", trigger) == "possible");
  }
  CHECK(said("REMOVE", R"(type = "track" and context.personas.computation_key = "vip")") ==
        "possible");
  // With a sync mode the plugin itself refuses a fixed action.
  CHECK(said("ADD", R"(type = "track")", R"(,"mode":"mirror")").empty());
  // Where the membership comes from is not what it says.
  CHECK(said("ADD", R"(type = "track")", R"(,"membership":{"@path":"$.properties.in"})") ==
        "possible");
}

TEST_CASE("a trigger that keeps the opposite out agrees with a fixed action") {
  for (
      const char* trigger :
      {R"(type = "track" and event != "Audience Exited")", R"(!contains(event, "Exited"))",
       R"(!(event = "Audience Exited") and type = "track")", R"(match(event, "Renewal *"))",
       R"(type = "track" and event = "Renewal due")", R"(event in ["new", "updated"])",
       R"(type = "record" and action = "insert")", R"(type = "page")",
       R"(type = "track" and properties.vip = true)",
       R"(context.personas.computation_key = "step_1" and properties.step_1 = true and type = "track")",
       R"(properties.vip = true and traits.vip = null)",
       R"(type = "track" and lowercase(event) = "order completed")"}) {
    CAPTURE(trigger);
    CHECK(said("ADD", trigger).empty());
  }
}

TEST_CASE("of an identify only a trigger that asks about audiences can contradict") {
  for (const char* trigger : {R"(type = "identify" and context.personas.computation_key = "vip")",
                              R"(type = "identify" and traits.vip != null)",
                              R"(type = "identify" and traits.vip = false)",
                              R"(type = "identify" and context.personas.space_id = "spa")"}) {
    CAPTURE(trigger);
    CHECK(said("ADD", trigger) == "possible");
  }
  for (const char* trigger :
       {R"(type = "identify" and context.personas.computation_key = "vip" and traits.vip = true)",
        R"(type = "identify" and traits.vip = true)",
        R"(type = "identify" and traits.plan = "pro")", R"(type = "identify")"}) {
    CAPTURE(trigger);
    CHECK(said("ADD", trigger).empty());
  }
  CHECK(said("REMOVE", R"(type = "identify" and traits.vip = false)").empty());
  CHECK(said("REMOVE", R"(type = "identify" and traits.vip = true)") == "possible");
}

}  // namespace penstock::mapping
