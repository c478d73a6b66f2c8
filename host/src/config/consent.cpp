#include "config/consent.hpp"

#include "config/schema.hpp"

namespace penstock::config {
namespace {

constexpr const char* kExample =
    "write it as in: respect_consent: {categories: [Advertising], integrations: true}";

}  // namespace

std::optional<ConsentConfig> read_consent(const Node& node, const std::string& label,
                                          Diagnostics& diagnostics) {
  if (node.is(Node::Kind::boolean) && !node.boolean) return std::nullopt;
  if (!node.is(Node::Kind::map)) {
    diagnostics.error(
        node.location,
        label + ": expected a map that says what is respected, found " + describe(node), kExample);
    return std::nullopt;
  }
  const std::size_t errors = diagnostics.error_count();
  MapReader map(node, label, diagnostics);
  ConsentConfig consent;
  consent.categories = map.texts("categories");
  consent.integrations = map.boolean("integrations").value_or(false);
  consent.required = map.boolean("required").value_or(false);
  map.finish();
  for (const std::string& category : consent.categories) {
    if (category.find_first_not_of(" \t\r\n") != std::string::npos) continue;
    diagnostics.error(node.location, label + ".categories: a category without a name",
                      "write its id as it stands in context.consent.categoryPreferences");
  }
  if (diagnostics.error_count() != errors) return std::nullopt;
  if (consent.categories.empty() && consent.required) {
    diagnostics.error(node.location,
                      label + ".required needs categories: without them no preference is looked at",
                      kExample);
    return std::nullopt;
  }
  if (consent.categories.empty() && !consent.integrations) {
    diagnostics.error(node.location,
                      label + " respects nothing: it has neither categories nor integrations: true",
                      kExample);
    return std::nullopt;
  }
  return consent;
}

}  // namespace penstock::config
