// From the text of a YAML file to a Node tree with places. The only part that knows the YAML
// library.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "model/diagnostics.hpp"
#include "model/node.hpp"

namespace penstock::config {

// A pipeline of 5,000 mappings with every field written out is about 5 MiB.
inline constexpr std::size_t kMaxManifestBytes = 16 * 1024 * 1024;
// Deeper than any mapping is written by hand; bounds the recursion of everything that walks a tree.
inline constexpr std::size_t kMaxNesting = 64;
// Bounds memory: a file of commas would otherwise take a hundred times its size.
inline constexpr std::size_t kMaxNodes = 500'000;

// Reads one YAML document, strictly: scalars as model/node.hpp says (010, yes, 0x1F and +5 are
// strings), duplicate keys are errors, and so are anchors, aliases, tags, further documents, bytes
// that are not UTF-8 and control characters. Every fault goes to `diagnostics` with its place;
// nothing is returned when the text cannot be read as YAML at all. A file without content gives a
// null node. Makes the text known to `diagnostics` as the source of `file`. A string's location is
// that of its first character, inside the quotes or block.
[[nodiscard]] std::optional<Node> read_yaml(std::string_view text, const std::string& file,
                                            Diagnostics& diagnostics);

// The node of a scalar that stands without quotes, typed as in a file.
[[nodiscard]] Node plain_scalar(std::string text, Location location);

// Whether all of `text` is well-formed UTF-8; `valid_bytes` is the length of the part before the
// fault.
[[nodiscard]] bool is_utf8(std::string_view text, std::size_t& valid_bytes);

}  // namespace penstock::config
