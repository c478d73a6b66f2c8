// Arguments: what a user gave a directive, read strictly.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/diagnostics.hpp"
#include "model/node.hpp"

namespace penstock::mapping {

// The map of arguments of one directive. Every misuse is reported with its place: of what is
// missing, that of the directive. The directive must outlive this.
class Arguments {
 public:
  // `known` are the names that the directive takes; others are reported at once.
  Arguments(const Node::Member& directive, std::initializer_list<const char*> known,
            Diagnostics& diagnostics);

  [[nodiscard]] bool has(std::string_view name) const { return find(name) != nullptr; }
  // Null when it was not given.
  [[nodiscard]] const Node* find(std::string_view name) const;
  // Reported when it was not given.
  [[nodiscard]] const Node* require(std::string_view name) const;
  // Text; `otherwise` when it was not given or is no text, which is reported.
  [[nodiscard]] std::string text(std::string_view name, std::string_view otherwise) const;
  [[nodiscard]] bool boolean(std::string_view name, bool otherwise) const;
  // One of some words; reported when it was not given or is another.
  [[nodiscard]] std::optional<std::string> word(std::string_view name,
                                                const std::vector<std::string>& words) const;

 private:
  const Node::Member& directive_;
  Diagnostics& diagnostics_;
};

}  // namespace penstock::mapping
