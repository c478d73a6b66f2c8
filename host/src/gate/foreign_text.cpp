#include "gate/foreign_text.hpp"

#include "gate/escape.hpp"
#include "gate/secrets.hpp"
#include "gate/shapes.hpp"

namespace penstock::gate {

namespace {

// What is far too long is cut before the work begins, but not so that half a secret is left where
// the text is cut for good.
constexpr std::size_t kMargin = 8;

}  // namespace

std::string foreign_text(std::string_view text, std::size_t limit) {
  const std::string masked = mask_shapes(mask_secrets(cut(text, kMargin * limit)));
  // Escapes consist of letters and digits, which may make an address of what stood behind them.
  return std::string(cut(mask_shapes(escaped(masked)), limit));
}

std::string own_text(std::string_view text) {
  return escaped(mask_url_passwords(mask_secrets(text)), Medium::document);
}

}  // namespace penstock::gate
