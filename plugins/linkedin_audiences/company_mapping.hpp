// From a record to one element of LinkedIn's companies batch. Pure: the element, its keys and its
// warnings depend on the record only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <penstock/sdk/record.hpp>

#include "change_rule.hpp"

namespace penstock::linkedin {

class CompanyMapping {
 public:
  // Binds the fields of `action`. OK, or the error of a manifest that lacks one.
  [[nodiscard]] std::int32_t bind(const penstock_action& action, const sdk::Error& error);

  // [worker]
  [[nodiscard]] std::int32_t map(const sdk::Record& record, const sdk::Emitter& emitter,
                                 const sdk::Error& error) const;

 private:
  [[nodiscard]] std::string named_company(const sdk::Record& record, std::string_view name) const;

  ChangeRule change_{"company_action", "company"};
  sdk::Field audience_source_, segment_name_, computation_key_, company_id_, domain_, email_domain_,
      page_url_, name_, stock_symbol_, industries_, city_, state_, country_, postal_code_,
      consent_withheld_;
};

}  // namespace penstock::linkedin
