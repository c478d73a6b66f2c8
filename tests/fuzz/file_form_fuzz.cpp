// Guards the recognition of input without events: whatever it begins with, a beginning in which
// some line is an event by itself is never refused, but for JSON that goes on around that line.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "source/file_form.hpp"

using namespace penstock::source;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const FileForm form = form_of(text);
  const bool named = !describe(form, "events").empty();
  if (named != (form != FileForm::lines)) std::abort();
  // With a whole event behind it on a line of its own, it is lines, unless that event is within
  // brackets that are still open.
  if (form != FileForm::lines && form != FileForm::json_array &&
      form != FileForm::json_over_lines && form != FileForm::json_in_a_row) {
    const std::string more = std::string(text) + "\n{}\n";
    if (form_of(more) != FileForm::lines) std::abort();
  }
  return 0;
}
