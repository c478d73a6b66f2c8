#include "store/uncertain.hpp"

#include <limits>
#include <string>

namespace penstock::store {

using services::Database;
using services::Statement;

namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;
// Nothing is uncertain for longer than this (kMostConfirmAfter in config/destination.cpp): a time
// that lies further ahead is from a clock that went back.
constexpr std::int64_t kLongestMs = 3'600'000;

}  // namespace

Result<Uncertain> Uncertain::prepare(Database& database) {
  Uncertain uncertain(database);
  ASSIGN_OR_RETURN(const std::int64_t known,
                   database.ask_integer("SELECT attempts_known FROM meta"));
  ASSIGN_OR_RETURN(const std::int64_t kept, database.ask_integer("SELECT keeps_blocks FROM meta"));
  uncertain.attempts_known_ = known != 0;
  uncertain.kept_blocks_ = kept != 0;
  ASSIGN_OR_RETURN(uncertain.upsert_,
                   database.prepare("INSERT OR REPLACE INTO uncertain (destination, action, key,"
                                    " sequence, element, until_ms)"
                                    " VALUES (?1, ?2, ?3, ?4, ?5, ?6)"));
  ASSIGN_OR_RETURN(uncertain.prune_, database.prepare("DELETE FROM uncertain WHERE until_ms < ?1"));
  return uncertain;
}

Result<std::vector<UncertainKey>> Uncertain::read(const Names& names, std::int64_t now_ns) {
  ASSIGN_OR_RETURN(Statement rows,
                   database_->prepare("SELECT destination, action, key, sequence, element, until_ms"
                                      " FROM uncertain"));
  std::vector<UncertainKey> keys;
  const std::int64_t now_ms = now_ns / kNsPerMs;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) return keys;
    UncertainKey key;
    key.destination = names.destination_of(static_cast<std::uint32_t>(rows.integer(0)));
    if (key.destination == Names::kUnknown) continue;
    key.action = rows.text(1).empty() ? UncertainKey::kAllActions
                                      : names.action_of(key.destination, rows.text(1));
    if (key.action == Names::kUnknown && !rows.text(1).empty()) continue;
    key.key = static_cast<std::uint64_t>(rows.integer(2));
    key.block = static_cast<std::uint64_t>(rows.integer(3));
    key.element = static_cast<std::uint32_t>(rows.integer(4));
    const std::int64_t until_ms = rows.integer(5);
    if (until_ms <= now_ms) continue;
    key.until_ns = until_ms - now_ms > kLongestMs ? std::numeric_limits<std::int64_t>::max()
                                                  : until_ms * kNsPerMs;
    keys.push_back(key);
  }
}

Status Uncertain::add(const Commit& commit, const Names& names, std::int64_t now_ms) {
  if (!commit.uncertain.empty()) RETURN_IF_ERROR(prune_.bind(1, now_ms).run());
  for (const UncertainKey& key : commit.uncertain) {
    const Catalog::Destination& destination = names.catalog().destinations[key.destination];
    const bool all = key.action == UncertainKey::kAllActions;
    RETURN_IF_ERROR(upsert_.bind(1, names.destination_ids()[key.destination])
                        .bind_text(2, all ? std::string() : destination.actions[key.action])
                        .bind(3, static_cast<std::int64_t>(key.key))
                        .bind(4, static_cast<std::int64_t>(key.block))
                        .bind(5, key.element)
                        .bind(6, key.until_ns / kNsPerMs + 1)
                        .run());
  }
  if (!commit.attempts_known) return {};
  return database_->execute("UPDATE meta SET attempts_known = 1");
}

}  // namespace penstock::store
