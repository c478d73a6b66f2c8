#include "company_mapping.hpp"

#include <cstddef>
#include <string>
#include <string_view>

#include <penstock/sdk/json_writer.hpp>

#include "attributes.hpp"
#include "audience.hpp"
#include "company_identifiers.hpp"
#include "identifiers.hpp"
#include "sha256.hpp"

namespace penstock::linkedin {
namespace {

// LinkedIn's limits, in characters, and how many industries a company may have.
constexpr std::size_t kMaxPageUrl = 100;
constexpr std::size_t kMaxStockSymbol = 5;
constexpr std::size_t kMaxIndustries = 3;
constexpr std::size_t kMaxIndustry = 50;
constexpr std::size_t kMaxCityOrState = 50;
constexpr std::size_t kMaxPostalCode = 20;
// LinkedIn names no limit for a company's name. A text longer than any name is a mistake of the
// mapping, and would fill the queue.
constexpr std::size_t kMaxCompanyName = 500;

// Kept per thread, so that mapping allocates little.
struct Scratch {
  std::string urn;
  std::string domain;
  std::string email_domain;
  std::string page_url;
  std::string payload;
  std::string batch_key;
  std::string coalesce_key;

  void clear() {
    for (std::string* text :
         {&urn, &domain, &email_domain, &page_url, &payload, &batch_key, &coalesce_key}) {
      text->clear();
    }
  }
};

Scratch& scratch() {
  thread_local Scratch scratch;
  scratch.clear();
  return scratch;
}

// The first identifier that is there and cannot be used.
struct Unusable {
  const char* field = nullptr;
  const char* why = nullptr;

  void note(const char* the_field, const char* the_reason) {
    if (field == nullptr) {
      field = the_field;
      why = the_reason;
    }
  }
};

std::int32_t reject_without_identifier(const Unusable& unusable, const sdk::Error& error) {
  if (unusable.field != nullptr) {
    return error.reject("no_identifier", unusable.field,
                        std::string(unusable.field) + " " + unusable.why +
                            ", and nothing else identifies the company");
  }
  return error.reject("no_identifier", "company_domain",
                      "nothing identifies the company: none of company_domain, "
                      "linkedin_company_id, company_name, company_email_domain and "
                      "company_page_url has a value");
}

// The strongest identifier is the company, whatever else the record says. ASCII letters of names
// and page addresses are compared without their case.
void append_identity(std::string_view kind, std::string_view identity, std::string& out) {
  out.append(kind);
  for (const char c : identity) {
    out += c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  }
  if (out.size() <= kMaxKeyBytes) return;
  const Sha256Hex hash = sha256_hex(out);
  out.assign(kind).append("sha256:").append(hash.data(), hash.size());
}

}  // namespace

std::int32_t CompanyMapping::bind(const penstock_action& action, const sdk::Error& error) {
  sdk::FieldBinder fields(action);
  change_.bind(fields);
  audience_source_ = fields.bind("audience_source");
  segment_name_ = fields.bind("segment_name");
  computation_key_ = fields.bind("computation_key");
  company_id_ = fields.bind("linkedin_company_id");
  domain_ = fields.bind("company_domain");
  email_domain_ = fields.bind("company_email_domain");
  page_url_ = fields.bind("company_page_url");
  name_ = fields.bind("company_name");
  stock_symbol_ = fields.bind("stock_symbol");
  industries_ = fields.bind("industries");
  city_ = fields.bind("city");
  state_ = fields.bind("state");
  country_ = fields.bind("country");
  postal_code_ = fields.bind("postal_code");
  consent_withheld_ = fields.bind("consent_withheld");
  return fields.result(error);
}

// A name alone may be that of several companies, which their places tell apart.
std::string CompanyMapping::named_company(const sdk::Record& record, std::string_view name) const {
  std::string identity(name);
  for (const sdk::Field place : {country_, state_, city_, postal_code_}) {
    identity.append("\n").append(trim(record[place].text()));
  }
  // Of most nothing more is known.
  identity.erase(identity.find_last_not_of('\n') + 1);
  return identity;
}

std::int32_t CompanyMapping::map(const sdk::Record& record, const sdk::Emitter& emitter,
                                 const sdk::Error& error) const {
  const std::string_view source = record[audience_source_].text();
  if (source != "ENGAGE" && source != "CONNECTIONS") {
    return error.reject("audience_source_unknown", "audience_source",
                        "audience_source is neither ENGAGE nor CONNECTIONS");
  }
  const bool engage = source == "ENGAGE";
  const std::string_view audience_key = record[engage ? computation_key_ : segment_name_].text();
  if (audience_key.empty()) {
    return engage ? error.reject("no_audience_key", "computation_key",
                                 "computation_key is empty, so that no audience is named; it is "
                                 "needed where audience_source is ENGAGE")
                  : error.reject("no_audience_key", "segment_name",
                                 "segment_name is empty, so that no audience is named; it is "
                                 "needed where audience_source is CONNECTIONS");
  }

  Change change = Change::add;
  if (const std::int32_t code = change_.decide(
          record, audience_key, engage ? ChangeRule::Auto::allowed : ChangeRule::Auto::refused,
          change, error);
      code != PENSTOCK_OK) {
    return code;
  }

  if (const std::string_view withheld = record[consent_withheld_].text();
      change == Change::add && !withheld.empty()) {
    return error.fail(PENSTOCK_SKIP, withheld, {}, kNotAdded);
  }

  Scratch& out = scratch();
  Unusable unusable;
  const auto normalise = [&](sdk::Field field, const char* name, const char* why,
                             const auto& append, std::string& to) {
    const std::string_view raw = trim(record[field].text());
    if (raw.empty() || append(raw, to)) return true;
    unusable.note(name, why);
    return false;
  };
  const auto within = [&](sdk::Field field, const char* name, std::size_t most,
                          std::string_view& to) {
    to = trim(record[field].text());
    if (fits(to, most)) return true;
    unusable.note(name, "is too long");
    to = {};
    return false;
  };
  constexpr const char* kNoDomain =
      "does not hold a company's domain such as example.com (mail providers do not count)";
  const bool urn_fits =
      normalise(company_id_, "linkedin_company_id",
                "holds neither a number nor a URN such as urn:li:organization:1035",
                append_organization_urn, out.urn);
  const bool email_domain_fits = normalise(
      email_domain_, "company_email_domain", kNoDomain,
      [](std::string_view raw, std::string& to) {
        return append_domain(raw, DomainKind::email, to);
      },
      out.email_domain);
  std::string_view page_url;
  const bool page_url_fits = within(page_url_, "company_page_url", kMaxPageUrl, page_url);
  // A page at LinkedIn in the place of the website still says which company it is.
  const bool domain_is_page = page_url.empty() &&
                              append_page_url(record[domain_].text(), out.page_url) &&
                              fits(out.page_url, kMaxPageUrl);
  if (domain_is_page) page_url = out.page_url;
  const bool domain_fits =
      domain_is_page || normalise(
                            domain_, "company_domain", kNoDomain,
                            [](std::string_view raw, std::string& to) {
                              return append_domain(raw, DomainKind::website, to);
                            },
                            out.domain);
  std::string_view name;
  const bool name_fits = within(name_, "company_name", kMaxCompanyName, name);

  if (!out.urn.empty()) {
    append_identity("u:", out.urn, out.coalesce_key);
  } else if (!out.domain.empty()) {
    append_identity("d:", out.domain, out.coalesce_key);
  } else if (!out.email_domain.empty()) {
    append_identity("m:", out.email_domain, out.coalesce_key);
  } else if (!page_url.empty()) {
    append_identity("p:", page_url, out.coalesce_key);
  } else if (!name.empty()) {
    append_identity("n:", named_company(record, name), out.coalesce_key);
  } else {
    return reject_without_identifier(unusable, error);
  }

  append_batch_key(AudienceType::company, audience_key, out.batch_key);
  if (out.batch_key.size() > kMaxKeyBytes) {
    return error.reject("audience_name_too_long", engage ? "computation_key" : "segment_name",
                        kAudienceKeyTooLong);
  }

  if (!urn_fits) emitter.warn(kAttributeOmitted, company_id_);
  if (!domain_fits) emitter.warn(kAttributeOmitted, domain_);
  if (!email_domain_fits) emitter.warn(kAttributeOmitted, email_domain_);
  if (!page_url_fits) emitter.warn(kAttributeOmitted, page_url_);
  if (!name_fits) emitter.warn(kAttributeOmitted, name_);
  out.payload.append(start_of(change));
  Attributes attributes(record, emitter, out.payload);
  const auto identifier = [&](std::string_view member, std::string_view value) {
    if (!value.empty()) attributes.write(member, value);
  };
  identifier(R"(,"organizationUrn":)", out.urn);
  identifier(R"(,"companyWebsiteDomain":)", out.domain);
  identifier(R"(,"companyEmailDomain":)", out.email_domain);
  identifier(R"(,"companyPageUrl":)", page_url);
  identifier(R"(,"companyName":)", name);
  attributes.text(R"(,"stockSymbol":)", stock_symbol_, kMaxStockSymbol);
  attributes.list(R"(,"industries":)", industries_, kMaxIndustries, kMaxIndustry);
  attributes.text(R"(,"city":)", city_, kMaxCityOrState);
  attributes.text(R"(,"state":)", state_, kMaxCityOrState);
  attributes.country(R"(,"country":)", country_);
  attributes.text(R"(,"postalCode":)", postal_code_, kMaxPostalCode);
  out.payload += '}';
  emitter.element(out.payload, out.batch_key, out.coalesce_key);
  return PENSTOCK_OK;
}

}  // namespace penstock::linkedin
