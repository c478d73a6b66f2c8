#include <cstring>

#include "mapping/event_mapper.hpp"

namespace penstock::mapping {
namespace {

constexpr std::string_view kInvalidEvent = "invalid_event";
constexpr std::string_view kIdentifierShared = "identifier_shared";

// `field` is where the identifier came from, "" where the plugin does not say.
std::string shared_means(std::string_view field) {
  std::string means = "events of more than " + std::to_string(SharedIdentifiers::kManyUsers) +
                      " users (userId) have the same identifier";
  if (!field.empty()) means.append(" in the field ").append(field);
  return means +
         ", so that all of them are one person to the destination; look for a placeholder, or for "
         "a device of many";
}

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
    // A little more than what audience events of 1.2 KB become (0.28 of their size, keys included):
    // growing would copy it.
    blocks_.back().bytes.reserve(text_bytes / 16 * 5);
    blocks_.back().elements.reserve(text_bytes / 1024);
  }

  std::string& bytes() { return blocks_.back().bytes; }

  // What the elements take, about.
  [[nodiscard]] std::size_t held_bytes() const {
    const Block& block = blocks_.back();
    return closed_bytes_ + block.bytes.size() + block.elements.size() * sizeof(BlockElement) +
           block.routes.size() * sizeof(Route);
  }

  // Few elements must not hold the memory of many: it counts against the queue.
  void trim() {
    Block& block = blocks_.back();
    if (block.bytes.size() < block.bytes.capacity() / 2) block.bytes.shrink_to_fit();
    if (block.elements.size() < block.elements.capacity() / 2) block.elements.shrink_to_fit();
  }

  // Gives the hash of the coalesce key, 0 where there is none.
  std::uint64_t add(std::uint32_t mapping, const Program::Mapping& target,
                    const RecordResult& result) {
    Block& block = blocks_.back();
    const auto size = static_cast<std::uint32_t>(result.payload_size + result.key_size);
    BlockElement element;
    element.mapping = mapping;
    element.route = route_of(block, mapping, target, result.batch_key);
    element.offset = static_cast<std::uint32_t>(block.bytes.size()) - size;
    element.payload_size = result.payload_size;
    element.key_size = result.key_size;
    if (element.key_size > 0) element.key_hash = coalesce_hash(block.coalesce_key(element));
    block.elements.push_back(element);
    if (block.bytes.size() >= kMaxBlockBytes) {
      closed_bytes_ = held_bytes();
      blocks_.emplace_back();
      std::fill(last_route_.begin(), last_route_.end(), kNoRoute);
    }
    return element.key_hash;
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
  std::size_t closed_bytes_ = 0;           // what the blocks before the last one take
  std::vector<std::uint32_t> last_route_;  // by mapping: its latest route in the current block
};

// Adds to the tally what is not delivered.
class RefusalWriter {
 public:
  RefusalWriter(Tally& tally, EventMapper* mapper) : tally_(tally), mapper_(mapper) {}

  // A line that is no event.
  void invalid(std::string message, std::string_view line, std::uint64_t offset,
               std::uint64_t size) {
    ++tally_.events.invalid;
    DeadLetter letter = make(ReasonCount::kNoMapping, kInvalidEvent, std::move(message));
    letter.form = DeadLetter::Form::masked_text;
    letter.content = shape_of(line);
    keep(std::move(letter), offset, size);
  }

  // What the dead letters take, about.
  [[nodiscard]] std::size_t held_bytes() const {
    return kept_bytes_ + tally_.dead_letters.size() * sizeof(DeadLetter);
  }

  // The event that the mapper has just refused for this mapping.
  void refused(std::uint32_t mapping, const RecordResult& result, std::string_view line,
               std::uint64_t offset) {
    DeadLetter letter = make(mapping, result.reason, without_addresses(result.message));
    if (kept_bytes_ < kMaxKeptBytes) {
      mapper_->keep_masked(letter, line, mapping);
    } else {
      letter.form = DeadLetter::Form::masked_text;
      letter.message += " (the event is not kept: too many around it were refused, too)";
    }
    keep(std::move(letter), offset, line.size());
  }

 private:
  DeadLetter make(std::uint32_t mapping, std::string_view reason, std::string message) {
    tally_.reason(ReasonCount::Kind::dead_letter, mapping, reason, {}, message);
    DeadLetter letter;
    letter.mapping = mapping;
    letter.reason = reason;
    letter.message = std::move(message);
    return letter;
  }

  void keep(DeadLetter letter, std::uint64_t offset, std::uint64_t size) {
    letter.source_offset = offset;
    letter.source_size = size;
    kept_bytes_ += letter.content.size();
    tally_.dead_letters.push_back(std::move(letter));
  }

  Tally& tally_;
  EventMapper* mapper_;
  std::size_t kept_bytes_ = 0;  // of content
};

// A plugin's fault ends it, with whatever was made of the event until then.
std::optional<PluginFault> map_event(EventMapper& mapper, const Program& program,
                                     std::string_view line, std::uint64_t offset,
                                     BlockWriter& writer, RefusalWriter& refusals, Tally& tally) {
  if (mapper.matches().empty()) {
    ++tally.events.unmatched;
    return std::nullopt;
  }
  ++tally.matched_events;
  for (const std::uint32_t id : mapper.matches()) {
    const Program::Mapping& target = program.mappings[id];
    const auto name_of = [&fields = target.spec->fields](std::uint32_t field) {
      return field < fields.size() ? std::string_view(fields[field].name) : std::string_view();
    };
    const RecordResult result = mapper.map(id, writer.bytes());
    MappingCounts& counts = tally.of(id);
    ++counts.matched;
    switch (result.kind) {
      case RecordResult::Kind::element:
        for (const std::uint32_t field : mapper.shared_fields(writer.add(id, target, result))) {
          const std::string_view name = name_of(field);
          tally.reason(ReasonCount::Kind::warning, id, kIdentifierShared, name, shared_means(name));
        }
        for (const Warning& warning : mapper.warnings()) {
          tally.reason(ReasonCount::Kind::warning, id, warning.code, name_of(warning.field), {});
        }
        break;
      case RecordResult::Kind::skipped:
        ++counts.skipped;
        tally.reason(ReasonCount::Kind::skipped, id, result.reason, {},
                     without_addresses(result.message));
        break;
      case RecordResult::Kind::dead_letter:
        ++counts.dead_lettered;
        refusals.refused(id, result, line, offset);
        break;
      case RecordResult::Kind::plugin_fault:
        return PluginFault{id, offset, std::string(result.message)};
    }
  }
  return std::nullopt;
}

// As map_lines(), but what a plugin at fault made of an event stays.
MappedLines map_until_fault(EventMapper& mapper, const Program& program, std::string_view text,
                            std::uint64_t begin_offset, std::vector<Block>& blocks, Tally& tally) {
  BlockWriter writer(blocks, program, text.size());
  RefusalWriter refusals(tally, &mapper);
  const char* place = text.data();
  const char* const end = place + text.size();
  while (place < end && writer.held_bytes() + refusals.held_bytes() < kMostMappedBytes) {
    const auto* newline =
        static_cast<const char*>(std::memchr(place, '\n', static_cast<std::size_t>(end - place)));
    const char* const line_end = newline != nullptr ? newline : end;
    const std::string_view line = event_text({place, static_cast<std::size_t>(line_end - place)});
    const std::uint64_t offset =
        begin_offset + static_cast<std::uint64_t>(line.data() - text.data());
    place = newline != nullptr ? newline + 1 : end;
    if (blank(line)) continue;
    ++tally.events.received;
    if (const Status status = mapper.read(line); !status.ok()) {
      refusals.invalid(status.message(), line, offset, line.size());
      continue;
    }
    if (auto fault = map_event(mapper, program, line, offset, writer, refusals, tally))
      return {static_cast<std::size_t>(fault->offset - begin_offset), std::move(fault)};
  }
  writer.trim();
  return {static_cast<std::size_t>(place - text.data()), std::nullopt};
}

}  // namespace

MappedLines map_lines(EventMapper& mapper, const Program& program, std::string_view text,
                      std::uint64_t begin_offset, std::vector<Block>& blocks, Tally& tally) {
  MappedLines mapped = map_until_fault(mapper, program, text, begin_offset, blocks, tally);
  while (mapped.fault) {
    // Other mappings have made something of that event already. Mapping is a pure function, so
    // what comes before the event is simply mapped once more.
    blocks.clear();
    tally.clear();
    std::optional<PluginFault> fault = std::move(mapped.fault);
    const std::string_view before = text.substr(0, mapped.size);
    mapped = map_until_fault(mapper, program, before, begin_offset, blocks, tally);
    if (mapped.fault) continue;
    // A plugin that makes more of it this time is met again behind it.
    if (mapped.size == before.size()) mapped.fault = std::move(fault);
    break;
  }
  return mapped;
}

void map_oversized_line(std::uint64_t begin_offset, std::uint64_t end_offset,
                        std::vector<Block>& blocks, Tally& tally) {
  blocks.emplace_back();
  ++tally.events.received;
  RefusalWriter(tally, nullptr)
      .invalid("A line is longer than " + std::to_string(kMaxEventBytes) +
                   " bytes, the most that an event may have",
               {}, begin_offset, end_offset - begin_offset);
}

}  // namespace penstock::mapping
