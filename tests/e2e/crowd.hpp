// Crowd: events about many persons and several audiences, made up as they are asked for, and what
// they must lead to.
#pragma once

#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "linkedin_sandbox/sandbox.hpp"
#include "process.hpp"
#include "store/reader.hpp"

namespace penstock::e2e {

struct CrowdPlan {
  std::uint64_t events = 50'000;  // lines that are not blank
  std::uint32_t persons = 10'000;
  std::uint32_t audiences = 4;
  std::uint32_t refused = 0;  // further persons with one event each; see refused_identifiers()
  unsigned seed = 1;
  bool only_good = false;  // every line is an event that leads to an element
};

class Crowd {
 public:
  explicit Crowd(const CrowdPlan& plan);

  // Appends about this many further lines, all that are left at most. Blank lines come on top.
  void append_lines(std::uint64_t count, std::string& text);
  [[nodiscard]] bool done() const { return lines_ == plan_.events; }

  // The names of audience and mapping.
  [[nodiscard]] std::string audience(std::uint32_t index) const;
  // What a LinkedIn that takes everybody in must hold after all lines until now, sorted.
  [[nodiscard]] std::vector<std::string> members(std::uint32_t audience) const;
  // The refused persons, for the sandbox's `refused_identifiers`.
  [[nodiscard]] std::vector<std::string> refused_identifiers() const;

  struct Counts {
    std::uint64_t received = 0;
    std::uint64_t unmatched = 0;
    std::uint64_t invalid = 0;
    std::vector<std::uint64_t> matched;        // by audience
    std::vector<std::uint64_t> no_identifier;  // by audience
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }  // of all lines until now
  [[nodiscard]] const CrowdPlan& plan() const { return plan_; }

 private:
  void append_event(std::string& text);
  void append_person(std::uint32_t person, std::uint32_t audience, bool enters, std::string& text);
  [[nodiscard]] std::uint32_t draw(std::uint32_t below) {
    return static_cast<std::uint32_t>(random_() % below);
  }

  const CrowdPlan plan_;
  std::mt19937_64 random_;
  std::uint64_t lines_ = 0;
  std::uint32_t refused_made_ = 0;
  Counts counts_;
  // By audience and person: whether the last event said that they are in it. Refused persons come
  // behind the others.
  std::vector<std::vector<bool>> inside_;
};

struct CrowdPipeline {
  std::string source;  // a line of YAML behind "source: "
  std::string rates = "{users: {requests: 100000, per: 1s}}";
  std::string batch = "{max_age: 50ms}";
  std::string further;  // lines at the top level
  // A third of the usual times: runs end with confirmations where answers were lost.
  std::string timeout = "10s";
  std::string confirm_after = "20s";
};
// A pipeline with one mapping for each audience of the crowd; returns the manifest's path. The
// state directory is Workspace::path("state").
std::string write_crowd_pipeline(const Workspace& workspace,
                                 const linkedin_sandbox::Sandbox& sandbox, const Crowd& crowd,
                                 const CrowdPipeline& options);

// Counts of all time, as they are on the disk.
[[nodiscard]] store::State all_time(const Workspace& workspace);
[[nodiscard]] std::uint64_t pending(const store::State& state);
// Fails the test unless the database is sound.
void check_sound(const Workspace& workspace);
// The counts of all time when everything is delivered: each line was counted once and each record
// has one outcome.
void check_finished(const store::State& state, const Crowd& crowd);
void check_members(const linkedin_sandbox::Sandbox& sandbox, const Crowd& crowd);
// No part of an e-mail address of the crowd stands in this text, or in any file below state.
void check_no_addresses(const std::string& text);
void check_no_addresses_in_state(const Workspace& workspace);

// A number from the environment, for runs of full size.
[[nodiscard]] std::uint64_t size_from_environment(const char* name, std::uint64_t usual);
// Waits until the condition holds; fails the test with `what` after a minute.
void wait_until(const std::function<bool()>& condition, const std::string& what);

}  // namespace penstock::e2e
