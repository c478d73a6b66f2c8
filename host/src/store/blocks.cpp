#include "store/blocks.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace penstock::store {

using services::Database;

namespace {

constexpr unsigned kBits = 8;

bool bit(const std::vector<std::uint8_t>& bits, std::uint32_t index) {
  return (bits[index / kBits] >> (index % kBits) & 1U) != 0;
}

std::string_view bytes_of(const std::vector<std::uint8_t>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size()};
}

std::string_view bytes_of(const std::vector<std::uint16_t>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(std::uint16_t)};
}

Status contradiction(std::uint64_t sequence, const std::string& what) {
  return {StatusCode::internal, "block " + std::to_string(sequence) + " of the queue: " + what +
                                    " Nothing was stored. This is a fault of Penstock: please "
                                    "report it."};
}

void count(SettledElement::Kind kind, MappingCounts& counts) {
  switch (kind) {
    case SettledElement::Kind::delivered:
      ++counts.delivered;
      break;
    case SettledElement::Kind::superseded:
      ++counts.superseded;
      break;
    case SettledElement::Kind::dead_lettered:
      ++counts.dead_lettered;
      break;
  }
}

// The count of that mapping, made where it is missing.
std::uint32_t& count_of(std::vector<BlockSummary::Count>& counts, std::uint32_t mapping) {
  for (BlockSummary::Count& known : counts) {
    if (known.mapping == mapping) return known.elements;
  }
  counts.push_back({mapping, 0});
  return counts.back().elements;
}

}  // namespace

Result<Blocks> Blocks::load(Database& database, bool keeps_blocks) {
  Blocks blocks(database);
  blocks.keeps_blocks_ = keeps_blocks;
  RETURN_IF_ERROR(blocks.prepare());
  const auto take = [&](const BlockRow& row) -> Result<bool> {
    if (const Status status = add_pending(row, blocks.pending_); !status.ok())
      return database.damaged(status.message());
    Entry entry;
    entry.created = {row.created_ms, row.since_ms};
    entry.bytes = row.bytes;
    entry.elements = row.elements;
    const std::uint64_t settled = row.settled_elements();
    const std::size_t bitmap_size = (row.elements + kBits - 1) / kBits;
    std::uint64_t listed = 0;
    for (const BlockSummary::Count& count : row.counts) listed += count.elements;
    if (listed != row.elements || settled > row.elements ||
        (!row.settled.empty() && row.settled.size() != bitmap_size) ||
        (!row.attempts.empty() && row.attempts.size() != row.elements * sizeof(std::uint16_t))) {
      return database.damaged("what is settled of block " + std::to_string(row.sequence) +
                              " does not fit it");
    }
    entry.unsettled = static_cast<std::uint32_t>(row.elements - settled);
    if (!row.settled.empty() || !row.attempts.empty()) {
      entry.progress = std::make_unique<Progress>();
      entry.progress->settled.assign(row.settled.begin(), row.settled.end());
      entry.progress->settled_counts = row.settled_counts;
      entry.progress->attempts.resize(row.attempts.size() / sizeof(std::uint16_t));
      std::copy(row.attempts.begin(), row.attempts.end(),
                reinterpret_cast<char*>(entry.progress->attempts.data()));
    }
    for (const auto& action : row.actions) {
      if (std::find(blocks.actions_.begin(), blocks.actions_.end(), action) ==
          blocks.actions_.end()) {
        blocks.actions_.push_back(action);
      }
    }
    blocks.bytes_ += row.bytes;
    blocks.entries_.emplace_hint(blocks.entries_.end(), row.sequence, std::move(entry));
    return true;
  };
  RETURN_IF_ERROR(each_block(database, take));
  ASSIGN_OR_RETURN(const std::int64_t next, database.ask_integer("SELECT next_sequence FROM meta"));
  blocks.next_sequence_ = static_cast<std::uint64_t>(next);
  if (!blocks.entries_.empty() && blocks.entries_.rbegin()->first >= blocks.next_sequence_) {
    return database.damaged("block " + std::to_string(blocks.entries_.rbegin()->first) +
                            " is stored, but the next would be " + std::to_string(next));
  }
  return blocks;
}

Status Blocks::prepare() {
  ASSIGN_OR_RETURN(insert_block_,
                   database_->prepare("INSERT INTO blocks (sequence, created_ms, bytes, elements,"
                                      " counts, actions, since_ms)"
                                      " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"));
  ASSIGN_OR_RETURN(insert_data_,
                   database_->prepare("INSERT INTO block_data (sequence, data) VALUES (?1, ?2)"));
  ASSIGN_OR_RETURN(delete_block_, database_->prepare("DELETE FROM blocks WHERE sequence = ?1"));
  ASSIGN_OR_RETURN(delete_data_, database_->prepare("DELETE FROM block_data WHERE sequence = ?1"));
  ASSIGN_OR_RETURN(
      upsert_progress_,
      database_->prepare("INSERT OR REPLACE INTO progress (sequence, settled, settled_counts,"
                         " attempts) VALUES (?1, ?2, ?3, ?4)"));
  ASSIGN_OR_RETURN(delete_progress_,
                   database_->prepare("DELETE FROM progress WHERE sequence = ?1"));
  ASSIGN_OR_RETURN(select_data_,
                   database_->prepare("SELECT data FROM block_data WHERE sequence = ?1"));
  return {};
}

Status Blocks::write(const Commit& commit, const Names& names, const Moment& now, Tally& counts,
                     Changes& changes) {
  changes.pending = pending_;
  changes.next_sequence = next_sequence_;
  for (const auto& block : commit.blocks) {
    if (block->sequence < changes.next_sequence) {
      return contradiction(block->sequence, "it was stored before.");
    }
    changes.next_sequence = block->sequence + 1;
    if (!keeps_blocks_ || block->elements.empty()) continue;
    Entry entry;
    entry.created = now;
    entry.elements = static_cast<std::uint32_t>(block->elements.size());
    entry.unsettled = entry.elements;
    std::vector<std::uint64_t> elements(names.mapping_ids().size(), 0);
    for (const BlockElement& element : block->elements) ++elements[element.mapping];
    for (std::size_t i = 0; i < elements.size(); ++i) {
      if (elements[i] > 0) changes.pending[names.mapping_ids()[i]] += elements[i];
    }
    changes.entries.emplace(block->sequence, std::move(entry));
  }
  for (const Settlement& settlement : commit.settlements) {
    RETURN_IF_ERROR(settle(settlement, names, counts, changes));
  }
  RETURN_IF_ERROR(note_attempts(commit.attempts, changes));

  for (const auto& block : commit.blocks) {
    const auto entry = changes.entries.find(block->sequence);
    if (entry == changes.entries.end() || entry->second.unsettled == 0) continue;
    RETURN_IF_ERROR(insert(*block, names, entry->second));
  }
  for (const auto& [sequence, entry] : changes.entries) {
    const bool stored = sequence < next_sequence_;
    if (entry.unsettled == 0) {
      if (stored) RETURN_IF_ERROR(remove(sequence));
    } else if (entry.progress != nullptr) {
      RETURN_IF_ERROR(write_progress(sequence, *entry.progress));
    }
  }
  return {};
}

Blocks::Entry* Blocks::find(std::uint64_t sequence, Changes& changes) const {
  const auto changed = changes.entries.find(sequence);
  if (changed != changes.entries.end()) return &changed->second;
  const auto stored = entries_.find(sequence);
  if (stored == entries_.end()) return nullptr;
  Entry copy;
  copy.created = stored->second.created;
  copy.bytes = stored->second.bytes;
  copy.elements = stored->second.elements;
  copy.unsettled = stored->second.unsettled;
  if (stored->second.progress != nullptr) {
    copy.progress = std::make_unique<Progress>(*stored->second.progress);
  }
  return &changes.entries.emplace(sequence, std::move(copy)).first->second;
}

Status Blocks::settle(const Settlement& settlement, const Names& names, Tally& counts,
                      Changes& changes) const {
  Entry* const entry = find(settlement.block, changes);
  if (entry == nullptr && keeps_blocks_) {
    return contradiction(settlement.block, "elements of it are settled, but it is not stored.");
  }
  if (entry != nullptr && entry->progress == nullptr) {
    entry->progress = std::make_unique<Progress>();
  }
  if (entry != nullptr && entry->progress->settled.empty()) {
    entry->progress->settled.assign((entry->elements + kBits - 1) / kBits, 0);
  }
  // Looked up when the mapping changes, which is seldom.
  std::uint32_t mapping = Names::kUnknown;
  MappingCounts* total = nullptr;
  std::uint64_t* pending = nullptr;
  std::uint32_t* settled = nullptr;
  for (const SettledElement& element : settlement.elements) {
    if (element.mapping != mapping) {
      mapping = element.mapping;
      if (mapping >= names.mapping_ids().size()) {
        return contradiction(settlement.block,
                             "an element is settled for a mapping without a name.");
      }
      const std::uint32_t id = names.mapping_ids()[mapping];
      total = &counts.of(mapping);
      pending = &changes.pending[id];
      if (entry != nullptr) settled = &count_of(entry->progress->settled_counts, id);
    }
    count(element.kind, *total);
    if (entry == nullptr) continue;
    std::vector<std::uint8_t>& bits = entry->progress->settled;
    if (element.element >= entry->elements || bit(bits, element.element)) {
      return contradiction(settlement.block, "element " + std::to_string(element.element) + " of " +
                                                 std::to_string(entry->elements) +
                                                 " is settled twice or does not exist.");
    }
    if (*pending == 0) {
      return contradiction(settlement.block, "element " + std::to_string(element.element) +
                                                 " is settled for a mapping of which nothing is "
                                                 "pending.");
    }
    bits[element.element / kBits] |= static_cast<std::uint8_t>(1U << (element.element % kBits));
    --*pending;
    --entry->unsettled;
    ++*settled;
  }
  return {};
}

Status Blocks::note_attempts(const std::vector<FailedAttempt>& attempts, Changes& changes) const {
  for (const FailedAttempt& attempt : attempts) {
    Entry* const entry = find(attempt.block, changes);
    if (entry == nullptr) {
      if (!keeps_blocks_) continue;
      return contradiction(attempt.block, "an element of it was tried, but it is not stored.");
    }
    if (attempt.element >= entry->elements) {
      return contradiction(attempt.block, "an element was tried that it does not have.");
    }
    if (entry->progress == nullptr) entry->progress = std::make_unique<Progress>();
    std::vector<std::uint16_t>& known = entry->progress->attempts;
    if (known.empty()) known.assign(entry->elements, 0);
    known[attempt.element] = static_cast<std::uint16_t>(
        std::min<std::uint32_t>(attempt.attempts, std::numeric_limits<std::uint16_t>::max()));
  }
  return {};
}

Status Blocks::insert(const Block& block, const Names& names, Entry& entry) {
  encode_block(block, names.catalog(), names.mapping_ids(), names.destination_ids(), encoded_);
  const BlockSummary summary =
      summarize(block, names.catalog(), names.mapping_ids(), names.destination_ids());
  const std::string counts = encode_counts(summary.counts);
  const std::string actions = encode_actions(summary.actions);
  entry.bytes = encoded_.size();
  RETURN_IF_ERROR(insert_block_.bind(1, block.sequence)
                      .bind(2, entry.created.wall_ms)
                      .bind(3, entry.bytes)
                      .bind(4, entry.elements)
                      .bind_bytes(5, counts)
                      .bind_bytes(6, actions)
                      .bind(7, entry.created.state_ms)
                      .run());
  return insert_data_.bind(1, block.sequence).bind_bytes(2, encoded_).run();
}

Status Blocks::remove(std::uint64_t sequence) {
  RETURN_IF_ERROR(delete_block_.bind(1, sequence).run());
  RETURN_IF_ERROR(delete_data_.bind(1, sequence).run());
  return delete_progress_.bind(1, sequence).run();
}

Status Blocks::write_progress(std::uint64_t sequence, const Progress& progress) {
  const std::string counts = encode_counts(progress.settled_counts);
  return upsert_progress_.bind(1, sequence)
      .bind_bytes(2, bytes_of(progress.settled))
      .bind_bytes(3, counts)
      .bind_bytes(4, bytes_of(progress.attempts))
      .run();
}

void Blocks::apply(Changes&& changes) {
  pending_ = std::move(changes.pending);
  next_sequence_ = changes.next_sequence;
  for (auto& [sequence, entry] : changes.entries) {
    const auto known = entries_.find(sequence);
    if (known != entries_.end()) bytes_ -= known->second.bytes;
    if (entry.unsettled == 0) {
      if (known != entries_.end()) entries_.erase(known);
      continue;
    }
    bytes_ += entry.bytes;
    if (known != entries_.end()) {
      known->second = std::move(entry);
    } else {
      entries_.emplace_hint(entries_.end(), sequence, std::move(entry));
    }
  }
}

Backlog Blocks::backlog(const Names& names) const {
  Backlog backlog;
  backlog.next_sequence = next_sequence_;
  backlog.first_sequence = entries_.empty() ? next_sequence_ : entries_.begin()->first;
  backlog.blocks = entries_.size();
  backlog.bytes = bytes_;
  for (const std::uint32_t id : names.mapping_ids()) {
    const auto found = pending_.find(id);
    backlog.pending_by_mapping.push_back(found == pending_.end() ? 0 : found->second);
  }
  return backlog;
}

Result<std::optional<StoredBlock>> Blocks::read(std::uint64_t from_sequence, std::int64_t state_ms,
                                                const Names& names) {
  const auto found = entries_.lower_bound(from_sequence);
  if (found == entries_.end()) return std::optional<StoredBlock>();
  const auto& [sequence, entry] = *found;
  const std::string which = "block " + std::to_string(sequence);
  ASSIGN_OR_RETURN(const bool there, select_data_.bind(1, sequence).step());
  if (!there) return database_->damaged(which + " is missing");
  auto decoded = decode_block(select_data_.bytes(0));
  select_data_.reset();
  if (!decoded.ok()) return database_->damaged(which + ": " + decoded.status().message());
  if (decoded->block->sequence != sequence || decoded->block->elements.size() != entry.elements) {
    return database_->damaged(which + " is another one than is listed");
  }
  if (const Status status = translate(*decoded, names); !status.ok()) {
    return database_->damaged(which + ": " + status.message());
  }
  StoredBlock stored;
  stored.block = std::move(decoded->block);
  stored.age_ms = std::max<std::int64_t>(0, state_ms - entry.created.state_ms);
  if (entry.progress != nullptr) {
    const Progress& progress = *entry.progress;
    if (!progress.settled.empty()) {
      stored.settled.resize(entry.elements);
      for (std::uint32_t i = 0; i < entry.elements; ++i) {
        stored.settled[i] = bit(progress.settled, i);
      }
    }
    stored.attempts.assign(progress.attempts.begin(), progress.attempts.end());
  }
  return std::optional<StoredBlock>(std::move(stored));
}

Status Blocks::translate(DecodedBlock& decoded, const Names& names) const {
  for (Route& route : decoded.block->routes) {
    route.destination = names.destination_of(route.destination);
    if (route.destination == Names::kUnknown) {
      return {StatusCode::damaged, "it is for a destination that is not listed"};
    }
    route.action = names.action_of(route.destination, decoded.actions[route.action]);
    if (route.action == Names::kUnknown) {
      return {StatusCode::damaged, "it is for an action that is not listed"};
    }
  }
  for (BlockElement& element : decoded.block->elements) {
    element.mapping = names.mapping_of(element.mapping);
    if (element.mapping == Names::kUnknown) {
      return {StatusCode::damaged, "it has elements of a mapping that is not listed"};
    }
  }
  return {};
}

}  // namespace penstock::store
