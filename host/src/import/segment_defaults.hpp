// What the fields of LinkedIn Audiences are filled with at Segment unless somebody changes it, and
// what Segment calls them.
#pragma once

#include <string>
#include <string_view>

#include "import/yaml_text.hpp"

namespace penstock::import {

// Whether this is what Segment itself puts into the field, in any version of its action: then
// Penstock's own default, which looks in the same places, takes its place.
[[nodiscard]] bool is_segment_default(std::string_view field, const Json& value);

// A part of a mapping that only Segment's own machinery needs.
[[nodiscard]] bool is_segment_machinery(std::string_view field);

// Penstock's name of an identifier of companies (a member of Segment's "identifiers"), or "".
[[nodiscard]] std::string company_identifier(std::string_view member);

// The value without the notes that Segment's editor keeps next to directives.
[[nodiscard]] Json without_editor_notes(const Json& value);

}  // namespace penstock::import
