// FieldRules: what the manifest asks of one field's value, applied.
#pragma once

#include <cstdint>
#include <string_view>

#include "mapping/coercion.hpp"
#include "mapping/faults.hpp"
#include "mapping/workspace.hpp"
#include "model/manifest.hpp"
#include "penstock/abi.h"

namespace penstock::mapping {

class FieldRules {
 public:
  enum class Outcome : std::uint8_t {
    filled,
    empty,    // nothing, null or "": the field is absent
    invalid,  // the faults say why; the field is absent
  };

  // `field` is its index in the action; the spec must outlive this. `hide` keeps values out of all
  // messages; those of personal data and secrets are kept out anyway.
  FieldRules(std::uint32_t field, const InputSpec& spec, bool hide);

  // Coerces and checks. The text of `out` lives in the value or the workspace.
  Outcome fill(const Value& value, Workspace& work, penstock_value& out, Faults& faults) const;
  // Whether every string that is not empty fills the field as it is.
  [[nodiscard]] bool takes_any_text() const;
  // The fault of a required field that is empty.
  void report_missing(const Value& value, Faults& faults) const;
  void report(std::string expected, std::string found, Faults& faults) const;

  [[nodiscard]] const InputSpec& spec() const { return *spec_; }
  // Whether values are kept out of messages.
  [[nodiscard]] bool hides_values() const { return hide_; }

 private:
  Outcome fill_list(const Value& value, Workspace& work, penstock_value& out, Faults& faults) const;
  bool fill_one(const Value& value, Workspace& work, penstock_value& out, Faults& faults) const;
  bool check(const Value& value, const penstock_value& coerced, Faults& faults) const;
  bool check_choice(const Value& value, const penstock_value& coerced, Faults& faults) const;
  bool check_length(std::string_view text, Faults& faults) const;
  bool check_format(const Value& value, std::string_view text, Faults& faults) const;

  std::uint32_t field_;
  const InputSpec* spec_;
  bool hide_;
};

}  // namespace penstock::mapping
