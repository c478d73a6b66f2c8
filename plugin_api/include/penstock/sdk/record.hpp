// penstock/sdk/record.hpp - typed views of settings and records. Field names are looked up once, in
// the settings hook; a record is then read by index.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "error.hpp"

namespace penstock {
namespace sdk {

// One value, borrowed like the text in it. A getter of another type than the value's gives nothing.
class Value {
 public:
  explicit Value(const penstock_value& value) noexcept : value_(&value) {}

  [[nodiscard]] std::uint32_t type() const noexcept { return value_->type; }
  // True for absent and for null: the event says nothing that could be sent.
  [[nodiscard]] bool empty() const noexcept { return value_->type <= PENSTOCK_NULL; }

  [[nodiscard]] std::optional<std::string_view> as_string() const noexcept {
    if (value_->type != PENSTOCK_STRING) return std::nullopt;
    return view(value_->as.str);
  }
  // The text of an object or array.
  [[nodiscard]] std::optional<std::string_view> as_json() const noexcept {
    if (value_->type != PENSTOCK_JSON) return std::nullopt;
    return view(value_->as.str);
  }
  [[nodiscard]] std::optional<bool> as_bool() const noexcept {
    if (value_->type != PENSTOCK_BOOL) return std::nullopt;
    return value_->as.i64 != 0;
  }
  // Nothing for a U64: those are above INT64_MAX.
  [[nodiscard]] std::optional<std::int64_t> as_i64() const noexcept {
    if (value_->type != PENSTOCK_I64) return std::nullopt;
    return value_->as.i64;
  }
  [[nodiscard]] std::optional<std::uint64_t> as_u64() const noexcept {
    if (value_->type == PENSTOCK_U64) return value_->as.u64;
    if (value_->type == PENSTOCK_I64 && value_->as.i64 >= 0) {
      return static_cast<std::uint64_t>(value_->as.i64);
    }
    return std::nullopt;
  }
  // Any number, as the nearest double.
  [[nodiscard]] std::optional<double> as_f64() const noexcept {
    switch (value_->type) {
      case PENSTOCK_F64:
        return value_->as.f64;
      case PENSTOCK_I64:
        return static_cast<double>(value_->as.i64);
      case PENSTOCK_U64:
        return static_cast<double>(value_->as.u64);
      default:
        return std::nullopt;
    }
  }

  // The text, or "" for any other type: for optional texts, where absent and "" mean the same.
  [[nodiscard]] std::string_view text() const noexcept {
    return value_->type == PENSTOCK_STRING ? view(value_->as.str) : std::string_view{};
  }

 private:
  const penstock_value* value_;
};

namespace detail {
inline const penstock_value& absent_value() noexcept {
  static constexpr penstock_value kAbsent{};
  return kAbsent;
}
}  // namespace detail

// The position of a field in the records of one action.
struct Field {
  static constexpr std::uint32_t kUnbound = std::numeric_limits<std::uint32_t>::max();
  std::uint32_t index = kUnbound;
};

// Looks fields up by name. Names that the manifest does not have are remembered, so that one check
// after all the look-ups is enough.
class FieldBinder {
 public:
  explicit FieldBinder(const penstock_action& action) : action_(&action) {}

  Field bind(std::string_view name) {
    for (std::uint64_t i = 0; i < action_->n_fields; ++i) {
      if (view(action_->fields[i]) == name) return Field{static_cast<std::uint32_t>(i)};
    }
    if (missing_.empty()) missing_ = name;
    return Field{};
  }

  // OK, or the settings error that names the first field which the manifest lacks.
  [[nodiscard]] std::int32_t result(const Error& error) const {
    if (missing_.empty()) return PENSTOCK_OK;
    return error.fail(PENSTOCK_ERR_INVALID, "unknown_field", missing_,
                      "the plugin reads the field \"" + missing_ + "\" of action \"" +
                          std::string(view(action_->name)) +
                          "\", but its manifest does not declare it; are the manifest and the "
                          "library of one version?");
  }

 private:
  const penstock_action* action_;
  std::string missing_;
};

// What the settings hook receives. Valid until the hook returns.
class Config {
 public:
  explicit Config(const penstock_config& config) noexcept : config_(&config) {}

  [[nodiscard]] std::string_view destination() const noexcept { return view(config_->destination); }

  // The setting's value; absent when it was not given or is unknown.
  [[nodiscard]] Value find(std::string_view name) const noexcept {
    for (std::uint64_t i = 0; i < config_->n_settings; ++i) {
      if (view(config_->names[i]) == name) return Value(config_->values[i]);
    }
    return Value(detail::absent_value());
  }

  [[nodiscard]] std::uint64_t action_count() const noexcept { return config_->n_actions; }
  [[nodiscard]] const penstock_action& action(std::uint64_t index) const noexcept {
    return config_->actions[index];
  }
  // The index that records carry, or nothing when the manifest has no such action.
  [[nodiscard]] std::optional<std::uint32_t> find_action(std::string_view name) const noexcept {
    for (std::uint64_t i = 0; i < config_->n_actions; ++i) {
      if (view(config_->actions[i].name) == name) return static_cast<std::uint32_t>(i);
    }
    return std::nullopt;
  }

  // The destination's mappings as the text of a JSON array; empty where the host tells none.
  [[nodiscard]] std::string_view mappings() const noexcept {
    constexpr std::size_t kNeeded =
        offsetof(penstock_config, mappings) + sizeof(penstock_config::mappings);
    return config_->struct_size >= kNeeded ? view(config_->mappings) : std::string_view();
  }

 private:
  const penstock_config* config_;
};

// One record; it and every view from it are dead when the mapping hook returns.
class Record {
 public:
  explicit Record(const penstock_record& record) noexcept : record_(&record) {}

  [[nodiscard]] std::uint32_t action() const noexcept { return record_->action; }
  [[nodiscard]] Value operator[](Field field) const noexcept {
    return Value(field.index < record_->n_values ? record_->values[field.index]
                                                 : detail::absent_value());
  }

 private:
  const penstock_record* record_;
};

// Where mapping puts its element. The host copies what it is given.
class Emitter {
 public:
  explicit Emitter(const penstock_emitter& emitter) noexcept : emitter_(&emitter) {}

  // Exactly once when mapping returns OK. Payload and keys hold nothing that must not be stored.
  void element(std::string_view payload, std::string_view batch_key,
               std::string_view coalesce_key) const {
    const penstock_element element{sizeof(penstock_element), 0, str(payload), str(batch_key),
                                   str(coalesce_key)};
    emitter_->element(emitter_->ctx, &element);
  }
  // Counts that `field` was left out of the element. `code` is stable, in snake_case.
  void warn(std::string_view code, Field field) const {
    emitter_->warn(emitter_->ctx, str(code), field.index);
  }
  // Names a value by which the element identifies somebody, so that the host can warn where many
  // users have the same one. A host without this loses no more than the warning.
  void identifier(std::string_view value, Field field) const {
    constexpr std::size_t kNeeded =
        offsetof(penstock_emitter, identifier) + sizeof(penstock_emitter::identifier);
    if (emitter_->struct_size < kNeeded || emitter_->identifier == nullptr) return;
    emitter_->identifier(emitter_->ctx, str(value), field.index);
  }

 private:
  const penstock_emitter* emitter_;
};

}  // namespace sdk
}  // namespace penstock
