// Guards the way from a line to elements: what a plugin may get wrong costs one record with a
// reason, never its neighbours.
#include <catch2/catch.hpp>
#include <map>

#include "mapping/event_mapper.hpp"

namespace penstock::mapping {
namespace {

const penstock_host kHost = {sizeof(penstock_host),
                             PENSTOCK_ABI_MAJOR,
                             PENSTOCK_ABI_MINOR,
                             nullptr,
                             nullptr,
                             nullptr,
                             nullptr,
                             nullptr,
                             nullptr};

// One destination of the misbehaving plugin, with a mapping for each trigger. The field of the last
// mapping is made by `last_rule`, where it is given.
struct Fixture {
  explicit Fixture(const std::vector<std::string>& triggers, bool personal = false,
                   const std::string& last_rule = "",
                   const std::optional<ConsentConfig>& consent = std::nullopt,
                   bool of_person = false) {
    auto manifest = std::make_shared<PluginManifest>();
    manifest->name = "misbehaves";
    manifest->abi_major = PENSTOCK_ABI_MAJOR;
    manifest->abi_minor = PENSTOCK_ABI_MINOR;
    manifest->library = std::string(PENSTOCK_BAD_PLUGINS_DIR) + "/mapping_misbehaves.so";
    manifest->hooks = {"plugin_init", "plugin_settings", "plugin_mapping", "plugin_send", "", ""};
    ActionSpec action;
    action.name = "act";
    action.key_is_person = of_person;
    InputSpec field;
    field.name = "rule";
    field.label = "Rule";
    field.required = true;
    field.personal_data = personal;
    field.default_value = Node::of_string("$.rule");
    action.fields.push_back(field);
    manifest->actions.push_back(action);
    DestinationConfig destination;
    destination.name = "eu";
    destination.plugin = manifest;
    destination.respect_consent = consent;
    for (const std::string& trigger : triggers) {
      MappingConfig mapping;
      mapping.name = "m" + std::to_string(destination.mappings.size());
      mapping.action = manifest->find_action("act");
      mapping.trigger = trigger;
      destination.mappings.push_back(mapping);
    }
    if (!last_rule.empty())
      destination.mappings.back().fields.push_back({"rule", {}, Node::of_string(last_rule)});
    config.destinations.push_back(destination);
    Diagnostics diagnostics;
    program = compile(config, diagnostics);
    INFO(diagnostics.text());
    REQUIRE(program != nullptr);
    auto created = plugin::Instance::create(config.destinations[0], &kHost);
    INFO(created.status().message());
    REQUIRE(created.ok());
    instance = std::move(created).value();
    for (Program::Mapping& mapping : program->mappings) mapping.instance = instance.get();
  }

  // All lines, part by part, as a worker maps them.
  void map(std::string text) {
    const std::size_t size = text.size();
    text.append(kEventPadding, ' ');
    EventMapper mapper(*program);
    for (std::size_t done = 0; done < size && !fault;) {
      std::vector<Block> part;
      Tally counts;
      MappedLines mapped =
          map_lines(mapper, *program, std::string_view(text).substr(done, size - done), 1000 + done,
                    part, counts);
      done += mapped.size;
      fault = std::move(mapped.fault);
      std::size_t bytes = counts.dead_letter_bytes();
      for (const Block& block : part) bytes += block.memory_bytes();
      part_bytes.push_back(bytes);
      std::move(part.begin(), part.end(), std::back_inserter(blocks));
      tally.merge(std::move(counts));
    }
  }
  std::size_t elements() const {
    std::size_t count = 0;
    for (const Block& block : blocks) count += block.elements.size();
    return count;
  }

  PipelineConfig config;
  std::unique_ptr<Program> program;
  std::unique_ptr<plugin::Instance> instance;
  std::vector<Block> blocks;
  Tally tally;
  std::optional<PluginFault> fault;
  std::vector<std::size_t> part_bytes;  // of each part
};

std::string event(const std::string& rule) {
  return R"({"type":"track","rule":")" + rule + "\"}\n";
}

const char* const kAlways = "type = \"track\"";

}  // namespace

TEST_CASE(
    "Each rule that a mapping hook breaks is named with the event, of which nothing is kept, and "
    "what "
    "came before stays") {
  struct Case {
    const char* rule;
    const char* says;
  };
  const auto broken = GENERATE(
      Case{"nothing", "returned OK after emitting 0 elements"},
      Case{"twice", "emitting 2 elements"}, Case{"long key", "a key of 600 bytes; at most 512"},
      Case{"refuse", "emitted an element and then refused"},
      Case{"error", "returned ERR_INTERNAL (-3): out of order"},
      Case{"99", "returned 99, which is no status of a mapping hook"},
      Case{"pointer", "a text of NULL that has a size"}, Case{"utf", "a key that is not UTF-8"});
  Fixture fixture({kAlways, kAlways});
  const std::string fine = event("fine");
  fixture.map(fine + "\n" + event(broken.rule) + fine);
  REQUIRE(fixture.fault);
  INFO(fixture.fault->message);
  CHECK(fixture.fault->message.find(broken.says) != std::string::npos);
  CHECK(fixture.fault->mapping == 0);
  CHECK(fixture.fault->offset == 1000 + fine.size() + 1);
  CHECK(fixture.elements() == 2);  // one for each mapping
  CHECK(fixture.blocks.back().bytes == "payloadpayload");
  CHECK(fixture.tally.events.received == 1);
  CHECK(fixture.tally.matched_events == 1);
  CHECK(fixture.tally.of(0).matched == 1);
  CHECK(fixture.tally.of(1).matched == 1);
  CHECK(fixture.tally.reasons().empty());
  CHECK(fixture.tally.dead_letters.empty());
}

TEST_CASE("A fault that only a later mapping of the event meets takes the earlier ones back") {
  Fixture fixture({kAlways, kAlways}, false, "nothing");
  fixture.map(event("fine") + event("fine"));
  REQUIRE(fixture.fault);
  CHECK(fixture.fault->mapping == 1);
  CHECK(fixture.fault->offset == 1000);
  CHECK(fixture.elements() == 0);
  CHECK(fixture.tally.events.received == 0);
  CHECK(fixture.tally.mappings().empty());
}

TEST_CASE("However many codes a plugin makes up for its warnings, few are kept of a record") {
  Fixture fixture({kAlways});
  std::string text;
  for (int i = 0; i < 200; ++i) text += event("warn");
  fixture.map(text);
  CHECK_FALSE(fixture.fault);
  CHECK(fixture.elements() == 200);
  std::uint64_t further = 0;
  for (const ReasonCount& reason : fixture.tally.reasons()) {
    if (reason.reason == kFurtherReasons || reason.reason == "further_warnings")
      further += reason.count;
  }
  CHECK(further > 0);
  CHECK(fixture.tally.reasons().size() <= kMaxReasons + 1);
}

TEST_CASE("An identifier of many users is noticed by its name, or by the coalesce key") {
  struct Case {
    const char* rule;
    bool of_person;
    const char* field;  // that is warned about; null where nothing is
  };
  const Case c =
      GENERATE(Case{"identifier", true, "rule"}, Case{"identifier", false, nullptr},
               Case{"key", true, ""}, Case{"key", false, nullptr}, Case{"fine", true, nullptr});
  CAPTURE(c.rule, c.of_person);
  Fixture fixture({kAlways}, false, "", std::nullopt, c.of_person);
  constexpr int kUsers = 200;
  std::string lines;
  for (int user = 0; user < kUsers; ++user) {
    lines +=
        R"({"type":"track","userId":)" + std::to_string(user) + R"(,"rule":")" + c.rule + "\"}\n";
  }
  fixture.map(lines);
  CHECK_FALSE(fixture.fault);
  CHECK(fixture.elements() == kUsers);
  if (c.field == nullptr) {
    CHECK(fixture.tally.reasons().empty());
    return;
  }
  REQUIRE(fixture.tally.reasons().size() == 1);
  const ReasonCount& warned = fixture.tally.reasons()[0];
  CHECK(warned.reason == "identifier_shared");
  CHECK(warned.field == c.field);
  CHECK((warned.message.find("in the field rule") != std::string::npos) == (*c.field != '\0'));
  CHECK(warned.count > kUsers / 2);
  CHECK(warned.count <= kUsers - SharedIdentifiers::kManyUsers);
}

TEST_CASE("What a plugin says of a record is masked before it is counted or kept") {
  Fixture fixture({kAlways});
  fixture.map(event("decline \\u001b[1m for ada@example.com"));
  REQUIRE(fixture.tally.dead_letters.size() == 1);
  const DeadLetter& letter = fixture.tally.dead_letters[0];
  CHECK(letter.reason == "refused\\x1b[2m");
  CHECK(letter.message.find('\x1b') == std::string::npos);
}

TEST_CASE("A record without a required field is a dead letter that names the field") {
  Fixture fixture({kAlways});
  fixture.map("{\"type\":\"track\"}\n" + event("fine"));
  CHECK(fixture.elements() == 1);
  REQUIRE(fixture.tally.reasons().size() == 1);
  CHECK(fixture.tally.reasons()[0].reason == "invalid_record");
  CHECK(fixture.tally.reasons()[0].message.find("Rule") != std::string::npos);
}

TEST_CASE("Every line that is not blank is received, and is matched, unmatched or invalid") {
  Fixture fixture({kAlways, "type = \"identify\"", kAlways});
  fixture.map(event("a") + "\n  \t\r\n{\"type\":\"page\"}\nnot json\n[1]\n" + event("b") +
              R"({"type":"identify","rule":"c"})");
  CHECK(fixture.tally.events.received == 6);
  CHECK(fixture.tally.matched_events == 3);
  CHECK(fixture.tally.events.unmatched == 1);
  CHECK(fixture.tally.events.invalid == 2);
  CHECK(fixture.tally.of(0).matched == 2);
  CHECK(fixture.tally.of(1).matched == 1);
  CHECK(fixture.tally.of(2).matched == 2);
  CHECK(fixture.elements() == 5);
}

TEST_CASE("Elements carry the route of their mapping's destination, action and batch key") {
  Fixture fixture({kAlways});
  fixture.map(event("a") + event("b"));
  REQUIRE(fixture.blocks.size() == 1);
  const Block& block = fixture.blocks[0];
  REQUIRE(block.routes.size() == 1);
  CHECK(block.routes[0] == Route{0, 0, "batch"});
  CHECK(block.payload(block.elements[1]) == "payload");
  CHECK(block.coalesce_key(block.elements[1]).empty());
  CHECK(block.elements[1].key_hash == 0);
}

TEST_CASE("A record that is refused is kept as its event with the place in the source, masked") {
  Fixture fixture({kAlways, kAlways});
  const std::string fine = event("fine");
  const std::string refused =
      R"({"type":"track","rule":"decline","messageId":"m1","note":"to ada@example.com"})";
  fixture.map(fine + refused + "\n" + fine);
  REQUIRE(fixture.tally.dead_letters.size() == 2);  // one for each mapping
  CHECK(fixture.tally.dead_letters[1].mapping == 1);
  const DeadLetter& letter = fixture.tally.dead_letters[0];
  CHECK(letter.mapping == 0);
  CHECK(letter.reason == "refused\\x1b[2m");
  CHECK(letter.message.find("declined") != std::string::npos);
  CHECK(letter.form == DeadLetter::Form::event);
  CHECK(letter.content == R"({"type":"track","rule":"decline","messageId":"m1","note":"***"})");
  CHECK(letter.source_offset == 1000 + fine.size());
  CHECK(letter.source_size == refused.size());
}

TEST_CASE("What a personal-data field reads is masked in what is kept of its event") {
  Fixture fixture({kAlways}, true);
  fixture.map(R"({"type":"track","rule":"decline","also":"Decline said"})");
  REQUIRE(fixture.tally.dead_letters.size() == 1);
  CHECK(fixture.tally.dead_letters[0].content == R"({"type":"track","rule":"***","also":"***"})");
}

TEST_CASE("A text whose length a personal-data field reads is masked, too") {
  Fixture fixture({kAlways, kAlways}, true, "$.note.text.length");
  fixture.map(R"({"type":"track","rule":"decline","note":{"text":"Secrets","other":"open"}})");
  REQUIRE_FALSE(fixture.tally.dead_letters.empty());
  CHECK(fixture.tally.dead_letters[0].content ==
        R"({"type":"track","rule":"***","note":{"text":"***","other":"open"}})");
}

TEST_CASE(
    "A personal-data field that reads the whole event masks its own letters completely only") {
  Fixture fixture({kAlways, kAlways}, true, "$.");
  fixture.map(R"({"type":"track","rule":"decline","messageId":"m1"})");
  REQUIRE(fixture.tally.dead_letters.size() == 2);
  CHECK(fixture.tally.dead_letters[0].content ==
        R"({"type":"track","rule":"***","messageId":"m1"})");
  CHECK(fixture.tally.dead_letters[1].content ==
        R"({"type":"***","rule":"***","messageId":"***"})");
}

TEST_CASE("A record without a required field is kept, masked") {
  Fixture fixture({kAlways});
  fixture.map(R"({"type":"track","email":"x"})");
  REQUIRE(fixture.tally.dead_letters.size() == 1);
  CHECK(fixture.tally.dead_letters[0].reason == "invalid_record");
  CHECK(fixture.tally.dead_letters[0].content == R"({"type":"track","email":"***"})");
}

TEST_CASE("A line that is no event is kept as its shape") {
  Fixture fixture({kAlways});
  fixture.map("\n\nada@example.com, 42\n");
  REQUIRE(fixture.tally.dead_letters.size() == 1);
  const DeadLetter& letter = fixture.tally.dead_letters[0];
  CHECK(letter.mapping == DeadLetter::kNoMapping);
  CHECK(letter.reason == "invalid_event");
  CHECK(letter.form == DeadLetter::Form::masked_text);
  CHECK(letter.content == "xxx@xxxxxxx.xxx, 00");
  CHECK(letter.source_offset == 1002);
  CHECK(letter.source_size == 19);
}

TEST_CASE("A refused event that is longer than what is kept leaves its shape and a word about it") {
  Fixture fixture({kAlways});
  const std::string line = R"({"type":"track","rule":"decline","fill":")" +
                           std::string(kMaxDeadLetterBytes, 'g') + "\"}";
  fixture.map(line);
  REQUIRE(fixture.tally.dead_letters.size() == 1);
  const DeadLetter& letter = fixture.tally.dead_letters[0];
  CHECK(letter.form == DeadLetter::Form::masked_text);
  CHECK(letter.content.size() == kMaxShapeBytes);
  CHECK(letter.content.find('g') == std::string::npos);
  CHECK(letter.message.find(std::to_string(line.size()) + " bytes, more than is kept") !=
        std::string::npos);
  CHECK(letter.source_size == line.size());
}

TEST_CASE("Events that many mappings want are mapped in parts, and each record is in one of them") {
  constexpr std::size_t kMappings = 100;
  constexpr std::size_t kEvents = 500;
  Fixture fixture(std::vector<std::string>(kMappings, kAlways));
  std::string text;
  for (std::size_t i = 0; i < kEvents; ++i) text += event("fine");
  fixture.map(text);
  CHECK(fixture.part_bytes.size() > 1);
  // Growing buffers may hold twice what is in them.
  for (const std::size_t bytes : fixture.part_bytes) CHECK(bytes < 2 * kMostMappedBytes);
  CHECK(fixture.elements() == kMappings * kEvents);
  CHECK(fixture.tally.events.received == kEvents);
  CHECK(fixture.tally.matched_events == kEvents);
  CHECK(fixture.tally.of(kMappings - 1).matched == kEvents);
}

TEST_CASE("Dead letters end a part as elements do") {
  Fixture fixture({kAlways});
  const std::string line = R"({"type":"track","rule":"decline","fill":")" +
                           std::string(kMaxDeadLetterBytes - 1000, 'g') + "\"}\n";
  std::string text;
  for (std::size_t i = 0; i < 80; ++i) text += line;
  fixture.map(text);
  CHECK(fixture.part_bytes.size() > 1);
  for (const std::size_t bytes : fixture.part_bytes) CHECK(bytes < 2 * kMostMappedBytes);
  CHECK(fixture.tally.dead_letters.size() == 80);
  CHECK(fixture.tally.dead_letters.back().source_offset == 1000 + 79 * line.size());
}

TEST_CASE(
    "A plugin's fault behind the first part keeps all lines before it, and nothing of its event") {
  Fixture fixture(std::vector<std::string>(100, kAlways));
  std::string text;
  for (std::size_t i = 0; i < 300; ++i) text += event("fine");
  const std::size_t before = text.size();
  text += event("nothing") + event("fine");
  fixture.map(text);
  REQUIRE(fixture.fault);
  CHECK(fixture.part_bytes.size() > 1);
  CHECK(fixture.fault->offset == 1000 + before);
  CHECK(fixture.elements() == 100 * 300);
  CHECK(fixture.tally.events.received == 300);
}

TEST_CASE(
    "What an event leaves with mappings that refuse it is bounded, and each has its dead letter") {
  // One event, which is never divided.
  constexpr std::size_t kMappings = 80;
  Fixture fixture(std::vector<std::string>(kMappings, kAlways));
  const std::string line = R"({"type":"track","rule":"decline","fill":")" +
                           std::string(kMaxDeadLetterBytes - 1000, 'g') + "\"}\n";
  fixture.map(line);
  REQUIRE(fixture.tally.dead_letters.size() == kMappings);
  CHECK(fixture.tally.dead_letter_bytes() < kMaxKeptBytes + kMaxDeadLetterBytes + kMappings * 1000);
  CHECK(fixture.tally.dead_letters.back().content.empty());
  CHECK(fixture.tally.dead_letters.back().source_offset == 1000);
}

TEST_CASE("Events that become elements leave no dead letter") {
  Fixture fixture({kAlways, "type = \"identify\""});
  fixture.map(event("fine") + "{\"type\":\"page\"}\n");
  CHECK(fixture.tally.dead_letters.empty());
}

TEST_CASE("A line that is too long to be read is kept as its place in the source") {
  std::vector<Block> blocks;
  Tally tally;
  map_oversized_line(77, 77 + 3'000'000, blocks, tally);
  CHECK(blocks.size() == 1);
  CHECK(tally.events.received == 1);
  CHECK(tally.events.invalid == 1);
  REQUIRE(tally.dead_letters.size() == 1);
  CHECK(tally.dead_letters[0].source_offset == 77);
  CHECK(tally.dead_letters[0].source_size == 3'000'000);
}

TEST_CASE("Of a plugin without a consent field nothing is sent whose event refuses") {
  Fixture fixture({kAlways}, false, "", ConsentConfig{{"Advertising"}, false, false});
  const std::string refusing =
      R"({"type":"track","rule":"fine","context":{"consent":{"categoryPreferences":{"Advertising":false}}}})";
  fixture.map(event("fine") + refusing + "\n" + event("fine"));
  CHECK(fixture.elements() == 2);
  CHECK(fixture.tally.of(0).matched == 3);
  CHECK(fixture.tally.of(0).skipped == 1);
  CHECK(fixture.tally.of(0).dead_lettered == 0);
  REQUIRE(fixture.tally.reasons().size() == 1);
  CHECK(fixture.tally.reasons()[0].reason == "consent_refused");
  CHECK(fixture.tally.reasons()[0].kind == ReasonCount::Kind::skipped);
}

}  // namespace penstock::mapping
