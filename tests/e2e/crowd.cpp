#include "crowd.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "services/clock.hpp"

namespace penstock::e2e {
namespace {

// Of 1,000 lines.
constexpr std::uint32_t kUnmatched = 20;
constexpr std::uint32_t kInvalid = 5;
constexpr std::uint32_t kNoIdentifier = 10;
constexpr std::uint32_t kBlank = 5;
constexpr std::uint32_t kEntersPercent = 80;

// Every second person's address is spelt in another way, which is the same person all the same.
std::string address(std::uint32_t person) {
  const std::string number = std::to_string(person);
  return person % 2 == 0 ? "crowd.person+" + number + "@crowd.example"
                         : "Crowd.Person+" + number + "@Crowd.Example";
}

std::string identifier(std::uint32_t person) {
  const std::string clear = "crowd.person+" + std::to_string(person) + "@crowd.example";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  REQUIRE(::EVP_Digest(clear.data(), clear.size(), digest.data(), &size, ::EVP_sha256(), nullptr) ==
          1);
  std::string text = "SHA256_EMAIL=";
  for (unsigned i = 0; i < size; ++i) {
    text += "0123456789abcdef"[digest[i] >> 4];
    text += "0123456789abcdef"[digest[i] & 15];
  }
  return text;
}

}  // namespace

Crowd::Crowd(const CrowdPlan& plan)
    : plan_(plan),
      random_(plan.seed),
      inside_(plan.audiences, std::vector<bool>(plan.persons + plan.refused)) {
  counts_.matched.resize(plan.audiences);
  counts_.no_identifier.resize(plan.audiences);
}

std::string Crowd::audience(std::uint32_t index) const {
  return "audience_" + std::to_string(index);
}

void Crowd::append_lines(std::uint64_t count, std::string& text) {
  for (; count > 0 && !done(); --count) append_event(text);
}

void Crowd::append_event(std::string& text) {
  // The refused persons are spread evenly over the lines.
  const bool refused_next =
      refused_made_ < plan_.refused && lines_ * plan_.refused >= refused_made_ * plan_.events;
  ++lines_;
  ++counts_.received;
  if (refused_next) {
    append_person(plan_.persons + refused_made_++, draw(plan_.audiences), true, text);
    return;
  }
  const std::uint32_t person = draw(plan_.persons);
  const std::uint32_t audience_index = draw(plan_.audiences);
  std::uint32_t kind = draw(1000);
  if (plan_.only_good) kind = 1000;
  if (kind < kInvalid) {
    ++counts_.invalid;
    text += "no event, but about " + address(person) + "\n";
  } else if ((kind -= kInvalid) < kUnmatched) {
    ++counts_.unmatched;
    text +=
        R"({"type":"track","event":"Audience Entered","userId":"u","properties":{"audience_key":"of_nobody"},)"
        R"("context":{"traits":{"email":")" +
        address(person) + "\"}}}\n";
  } else if ((kind -= kUnmatched) < kNoIdentifier) {
    ++counts_.matched[audience_index];
    ++counts_.no_identifier[audience_index];
    text +=
        R"({"type":"track","event":"Audience Entered","userId":"u","properties":{"audience_key":")" +
        audience(audience_index) + R"(","asked_by":")" + address(person) + "\"}}\n";
  } else {
    if (kind - kNoIdentifier < kBlank) text += "\n";
    append_person(person, audience_index, draw(100) < kEntersPercent, text);
  }
}

void Crowd::append_person(std::uint32_t person, std::uint32_t audience_index, bool enters,
                          std::string& text) {
  ++counts_.matched[audience_index];
  inside_[audience_index][person] = enters;
  const std::string key = audience(audience_index);
  text += std::string(R"({"type":"track","event":"Audience )") + (enters ? "Entered" : "Exited") +
          R"(","userId":"u)" + std::to_string(person) + R"(","properties":{"audience_key":")" +
          key + R"(",")" + key + "\":" + (enters ? "true" : "false") +
          R"(},"context":{"traits":{"email":")" + address(person) + "\"}}}\n";
}

std::vector<std::string> Crowd::members(std::uint32_t audience_index) const {
  std::vector<std::string> all;
  const std::vector<bool>& inside = inside_[audience_index];
  for (std::uint32_t person = 0; person < inside.size(); ++person) {
    if (inside[person]) all.push_back(identifier(person));
  }
  std::sort(all.begin(), all.end());
  return all;
}

std::vector<std::string> Crowd::refused_identifiers() const {
  std::vector<std::string> all;
  for (std::uint32_t i = 0; i < plan_.refused; ++i) all.push_back(identifier(plan_.persons + i));
  return all;
}

std::string write_crowd_pipeline(const Workspace& workspace,
                                 const linkedin_sandbox::Sandbox& sandbox, const Crowd& crowd,
                                 const CrowdPipeline& options) {
  std::string text = R"(version: 1
name: crowd
state_dir: state
source: )" + options.source +
                     "\n" + options.further + R"(connections:
  linkedin:
    plugin: linkedin_audiences
    access_token: "${env:LINKEDIN_ACCESS_TOKEN:-sandbox-token}"
    rates: )" + options.rates +
                     R"(
    timeout: )" + options.timeout +
                     R"(
destinations:
  linkedin:
    plugin: linkedin_audiences
    connection: linkedin
    batch: )" + options.batch +
                     R"(
    confirm_after: )" +
                     options.confirm_after +
                     R"(
    settings:
      ad_account_id: "512345678"
      api_url: )" + sandbox.api_url() +
                     R"(/rest
      segment_ready_after: 20ms
      create_again_after: 200ms
    mappings:
)";
  for (std::uint32_t i = 0; i < crowd.plan().audiences; ++i) {
    text += "      " + crowd.audience(i) +
            ": {action: sync_to_dmp_segment, fields: {personas_audience_key: " + crowd.audience(i) +
            "}}\n";
  }
  return workspace.write("pipeline.yaml", text);
}

store::State all_time(const Workspace& workspace) {
  const services::SystemClock clock;
  auto reader = store::Reader::open(workspace.path("state"), clock);
  INFO((reader.ok() ? "" : reader.status().message()));
  REQUIRE(reader.ok());
  auto state = (*reader)->state();
  INFO((state.ok() ? "" : state.status().message()));
  REQUIRE(state.ok());
  return *std::move(state);
}

std::uint64_t pending(const store::State& state) {
  std::int64_t count = 0;
  for (const store::MappingState& mapping : state.mappings) count += mapping.counts.pending();
  REQUIRE(count >= 0);
  return static_cast<std::uint64_t>(count);
}

void check_sound(const Workspace& workspace) {
  const auto report = store::check(workspace.path("state"));
  INFO((report.ok() ? "" : report.status().message()));
  REQUIRE(report.ok());
  std::string findings;
  for (const std::string& finding : report->findings) findings += finding + "\n";
  INFO(findings);
  REQUIRE(report->sound);
  CHECK(report->elements_pending == pending(all_time(workspace)));
}

void check_finished(const store::State& state, const Crowd& crowd) {
  const Crowd::Counts& expected = crowd.counts();
  CHECK(state.events.received == expected.received);
  CHECK(state.events.unmatched == expected.unmatched);
  CHECK(state.events.invalid == expected.invalid);
  CHECK(state.matched_events == expected.received - expected.unmatched - expected.invalid);
  CHECK(state.queued_blocks == 0);
  REQUIRE(state.mappings.size() == crowd.plan().audiences);
  std::uint64_t never_elements = expected.invalid;
  for (std::uint32_t i = 0; i < crowd.plan().audiences; ++i) {
    const store::MappingState& mapping = state.mappings[i];
    INFO(mapping.name);
    REQUIRE(mapping.name == crowd.audience(i));
    const MappingCounts& counts = mapping.counts;
    CHECK(counts.matched == expected.matched[i]);
    CHECK(counts.pending() == 0);
    CHECK(counts.skipped == 0);
    CHECK(counts.dead_lettered - counts.replayed == expected.no_identifier[i]);
    CHECK(counts.delivered + counts.superseded == expected.matched[i] - expected.no_identifier[i]);
    never_elements += expected.no_identifier[i];
  }
  CHECK(state.dead_letters.kept == never_elements);
  CHECK(state.dead_letters.awaiting_replay == 0);
  CHECK(state.dead_letters.dropped == 0);
}

void check_members(const linkedin_sandbox::Sandbox& sandbox, const Crowd& crowd) {
  for (std::uint32_t i = 0; i < crowd.plan().audiences; ++i) {
    INFO(crowd.audience(i));
    const std::vector<std::string> members = sandbox.members(crowd.audience(i));
    const std::vector<std::string> expected = crowd.members(i);
    CHECK(members.size() == expected.size());
    CHECK((members == expected));  // thousands of them: too many to print
  }
  CHECK(sandbox.counters().at("requests_with_a_person_twice") == 0);
}

void check_no_addresses(const std::string& text) {
  for (const char* const part :
       {"crowd.person", "Crowd.Person", "crowd.example", "Crowd.Example"}) {
    const std::size_t at = text.find(part);
    INFO(part << " at " << at);
    CHECK(at == std::string::npos);
  }
}

void check_no_addresses_in_state(const Workspace& workspace) {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(workspace.path("state"))) {
    if (!entry.is_regular_file()) continue;
    INFO(entry.path());
    check_no_addresses(read_file(entry.path()));
    ++files;
  }
  CHECK(files > 0);
}

std::uint64_t size_from_environment(const char* name, std::uint64_t usual) {
  const char* const text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : usual;
}

void wait_until(const std::function<bool()>& condition, const std::string& what) {
  // Back-off alone may take a minute, and a machine with sanitizers is slow.
  constexpr std::chrono::minutes kLimit{4};
  const auto limit = std::chrono::steady_clock::now() + kLimit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > limit)
      FAIL("waited for " << kLimit.count() << " minutes: " << what);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));  // polls
  }
}

}  // namespace penstock::e2e
