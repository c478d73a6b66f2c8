// Faults: all that is wrong with one record.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace penstock::mapping {

struct Fault {
  std::uint32_t field;   // its index in the action
  std::string label;     // of the field, for a person
  std::string expected;  // such as "at most 35 characters"
  std::string found;     // such as "a string of 40 characters"; never personal data
};

// Made to be reused from record to record. One thread.
class Faults {
 public:
  void clear() { entries_.clear(); }
  void add(Fault fault) { entries_.push_back(std::move(fault)); }
  [[nodiscard]] bool empty() const { return entries_.empty(); }
  [[nodiscard]] const std::vector<Fault>& entries() const { return entries_; }
  // "User Email: expected an e-mail address, found a string of 3 characters; Country: ...", for a
  // dead letter.
  [[nodiscard]] std::string text() const;

 private:
  std::vector<Fault> entries_;
};

}  // namespace penstock::mapping
