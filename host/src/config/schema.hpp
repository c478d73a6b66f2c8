// Reading maps and values of manifests strictly. Faults go to Diagnostics and reading goes on, so
// that all are shown.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/diagnostics.hpp"
#include "model/node.hpp"

namespace penstock::config {

// One map: each key that may be there is asked for once; finish() reports the others.
class MapReader {
 public:
  // `path` names the map in messages, such as "limits.rates.users"; "" is the whole file. A node
  // that is null is an empty map; one that is no map is an error, and nothing is found in it.
  MapReader(const Node& node, std::string path, Diagnostics& diagnostics);

  // The value of a key, or null when it is not there.
  const Node* find(std::string_view key);
  // The same; that it is missing, or null, is an error. `example` shows how to write it.
  const Node* require(std::string_view key, std::string_view example);
  // Reports the keys that nobody asked for.
  void finish();

  // "limits.rates.users.per"
  [[nodiscard]] std::string label(std::string_view key) const;
  [[nodiscard]] const Location& location() const { return node_.location; }
  [[nodiscard]] Diagnostics& diagnostics() { return diagnostics_; }

  // What the key holds, or nothing when it is not there or wrong.
  std::optional<std::string> text(std::string_view key);
  std::optional<bool> boolean(std::string_view key);
  std::optional<std::uint64_t> count(std::string_view key, std::uint64_t least, std::uint64_t most);
  std::optional<std::uint64_t> size(std::string_view key, std::uint64_t least, std::uint64_t most);
  std::optional<std::chrono::milliseconds> duration(std::string_view key,
                                                    std::chrono::milliseconds least,
                                                    std::chrono::milliseconds most);
  std::optional<std::string> url(std::string_view key);
  std::vector<std::string> texts(std::string_view key);                    // a list of texts
  std::map<std::string, std::string> texts_by_name(std::string_view key);  // a map of texts
  std::string required_text(std::string_view key, std::string_view example);

 private:
  const Node& node_;
  std::string path_;
  Diagnostics& diagnostics_;
  bool is_map_ = false;
  std::vector<std::string> known_;
};

// ---- single values; `label` names them in messages ----

// Text; numbers are taken as they are written, booleans and nothing are not.
std::optional<std::string> read_text(const Node& node, const std::string& label,
                                     Diagnostics& diagnostics);
std::optional<bool> read_boolean(const Node& node, const std::string& label,
                                 Diagnostics& diagnostics);
std::optional<std::int64_t> read_integer(const Node& node, const std::string& label,
                                         std::int64_t least, std::int64_t most,
                                         Diagnostics& diagnostics);
std::optional<double> read_number(const Node& node, const std::string& label,
                                  Diagnostics& diagnostics);
// `200ms`, `10s`, `1m`, `2h`, `1d`.
std::optional<std::chrono::milliseconds> read_duration(const Node& node, const std::string& label,
                                                       Diagnostics& diagnostics);
// Bytes: `512`, `512B`, `1MB` (a million), `64KiB`, `4MiB`, `10GiB`.
std::optional<std::uint64_t> read_size(const Node& node, const std::string& label,
                                       Diagnostics& diagnostics);
// https://..., or http:// to this machine.
std::optional<std::string> read_url(const Node& node, const std::string& label,
                                    Diagnostics& diagnostics);

// "" when the text is a URL that may be used, else what is wrong with it.
[[nodiscard]] std::string fault_of_url(std::string_view text);

// Lower-case letters, digits and _, beginning with a letter: names that plugins give.
[[nodiscard]] bool is_name(std::string_view text);
// Reports a text that is no such name.
bool check_name(std::string_view name, std::string_view what, const Location& location,
                Diagnostics& diagnostics);

}  // namespace penstock::config
