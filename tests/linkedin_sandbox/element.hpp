// The rules for one element of a batch: a user (section 3) or a company (section 4).
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace linkedin_sandbox {

enum class ElementKind { user, company };

struct Element {
  bool remove = false;
  std::string person;                    // the key: "IDTYPE=value" sorted and joined by "|"
  std::vector<std::string> identifiers;  // each "IDTYPE=value" on its own
  std::string problem;  // empty: valid; else what LinkedIn would say, never a value of a person
};

[[nodiscard]] Element check_element(const nlohmann::json& element, ElementKind kind);

// The attributes of an element beside its identifiers and action; null when it has none.
[[nodiscard]] nlohmann::json element_attributes(const nlohmann::json& element);

// Whether two of the elements share any identifier, or have the same name pair.
[[nodiscard]] bool any_person_twice(const std::vector<Element>& elements);

}  // namespace linkedin_sandbox
