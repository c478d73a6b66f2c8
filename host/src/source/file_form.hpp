// FileForm: recognises input of which no line can be an event, by its beginning.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace penstock::source {

enum class FileForm : std::uint8_t {
  lines,  // or nothing that is known
  gzip,
  zstd,
  bzip2,
  xz,
  zip,
  utf16,         // with a byte order mark
  utf16_little,  // without one, and so the next
  utf16_big,
  cr_only,          // lines end with a carriage return alone, as on old Macs
  json_over_lines,  // one or more JSON objects, each written over several lines
  json_array,       // one JSON array, on one line or over several
  json_in_a_row,    // several JSON objects and no end of a line between them
};

// What the beginning of a file or stream looks like, which may be all of it. Never anything but
// `lines` when some line of it could be an event as it stands.
[[nodiscard]] FileForm form_of(std::string_view beginning);

// "the event file /x is compressed with gzip. ..." with what to do. Not for `lines`.
[[nodiscard]] std::string describe(FileForm form, const std::string& name);

}  // namespace penstock::source
