#include "store/letter_query.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace penstock::store {

using services::Database;
using services::Statement;
using services::Transaction;

namespace {

// In one transaction: what is read is held in memory, what is written holds up the run.
constexpr std::size_t kBatchLetters = 500;
constexpr std::size_t kBatchBytes = 1024 * 1024;

// ?1 the id to go on after, ?2 ids as a JSON list or "", ?3 destination, ?4 mapping, ?5 reason,
// ?6 and ?7 times.
constexpr char kWhere[] =
    " FROM dead_letters l LEFT JOIN mappings m ON m.id = l.mapping"
    " LEFT JOIN destinations d ON d.id = l.destination"
    " WHERE l.id > ?1 AND (?2 = '' OR l.id IN (SELECT value FROM json_each(?2)))"
    " AND (?3 = '' OR d.name = ?3) AND (?4 = '' OR m.name = ?4) AND (?5 = '' OR l.reason = ?5)"
    " AND l.at_ms >= ?6 AND l.at_ms < ?7";

// A filter's parameters, as they are bound.
class Query {
 public:
  explicit Query(const DeadLetterFilter& filter) : filter_(filter) {
    if (filter.ids.empty()) return;
    ids_ = "[";
    for (const std::int64_t id : filter.ids) ids_ += std::to_string(id) + ",";
    ids_.back() = ']';
  }
  Statement& bind(Statement& statement, std::int64_t after) const {
    return statement.bind(1, after)
        .bind_text(2, filter_.ids.empty() ? "" : ids_.c_str())
        .bind_text(3, filter_.destination)
        .bind_text(4, filter_.mapping)
        .bind_text(5, filter_.reason)
        .bind(6, filter_.from_ms.value_or(std::numeric_limits<std::int64_t>::min()))
        .bind(7, filter_.until_ms.value_or(std::numeric_limits<std::int64_t>::max()));
  }

 private:
  const DeadLetterFilter& filter_;
  std::string ids_;
};

StoredDeadLetter letter_at(const Statement& row) {
  StoredDeadLetter stored;
  stored.id = row.integer(0);
  stored.at_ms = row.integer(1);
  stored.destination = row.text(2);
  stored.mapping = row.text(3);
  stored.action = row.text(4);
  stored.awaits_replay = row.integer(5) != 0;
  DeadLetter& letter = stored.letter;
  letter.form = static_cast<DeadLetter::Form>(row.integer(6));
  letter.reason = row.text(7);
  letter.message = row.text(8);
  letter.remote_status = static_cast<std::int32_t>(row.integer(9));
  letter.attempts = static_cast<std::uint32_t>(row.integer(10));
  letter.source_offset = row.count(11);
  letter.source_size = row.count(12);
  letter.route.batch_key = row.bytes(13);
  letter.coalesce_key = row.bytes(14);
  letter.content = row.bytes(15);
  letter.overtaken = row.integer(16) != 0;
  return stored;
}

struct Found {
  std::int64_t id = 0;
  std::int64_t bytes = 0;
  bool awaits_replay = false;
  bool replayable = false;
  bool overtaken = false;
};

// Calls `change` with each letter that the filter lets through, some in a transaction.
template <typename Change>
Status change_letters(Database& database, const DeadLetterFilter& filter, Change change) {
  const Query query(filter);
  ASSIGN_OR_RETURN(Statement rows,
                   database.prepare("SELECT l.id, l.bytes, l.awaits_replay, l.form, l.overtaken" +
                                    std::string(kWhere) + " ORDER BY l.id LIMIT ?8"));
  std::int64_t after = std::numeric_limits<std::int64_t>::min();
  std::uint64_t left = filter.limit;
  while (left > 0) {
    ASSIGN_OR_RETURN(Transaction transaction, Transaction::begin(database));
    const std::uint64_t wanted = std::min<std::uint64_t>(left, kBatchLetters);
    std::vector<Found> batch;
    query.bind(rows, after).bind(8, wanted);
    for (;;) {
      ASSIGN_OR_RETURN(const bool more, rows.step());
      if (!more) break;
      batch.push_back({rows.integer(0), rows.integer(1), rows.integer(2) != 0,
                       rows.integer(3) == static_cast<std::int64_t>(DeadLetter::Form::element),
                       rows.integer(4) != 0});
    }
    for (const Found& letter : batch) RETURN_IF_ERROR(change(letter));
    RETURN_IF_ERROR(transaction.commit());
    if (batch.size() < wanted) return {};
    after = batch.back().id;
    left -= batch.size();
  }
  return {};
}

}  // namespace

Status each_dead_letter(Database& database, const DeadLetterFilter& filter,
                        const std::function<bool(const StoredDeadLetter&)>& each) {
  const Query query(filter);
  ASSIGN_OR_RETURN(
      Statement rows,
      database.prepare("SELECT l.id, l.at_ms, d.name, m.name, l.action, l.awaits_replay, l.form,"
                       " l.reason, l.message, l.remote_status, l.attempts, l.source_offset,"
                       " l.source_size, l.batch_key, l.coalesce_key, l.content, l.overtaken" +
                       std::string(kWhere) + " ORDER BY l.id"));
  std::int64_t after = std::numeric_limits<std::int64_t>::min();
  std::uint64_t left = filter.limit;
  for (bool more = true; more && left > 0;) {
    std::vector<StoredDeadLetter> batch;
    std::size_t bytes = 0;
    query.bind(rows, after);
    while (batch.size() < std::min<std::uint64_t>(left, kBatchLetters) && bytes < kBatchBytes) {
      ASSIGN_OR_RETURN(more, rows.step());
      if (!more) break;
      batch.push_back(letter_at(rows));
      bytes += batch.back().letter.bytes();
    }
    rows.reset();
    for (const StoredDeadLetter& letter : batch) {
      if (!each(letter)) return {};
    }
    if (!batch.empty()) after = batch.back().id;
    left -= batch.size();
  }
  return {};
}

Result<MarkedLetters> mark_for_replay(Database& database, const DeadLetterFilter& filter) {
  ASSIGN_OR_RETURN(Statement mark,
                   database.prepare("UPDATE dead_letters SET awaits_replay = 1 WHERE id = ?1"));
  MarkedLetters marked;
  const auto change = [&](const Found& letter) -> Status {
    if (!letter.replayable) {
      ++marked.not_replayable;
      return {};
    }
    if (letter.overtaken) {
      ++marked.overtaken;
      return {};
    }
    ++marked.marked;
    return letter.awaits_replay ? Status() : mark.bind(1, letter.id).run();
  };
  RETURN_IF_ERROR(change_letters(database, filter, change));
  return marked;
}

Result<std::uint64_t> discard_letters(Database& database, const DeadLetterFilter& filter,
                                      bool marked_too) {
  ASSIGN_OR_RETURN(Statement remove, database.prepare("DELETE FROM dead_letters WHERE id = ?1"));
  ASSIGN_OR_RETURN(Statement count,
                   database.prepare("UPDATE meta SET letters_kept = letters_kept - 1,"
                                    " letters_bytes = letters_bytes - ?1,"
                                    " letters_discarded = letters_discarded + 1"));
  std::uint64_t discarded = 0;
  const auto change = [&](const Found& letter) -> Status {
    if (letter.awaits_replay && !marked_too) return {};
    RETURN_IF_ERROR(remove.bind(1, letter.id).run());
    RETURN_IF_ERROR(count.bind(1, letter.bytes).run());
    ++discarded;
    return {};
  };
  RETURN_IF_ERROR(change_letters(database, filter, change));
  return discarded;
}

}  // namespace penstock::store
