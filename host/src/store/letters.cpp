#include "store/letters.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "model/block.hpp"
#include "services/log.hpp"

namespace penstock::store {

using services::Database;
using services::Statement;

namespace {

constexpr std::int64_t kLookEveryMs = 60'000;
// In one transaction, so that lower limits in the pipeline do not hold up its first commit.
constexpr int kMostDropped = 10'000;

std::uint32_t route_in(Block& block, std::uint32_t destination, std::uint32_t action,
                       std::string_view batch_key) {
  // From the end: letters of one batch lie together.
  for (std::size_t i = block.routes.size(); i > 0; --i) {
    const Route& route = block.routes[i - 1];
    if (route.destination == destination && route.action == action &&
        route.batch_key == batch_key) {
      return static_cast<std::uint32_t>(i - 1);
    }
  }
  block.routes.push_back({destination, action, std::string(batch_key)});
  return static_cast<std::uint32_t>(block.routes.size() - 1);
}

// The mappings of which this run can replay letters.
std::string given_ids(const Names& names) {
  std::string ids;
  for (std::size_t i = 0; i < names.given_mappings(); ++i) {
    if (i > 0) ids += ',';
    ids += std::to_string(names.mapping_ids()[i]);
  }
  return ids;
}

}  // namespace

Result<Letters> Letters::prepare(Database& database, const Store::Options& options,
                                 const Names& names) {
  Letters letters(options);
  const std::string form = std::to_string(static_cast<int>(DeadLetter::Form::element));
  // A queue in memory may have given the letter out: its mark keeps it until that has an outcome.
  const std::string unmarked = options.keeps_blocks ? ", awaits_replay = 0" : "";
  RETURN_IF_ERROR(database.execute(
      "UPDATE dead_letters SET awaits_replay = 0 WHERE awaits_replay AND overtaken"));
  struct {
    Statement& statement;
    std::string sql;
  } const statements[] = {
      {letters.insert_,
       "INSERT INTO dead_letters (at_ms, destination, mapping, bytes, form, reason, message,"
       " remote_status, attempts, source_offset, source_size, action, batch_key, coalesce_key,"
       " content, overtaken, queued_until, since_ms)"
       " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)"},
      {letters.select_, "SELECT mapping, reason, message, bytes FROM dead_letters WHERE id = ?1"},
      {letters.delete_, "DELETE FROM dead_letters WHERE id = ?1"},
      {letters.oldest_,
       "SELECT id, CASE since_ms WHEN 0 THEN at_ms ELSE since_ms END, bytes FROM dead_letters"
       " WHERE NOT awaits_replay OR mapping NOT IN (" +
           given_ids(names) + ") ORDER BY id LIMIT 1"},
      {letters.requested_,
       "SELECT id, mapping, form, action, batch_key, coalesce_key, content FROM dead_letters"
       " WHERE awaits_replay AND NOT overtaken AND queued_until <= ?1 ORDER BY id"},
      {letters.overtake_, "UPDATE dead_letters SET overtaken = 1" + unmarked +
                              " WHERE NOT overtaken AND coalesce_key = ?1"
                              " AND batch_key = ?2 AND destination = ?3 AND action = ?4"
                              " AND form = " +
                              form},
      {letters.replayable_,
       "SELECT destination, action, batch_key, coalesce_key FROM dead_letters WHERE NOT overtaken"
       " AND coalesce_key != x'' AND form = " +
           form},
      {letters.added_,
       "UPDATE meta SET letters_kept = letters_kept + ?1, letters_bytes = letters_bytes + ?2"},
      {letters.dropped_,
       "UPDATE meta SET letters_kept = letters_kept - 1, letters_bytes = letters_bytes - ?1,"
       " letters_dropped = letters_dropped + 1"},
      {letters.taken_,
       "UPDATE meta SET letters_kept = letters_kept - 1, letters_bytes = letters_bytes - ?1"},
      {letters.kept_bytes_, "SELECT letters_bytes FROM meta"},
  };
  for (const auto& [statement, sql] : statements) {
    ASSIGN_OR_RETURN(statement, database.prepare(sql));
  }
  return letters;
}

Status Letters::add(const std::vector<DeadLetter>& letters, const Names& names, const Moment& now) {
  std::uint64_t bytes = 0;
  for (const DeadLetter& letter : letters) {
    std::uint32_t destination = 0;
    std::uint32_t mapping = 0;
    std::string_view action;
    if (letter.mapping != DeadLetter::kNoMapping) {
      const Catalog& catalog = names.catalog();
      const std::uint32_t index = catalog.mappings[letter.mapping].destination;
      mapping = names.mapping_ids()[letter.mapping];
      destination = names.destination_ids()[index];
      if (letter.form == DeadLetter::Form::element) {
        action = catalog.destinations[index].actions[letter.route.action];
      }
    }
    RETURN_IF_ERROR(insert_.bind(1, now.wall_ms)
                        .bind(2, destination)
                        .bind(3, mapping)
                        .bind(4, static_cast<std::uint64_t>(letter.bytes()))
                        .bind(5, static_cast<std::int64_t>(letter.form))
                        .bind_text(6, letter.reason)
                        .bind_text(7, letter.message)
                        .bind(8, letter.remote_status)
                        .bind(9, letter.attempts)
                        .bind(10, letter.source_offset)
                        .bind(11, letter.source_size)
                        .bind_text(12, action)
                        .bind_bytes(13, letter.route.batch_key)
                        .bind_bytes(14, letter.coalesce_key)
                        .bind_bytes(15, letter.content)
                        .bind(16, letter.overtaken ? 1 : 0)
                        .bind(17, letter.queued_until)
                        .bind(18, now.state_ms)
                        .run());
    bytes += letter.bytes();
  }
  if (letters.empty()) return {};
  return added_.bind(1, static_cast<std::uint64_t>(letters.size())).bind(2, bytes).run();
}

Status Letters::enforce_limits(std::int64_t state_ms) {
  RETURN_IF_ERROR(drop_while(false, static_cast<std::int64_t>(options_.dead_letter_max_bytes)));
  if (state_ms >= looked_ms_ && state_ms - looked_ms_ < kLookEveryMs) return {};
  RETURN_IF_ERROR(drop_while(true, state_ms - options_.dead_letter_max_age.count()));
  looked_ms_ = state_ms;
  return {};
}

Status Letters::drop_while(bool by_age, std::int64_t limit) {
  ASSIGN_OR_RETURN(const bool row, kept_bytes_.step());
  std::int64_t kept = row ? kept_bytes_.integer(0) : 0;
  kept_bytes_.reset();
  int dropped = 0;
  for (; dropped < kMostDropped && (by_age || kept > limit); ++dropped) {
    ASSIGN_OR_RETURN(const bool found, oldest_.step());
    if (!found) break;
    const std::int64_t id = oldest_.integer(0);
    const std::int64_t at_ms = oldest_.integer(1);
    const std::int64_t bytes = oldest_.integer(2);
    oldest_.reset();
    if (by_age && at_ms >= limit) break;
    RETURN_IF_ERROR(delete_.bind(1, id).run());
    RETURN_IF_ERROR(dropped_.bind(1, bytes).run());
    kept -= bytes;
  }
  if (dropped > 0) {
    services::log(services::LogLevel::info, "state",
                  std::to_string(dropped) + " dead letters are dropped, the oldest: " +
                      (by_age ? "they are older than dead_letters.max_age"
                              : "all are larger than dead_letters.max_bytes"));
  }
  return {};
}

Status Letters::take_out(const std::vector<std::int64_t>& ids, const Names& names, Counts& stored,
                         Tally& counts) {
  for (const std::int64_t id : ids) {
    ASSIGN_OR_RETURN(const bool found, select_.bind(1, id).step());
    if (!found) {
      return {StatusCode::internal,
              "dead letter " + std::to_string(id) +
                  " is replayed, but it is not kept. Nothing was stored. This "
                  "is a fault of Penstock: please report it."};
    }
    const auto mapping_id = static_cast<std::uint32_t>(select_.integer(0));
    const std::string reason(select_.text(1));
    const std::string message(select_.text(2));
    const std::int64_t bytes = select_.integer(3);
    select_.reset();
    const std::uint32_t mapping = names.mapping_of(mapping_id);
    if (mapping == Names::kUnknown) {
      return {StatusCode::internal, "dead letter " + std::to_string(id) +
                                        " is replayed, but its mapping is not in the pipeline. "
                                        "Nothing was stored. This is a fault of Penstock: please "
                                        "report it."};
    }
    RETURN_IF_ERROR(delete_.bind(1, id).run());
    RETURN_IF_ERROR(taken_.bind(1, bytes).run());
    RETURN_IF_ERROR(stored.take_reason(mapping_id, reason, message));
    ++counts.of(mapping).replayed;
  }
  return {};
}

Status Letters::overtake(const std::vector<ElementKey>& keys, const Names& names) {
  for (const ElementKey& key : keys) {
    const Catalog::Destination& destination = names.catalog().destinations[key.route.destination];
    RETURN_IF_ERROR(overtake_.bind_bytes(1, key.coalesce_key)
                        .bind_bytes(2, key.route.batch_key)
                        .bind(3, names.destination_ids()[key.route.destination])
                        .bind_text(4, destination.actions[key.route.action])
                        .run());
  }
  return {};
}

Status Letters::each_replayable(const Names& names, const std::function<void(ElementKey)>& each) {
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, replayable_.step());
    if (!more) break;
    // Also of mappings that this run does not have: another one may feed the same audience.
    const std::uint32_t destination =
        names.destination_of(static_cast<std::uint32_t>(replayable_.integer(0)));
    if (destination == Names::kUnknown) continue;
    const std::uint32_t action = names.action_of(destination, replayable_.text(1));
    if (action >= names.given_actions(destination)) continue;
    each({{destination, action, std::string(replayable_.bytes(2))},
          std::string(replayable_.bytes(3))});
  }
  replayable_.reset();
  return {};
}

Result<Replay> Letters::requested(std::size_t max_bytes, std::uint64_t taken_until,
                                  const Names& names) {
  Replay replay;
  requested_.reset();
  requested_.bind(1, taken_until);
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, requested_.step());
    if (!more) break;
    const std::uint32_t mapping =
        names.mapping_of(static_cast<std::uint32_t>(requested_.integer(1)));
    if (requested_.integer(2) != static_cast<std::int64_t>(DeadLetter::Form::element) ||
        mapping >= names.given_mappings()) {
      continue;
    }
    const std::uint32_t destination = names.catalog().mappings[mapping].destination;
    const std::uint32_t action = names.action_of(destination, requested_.text(3));
    if (action >= names.given_actions(destination)) continue;
    if (replay.block == nullptr) replay.block = std::make_shared<Block>();
    Block& block = *replay.block;
    BlockElement element;
    element.mapping = mapping;
    element.route = route_in(block, destination, action, requested_.bytes(4));
    element.offset = static_cast<std::uint32_t>(block.bytes.size());
    const std::string_view key = requested_.bytes(5);
    const std::string_view payload = requested_.bytes(6);
    element.payload_size = static_cast<std::uint32_t>(payload.size());
    element.key_size = static_cast<std::uint32_t>(key.size());
    element.key_hash = coalesce_hash(key);
    block.bytes += payload;
    block.bytes += key;
    block.elements.push_back(element);
    replay.ids.push_back(requested_.integer(0));
    if (block.bytes.size() >= max_bytes) break;
  }
  requested_.reset();
  return replay;
}

}  // namespace penstock::store
