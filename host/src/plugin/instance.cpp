#include "plugin/instance.hpp"

#include <algorithm>
#include <exception>
#include <string_view>
#include <utility>

#include "gate/foreign_text.hpp"
#include "gate/secrets.hpp"
#include "plugin/library.hpp"
#include "plugin/plugin_text.hpp"

namespace penstock::plugin {

namespace {

std::string abi_text(std::uint32_t major, std::uint32_t minor) {
  return std::to_string(major) + "." + std::to_string(minor);
}

std::string our_abi() {
  return abi_text(PENSTOCK_ABI_MAJOR, PENSTOCK_ABI_MINOR);
}

std::string at(const Location& location) {
  const std::string place = location.text();
  return place.empty() ? std::string() : place + ": ";
}

penstock_str str(std::string_view text) {
  return {text.data(), text.size()};
}

penstock_value text_value(std::uint32_t type, const std::string& text) {
  penstock_value value{};
  value.type = type;
  value.as.str = str(text);
  return value;
}

penstock_value value_of(const SettingValue& setting, const InputSpec* spec) {
  penstock_value value{};
  value.type = PENSTOCK_ABSENT;
  if (!setting.present) return value;
  if (spec != nullptr && spec->multiple) return text_value(PENSTOCK_JSON, setting.text);
  switch (setting.type) {
    case ValueType::string:
    case ValueType::url:
      return text_value(PENSTOCK_STRING, setting.text);
    case ValueType::json:
      if (setting.text != "null") return text_value(PENSTOCK_JSON, setting.text);
      value.type = PENSTOCK_NULL;
      return value;
    case ValueType::boolean:
      value.type = PENSTOCK_BOOL;
      value.as.i64 = setting.boolean ? 1 : 0;
      return value;
    case ValueType::integer:
    case ValueType::duration:
    case ValueType::size:
      value.type = PENSTOCK_I64;
      value.as.i64 = setting.integer;
      return value;
    case ValueType::number:
      value.type = PENSTOCK_F64;
      value.as.f64 = setting.number;
      return value;
  }
  return value;
}

const InputSpec* find_spec(const PluginManifest& manifest, const std::string& name) {
  for (const InputSpec& spec : manifest.settings) {
    if (spec.name == name) return &spec;
  }
  return nullptr;
}

// The values that no text may show from now on.
void keep_secrets(const DestinationConfig& destination) {
  for (const SettingValue& setting : destination.settings) {
    const InputSpec* spec = find_spec(*destination.plugin, setting.name);
    if (spec == nullptr || !setting.present) continue;
    const bool number = setting.type == ValueType::integer && !spec->multiple;
    if (spec->secret) gate::keep_secret(number ? std::to_string(setting.integer) : setting.text);
    if (spec->type == ValueType::json || spec->multiple)
      gate::keep_secrets_in_json(setting.text, spec->secret);
  }
}

// The penstock_config of a destination, with all that it points to.
class ConfigView {
 public:
  // Borrows both.
  ConfigView(const DestinationConfig& destination, std::string_view mappings_json) {
    const PluginManifest& manifest = *destination.plugin;
    for (const SettingValue& setting : destination.settings) {
      names_.push_back(str(setting.name));
      values_.push_back(value_of(setting, find_spec(manifest, setting.name)));
    }
    fields_.reserve(manifest.actions.size());
    for (const ActionSpec& action : manifest.actions) {
      std::vector<penstock_str>& fields = fields_.emplace_back();
      for (const InputSpec& field : action.fields) fields.push_back(str(field.name));
      actions_.push_back({str(action.name), fields.data(), fields.size()});
    }
    config_.struct_size = sizeof config_;
    config_.destination = str(destination.name);
    config_.n_settings = names_.size();
    config_.names = names_.data();
    config_.values = values_.data();
    config_.n_actions = actions_.size();
    config_.actions = actions_.data();
    config_.mappings = str(mappings_json);
  }
  ConfigView(const ConfigView&) = delete;
  ConfigView& operator=(const ConfigView&) = delete;

  [[nodiscard]] const penstock_config* get() const { return &config_; }

 private:
  std::vector<penstock_str> names_;
  std::vector<penstock_value> values_;
  std::vector<std::vector<penstock_str>> fields_;
  std::vector<penstock_action> actions_;
  penstock_config config_{};
};

// What a hook throws ends the process here, where it is known which hook it was: it crossed C
// frames and cannot be caught (docs/abi.md).
template <typename Call>
std::int32_t in_hook(const HookPlace& place, const Call& call) noexcept {
  const NowIn now(place);
  return call();
}

}  // namespace

Instance::Places Instance::places_of(const DestinationConfig& destination) {
  const auto place = [&](const char* hook, std::chrono::nanoseconds limit = kHookLimit) {
    return &hook_place(destination.plugin->name, destination.name, hook, limit);
  };
  return {place("loading"),          place("init"),  place("settings"),          place("mapping"),
          place("send", kSendLimit), place("check"), place("query", kSendLimit), place("quiesce"),
          place("destroy")};
}

Status check_abi_claim(const PluginManifest& manifest) {
  if (manifest.abi_major == PENSTOCK_ABI_MAJOR) return {};
  const bool newer = manifest.abi_major > PENSTOCK_ABI_MAJOR;
  return {StatusCode::configuration,
          at(manifest.abi_location) + "plugin " + manifest.name + " needs plugin ABI " +
              abi_text(manifest.abi_major, manifest.abi_minor) + ", this Penstock has " +
              our_abi() + "; its library was not opened. " +
              (newer ? "Use a newer Penstock, or a build of the plugin for this one."
                     : "Use a build of the plugin for this Penstock.")};
}

Result<std::unique_ptr<Instance>> Instance::create(const DestinationConfig& destination,
                                                   const penstock_host* host,
                                                   std::string_view mappings_json) {
  std::unique_ptr<Instance> instance(new Instance());
  instance->title_ = "destination " + destination.name + ", plugin " + destination.plugin->name;
  keep_secrets(destination);
  instance->places_ = places_of(destination);
  RETURN_IF_ERROR(check_abi_claim(*destination.plugin));
  RETURN_IF_ERROR(instance->bind(destination));
  RETURN_IF_ERROR(instance->init(destination, host));
  RETURN_IF_ERROR(instance->settings(destination, mappings_json));
  return instance;
}

Status Instance::bind(const DestinationConfig& destination) {
  const PluginManifest& manifest = *destination.plugin;
  Result<const Library*> opened = [&] {
    const NowIn now(*places_.loading);
    return Library::open(manifest.library);
  }();
  register_exit_handler();
  if (!opened.ok()) {
    return {opened.status().code(), at(manifest.library_location) + opened.status().message()};
  }
  const Library& library = **opened;
  const HookNames& names = manifest.hooks;
  std::string missing;
  const auto find = [&](auto& hook, const char* kind, const std::string& name) {
    const Library::Function function = library.find(name);
    if (function == nullptr) {
      missing += std::string(missing.empty() ? "" : ", ") + kind + " hook \"" + name + "\"";
    }
    hook = reinterpret_cast<std::remove_reference_t<decltype(hook)>>(function);
    return function != nullptr;
  };
  const std::string* first_missing = nullptr;
  const auto require = [&](auto& hook, const char* kind, const std::string& name) {
    if (!find(hook, kind, name) && first_missing == nullptr) first_missing = &name;
  };
  require(init_, "init", names.init);
  require(settings_, "settings", names.settings);
  require(mapping_, "mapping", names.mapping);
  require(send_, "send", names.send);
  if (!names.check.empty()) require(check_, "check", names.check);
  if (!names.query.empty()) require(query_, "query", names.query);
  if (first_missing == nullptr) return {};

  const std::string hint = suggestion(*first_missing, library.exported_names());
  return {StatusCode::configuration,
          "the plugin library " + library.path() + " does not export the " + missing +
              ", which its manifest " + manifest.path + " names under \"hooks\"" +
              (hint.empty() ? "" : "; " + hint) +
              ". Correct the name, or export the function (PENSTOCK_PLUGIN in C++; in C: default "
              "visibility)."};
}

Status Instance::init(const DestinationConfig& destination, const penstock_host* host) {
  const std::string who =
      "plugin " + destination.plugin->name + " (" + destination.plugin->library + ")";
  penstock_error error{};
  clear(error);
  penstock_descriptor descriptor{};
  descriptor.struct_size = sizeof descriptor;
  const std::int32_t status =
      in_hook(*places_.init, [&] { return init_(host, &descriptor, &error); });
  terminate(error);
  if (status != PENSTOCK_OK) {
    return {status_code(status), at(destination.location) + who +
                                     " could not start for destination " + destination.name + ": " +
                                     reason_text(status, error)};
  }
  // Before anything else of the descriptor is believed: another major version may lay it out
  // otherwise.
  if (descriptor.abi_major != PENSTOCK_ABI_MAJOR) {
    return {StatusCode::configuration,
            at(destination.plugin->abi_location) + who + " was built for plugin ABI " +
                abi_text(descriptor.abi_major, descriptor.abi_minor) + ", this Penstock has " +
                our_abi() + ", though its manifest claims " +
                abi_text(destination.plugin->abi_major, destination.plugin->abi_minor) +
                ". Do manifest and library belong together? Rebuild the plugin."};
  }
  if (descriptor.plugin == nullptr || descriptor.destroy == nullptr) {
    const std::string lacks = descriptor.plugin != nullptr ? "no destroy function"
                              : descriptor.destroy != nullptr
                                  ? "no instance"
                                  : "neither an instance nor a destroy function";
    return {StatusCode::internal, who + " is at fault: its init hook \"" +
                                      destination.plugin->hooks.init +
                                      "\" returned OK, but the descriptor that it filled in has " +
                                      lacks + ". Report this to the plugin's author."};
  }
  descriptor_ = descriptor;
  return {};
}

Status Instance::settings(const DestinationConfig& destination, std::string_view mappings_json) {
  const ConfigView config(destination, mappings_json);
  penstock_error error{};
  clear(error);
  const std::int32_t status = in_hook(
      *places_.settings, [&] { return settings_(descriptor_.plugin, config.get(), &error); });
  if (status == PENSTOCK_OK) return {};
  terminate(error);
  Location location = destination.location;
  std::string which = "the settings";
  for (const SettingValue& setting : destination.settings) {
    if (setting.name != error.field) continue;
    location = setting.location;
    which = "the setting " + setting.name;
  }
  return {status_code(status), at(location) + "plugin " + destination.plugin->name + " refused " +
                                   which + " of destination " + destination.name + ": " +
                                   reason_text(status, error)};
}

Instance::~Instance() {
  if (descriptor_.quiesce != nullptr) {
    const NowIn now(*places_.quiesce);
    descriptor_.quiesce(descriptor_.plugin);
  }
  if (descriptor_.destroy != nullptr) {
    const NowIn now(*places_.destroy);
    descriptor_.destroy(descriptor_.plugin);
  }
}

std::int32_t Instance::map(const penstock_record& record, const penstock_emitter& emitter,
                           penstock_error& error) noexcept {
  clear(error);
  const NowIn now(*places_.mapping);
  const std::int32_t status = mapping_(descriptor_.plugin, &record, &emitter, &error);
  if (status != PENSTOCK_OK) terminate(error);
  return status;
}

std::int32_t Instance::send(const penstock_batch& batch, penstock_error& error) noexcept {
  clear(error);
  const NowIn now(*places_.send);
  const std::int32_t status = send_(descriptor_.plugin, &batch, &error);
  if (status != PENSTOCK_OK) terminate(error);
  return status;
}

CheckResult Instance::check(std::int64_t deadline_ns) {
  penstock_error error{};
  clear(error);
  const std::int32_t status =
      in_hook(*places_.check, [&] { return check_(descriptor_.plugin, deadline_ns, &error); });
  if (status == PENSTOCK_OK) return {};
  terminate(error);
  return {status_code(status), gate::foreign_text(error.reason, sizeof error.reason),
          reason_text(status, error)};
}

namespace {

// What a plugin answers to a query, as it comes.
struct Answer {
  std::string text;
  std::size_t bytes = 0;  // of the longest that was given
  int given = 0;

  // Called by the plugin: no exception may leave it.
  static void take(void* ctx, penstock_str json) noexcept {
    auto& answer = *static_cast<Answer*>(ctx);
    ++answer.given;
    answer.bytes = std::max<std::size_t>(answer.bytes, json.size);
    if (answer.given > 1 || json.size == 0 || json.size > Instance::kMaxAnswerBytes) return;
    try {
      answer.text.assign(json.data, json.size);
    } catch (const std::exception&) {  // no memory: seen as text that is shorter than `bytes`
      answer.text.clear();
    }
  }
};

}  // namespace

Result<std::string> Instance::query(std::string_view name, std::string_view arguments_json,
                                    std::int64_t deadline_ns) {
  Answer answer;
  penstock_query question{};
  question.struct_size = sizeof question;
  question.name = str(name);
  question.arguments = str(arguments_json);
  question.deadline_ns = deadline_ns;
  question.ctx = &answer;
  question.answer = Answer::take;
  penstock_error error{};
  clear(error);
  const std::int32_t status =
      in_hook(*places_.query, [&] { return query_(descriptor_.plugin, &question, &error); });
  terminate(error);
  std::string fault;
  if (status != PENSTOCK_OK) {
    if (answer.given == 0) return Status(status_code(status), reason_text(status, error));
    fault = "answered, but returned the error " + std::to_string(status);
  } else if (answer.given == 0) {
    fault = "returned OK without an answer";
  } else if (answer.given > 1) {
    fault = "answered " + std::to_string(answer.given) + " times instead of once";
  } else if (answer.bytes > kMaxAnswerBytes) {
    fault = "answered with " + std::to_string(answer.bytes) + " bytes, and " +
            std::to_string(kMaxAnswerBytes) + " are the most that is allowed";
  } else if (answer.text.size() != answer.bytes) {
    return Status(StatusCode::internal, title_ + ": not enough memory for the answer of " +
                                            std::to_string(answer.bytes) + " bytes");
  } else {
    return gate::mask_secrets(answer.text);
  }
  return Status(StatusCode::internal, title_ + " is at fault: its query hook, asked for \"" +
                                          std::string(name) + "\", " + fault +
                                          ". Report this to the plugin's author.");
}

}  // namespace penstock::plugin
