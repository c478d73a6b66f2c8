#include <cstring>

#include "mapping/event_mapper.hpp"

namespace penstock::mapping {
namespace {

constexpr std::string_view kInvalidEvent = "invalid_event";

bool blank(std::string_view line) {
  for (const char c : line) {
    if (c != ' ' && c != '\t' && c != '\r') return false;
  }
  return true;
}

// Fills blocks with elements, finding each one's route with one comparison in the usual case.
class BlockWriter {
 public:
  BlockWriter(std::vector<Block>& blocks, const Program& program, std::size_t text_bytes)
      : blocks_(blocks), last_route_(program.mappings.size(), kNoRoute) {
    blocks_.emplace_back();
    // About what an audience event of 1.2 KB becomes; growing step by step would copy it several
    // times.
    blocks_.back().bytes.reserve(text_bytes / 4);
    blocks_.back().elements.reserve(text_bytes / 1024);
  }

  std::string& bytes() { return blocks_.back().bytes; }

  // Few elements must not hold the memory of many: it counts against the queue.
  void trim() {
    Block& block = blocks_.back();
    if (block.bytes.size() < block.bytes.capacity() / 2) block.bytes.shrink_to_fit();
    if (block.elements.size() < block.elements.capacity() / 2) block.elements.shrink_to_fit();
  }

  void add(std::uint32_t mapping, const Program::Mapping& target, const RecordResult& result) {
    Block& block = blocks_.back();
    const auto size = static_cast<std::uint32_t>(result.payload_size + result.key_size);
    BlockElement element;
    element.mapping = mapping;
    element.route = route_of(block, mapping, target, result.batch_key);
    element.offset = static_cast<std::uint32_t>(block.bytes.size()) - size;
    element.payload_size = result.payload_size;
    element.key_size = result.key_size;
    if (element.key_size > 0)
      element.key_hash = std::hash<std::string_view>()(block.coalesce_key(element));
    block.elements.push_back(element);
    if (block.bytes.size() >= kMaxBlockBytes) {
      blocks_.emplace_back();
      std::fill(last_route_.begin(), last_route_.end(), kNoRoute);
    }
  }

 private:
  static constexpr std::uint32_t kNoRoute = UINT32_MAX;

  std::uint32_t route_of(Block& block, std::uint32_t mapping, const Program::Mapping& target,
                         std::string_view batch_key) {
    std::uint32_t& last = last_route_[mapping];
    if (last != kNoRoute && block.routes[last].batch_key == batch_key) return last;
    for (std::uint32_t i = 0; i < block.routes.size(); ++i) {
      const Route& route = block.routes[i];
      if (route.destination == target.destination && route.action == target.action &&
          route.batch_key == batch_key) {
        return last = i;
      }
    }
    block.routes.push_back({target.destination, target.action, std::string(batch_key)});
    return last = static_cast<std::uint32_t>(block.routes.size() - 1);
  }

  std::vector<Block>& blocks_;
  std::vector<std::uint32_t> last_route_;  // by mapping: its latest route in the current block
};

void map_event(EventMapper& mapper, const Program& program, BlockWriter& writer, Tally& tally) {
  if (mapper.matches().empty()) {
    ++tally.events.unmatched;
    return;
  }
  ++tally.matched_events;
  for (const std::uint32_t id : mapper.matches()) {
    const Program::Mapping& target = program.mappings[id];
    const RecordResult result = mapper.map(id, writer.bytes());
    MappingCounts& counts = tally.of(id);
    ++counts.matched;
    switch (result.kind) {
      case RecordResult::Kind::element:
        writer.add(id, target, result);
        for (const Warning& warning : mapper.warnings()) {
          const auto& fields = target.spec->fields;
          std::string_view field;
          if (warning.field < fields.size()) field = fields[warning.field].name;
          tally.reason(ReasonCount::Kind::warning, id, warning.code, field, {});
        }
        break;
      case RecordResult::Kind::skipped:
        ++counts.skipped;
        tally.reason(ReasonCount::Kind::skipped, id, result.reason, {}, result.message);
        break;
      case RecordResult::Kind::dead_letter:
        ++counts.dead_lettered;
        tally.reason(ReasonCount::Kind::dead_letter, id, result.reason, {}, result.message);
        break;
    }
  }
}

}  // namespace

void map_lines(EventMapper& mapper, const Program& program, std::string_view text,
               std::vector<Block>& blocks, Tally& tally) {
  BlockWriter writer(blocks, program, text.size());
  const char* place = text.data();
  const char* const end = place + text.size();
  while (place < end) {
    const auto* newline =
        static_cast<const char*>(std::memchr(place, '\n', static_cast<std::size_t>(end - place)));
    const char* const line_end = newline != nullptr ? newline : end;
    const std::string_view line(place, static_cast<std::size_t>(line_end - place));
    place = newline != nullptr ? newline + 1 : end;
    if (blank(line)) continue;
    ++tally.events.received;
    if (const Status status = mapper.read(line); !status.ok()) {
      ++tally.events.invalid;
      tally.reason(ReasonCount::Kind::dead_letter, ReasonCount::kNoMapping, kInvalidEvent, {},
                   status.message());
      continue;
    }
    map_event(mapper, program, writer, tally);
  }
  writer.trim();
}

}  // namespace penstock::mapping
