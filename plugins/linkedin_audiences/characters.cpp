#include "characters.hpp"

#include <unicode/ucasemap.h>
#include <unicode/uchar.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <stdexcept>

namespace penstock::linkedin {
namespace {

struct CloseCaseMap {
  void operator()(UCaseMap* map) const { ucasemap_close(map); }
};

const UCaseMap* case_map() {
  static const std::unique_ptr<UCaseMap, CloseCaseMap> map = [] {
    UErrorCode error = U_ZERO_ERROR;
    std::unique_ptr<UCaseMap, CloseCaseMap> opened(ucasemap_open("", U_FOLD_CASE_DEFAULT, &error));
    if (U_FAILURE(error)) throw std::runtime_error("ICU offers no mapping of letter cases");
    return opened;
  }();
  return map.get();
}

}  // namespace

void append_lower_case(std::string_view text, std::string& out) {
  // A lower-case letter has at most one and a half times the bytes. ICU counts in 32 bits; an event
  // holds no such text.
  if (text.size() > std::numeric_limits<std::int32_t>::max() / 2) {
    throw std::length_error("a text of a gigabyte");
  }
  const std::size_t start = out.size();
  out.resize(start + text.size() + text.size() / 2 + 1);
  UErrorCode error = U_ZERO_ERROR;
  const std::int32_t size = ucasemap_utf8ToLower(
      case_map(), out.data() + start, static_cast<std::int32_t>(out.size() - start), text.data(),
      static_cast<std::int32_t>(text.size()), &error);
  if (U_FAILURE(error)) throw std::runtime_error("ICU could not lower-case a text");
  out.resize(start + static_cast<std::size_t>(size));
}

bool is_invisible(char32_t character) {
  const auto c = static_cast<UChar32>(character);
  return u_isUWhiteSpace(c) != 0 || u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT) != 0;
}

}  // namespace penstock::linkedin
