#include "mapping/consent.hpp"

namespace penstock::mapping {
namespace {

bool says(const Value& value, bool wanted) {
  if (value.is(Value::Kind::boolean)) return value.boolean() == wanted;
  return value.is(Value::Kind::string) && value.string() == (wanted ? "true" : "false");
}

}  // namespace

Consent::Consent(const ConsentConfig& config, const PluginManifest& plugin, PathTable& paths)
    : required_(config.required),
      missing_{kConsentMissing,
               "the event holds no consent preferences, and respect_consent "
               "requires them"},
      integration_off_{kIntegrationOff, "the event's \"integrations\" exclude " + plugin.title} {
  const std::vector<std::string> preferences{"context", "consent", "categoryPreferences"};
  preferences_ = paths.intern(preferences);
  categories_.reserve(config.categories.size());
  for (const std::string& category : config.categories) {
    std::vector<std::string> steps = preferences;
    steps.push_back(category);
    categories_.push_back(
        {paths.intern(steps),
         {kConsentRefused, "the event grants no consent to the category " + category}});
  }
  if (!config.integrations) return;
  all_ = paths.intern({"integrations", "All"});
  named_.reserve(plugin.integration_names.size());
  for (const std::string& name : plugin.integration_names) {
    named_.push_back(paths.intern({"integrations", name}));
  }
}

const Consent::Refusal* Consent::refusal_of(const EventView& event) const {
  const Refusal* refusal = refusal_by_category(event);
  return refusal != nullptr ? refusal : refusal_by_integration(event);
}

const Consent::Refusal* Consent::refusal_by_category(const EventView& event) const {
  if (categories_.empty()) return nullptr;
  // Preferences that are not a map cannot grant anything.
  if ((*event.slots)[preferences_].missing()) return required_ ? &missing_ : nullptr;
  for (const Category& category : categories_) {
    if (!says((*event.slots)[category.slot], true)) return &category.refusal;
  }
  return nullptr;
}

const Consent::Refusal* Consent::refusal_by_integration(const EventView& event) const {
  if (named_.empty()) return nullptr;
  bool named = false;
  for (const PathSlot slot : named_) {
    const Value& value = (*event.slots)[slot];
    if (says(value, false)) return &integration_off_;
    named = named || !value.missing();  // true, or the destination's options
  }
  return !named && says((*event.slots)[all_], false) ? &integration_off_ : nullptr;
}

}  // namespace penstock::mapping
