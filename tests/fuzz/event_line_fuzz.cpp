// Any bytes as a line: parsing gives an event or a reason; what parsed prints as JSON that parses
// to the same text, and the path table finds what walking step by step finds.
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "model/event.hpp"

namespace {

using namespace penstock;

std::string json_of(const Value& value) {
  std::string text;
  append_json(text, value);
  return text;
}

const std::vector<std::vector<std::string>> kPaths = {{},
                                                      {"type"},
                                                      {"a"},
                                                      {"a", "a"},
                                                      {"a", "0"},
                                                      {"a", "0", "a"},
                                                      {"properties", "audience_key"},
                                                      {"", "1"}};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Of exactly the promised size, so that reading on is seen.
  const auto line = std::make_unique<char[]>(size + kEventPadding);
  if (size > 0) std::memcpy(line.get(), data, size);
  std::memset(line.get() + size, '"', kEventPadding);
  EventParser parser;
  const Result<Value> root = parser.parse({line.get(), size});
  if (!root.ok()) {
    if (root.status().code() != StatusCode::bad_input) std::abort();
    return 0;
  }
  if (!root->is(Value::Kind::map)) std::abort();

  PathTable paths;
  std::vector<PathSlot> slot_of;
  for (const auto& steps : kPaths) slot_of.push_back(paths.intern(steps));
  Slots slots;
  paths.extract(*root, slots);
  for (std::size_t i = 0; i < kPaths.size(); ++i) {
    Value expected = *root;
    for (const std::string& step : kPaths[i]) expected = expected.step(step);
    if (expected.kind() != slots[slot_of[i]].kind()) std::abort();
    if (json_of(expected) != json_of(slots[slot_of[i]])) std::abort();
  }

  const std::string text = json_of(*root);
  std::string again = text;
  again.append(kEventPadding, '"');
  EventParser second;
  const Result<Value> reread = second.parse({again.data(), text.size()});
  // Escapes may make the text longer than an event may be.
  if (!reread.ok()) return text.size() > kMaxEventBytes ? 0 : (std::abort(), 0);
  if (json_of(*reread) != text) std::abort();
  std::string javascript_text;
  append_javascript_text(javascript_text, *root);
  return 0;
}
