#include <algorithm>
#include <ctime>
#include <filesystem>
#include <limits>
#include <memory>
#include <string_view>
#include <utility>

#include "services/sqlite.hpp"
#include "store/counts.hpp"
#include "store/pending.hpp"
#include "store/reader.hpp"
#include "store/salvage.hpp"
#include "store/schema.hpp"

namespace penstock::store {

using services::Database;
using services::Statement;
using services::Transaction;

namespace {

constexpr char kLost[] = "lost_in_damage";
constexpr char kLostMessage[] = "The queue's database was damaged; these records were lost.";
constexpr std::int64_t kNsPerMs = 1'000'000;

std::string time_stamp(std::int64_t now_ms) {
  const std::time_t seconds = now_ms / 1'000;
  std::tm time{};
  gmtime_r(&seconds, &time);
  char text[32];
  const std::size_t size = std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &time);
  return {text, size};
}

class Repair {
 public:
  Repair(Files files, std::int64_t now_ms) : files_(std::move(files)), now_ms_(now_ms) {}

  Result<RepairReport> run() {
    if (!has_content(files_.repaired)) {
      RETURN_IF_ERROR(rebuild());
      RETURN_IF_ERROR(move_file(files_.unfinished, files_.repaired));
    } else {
      report_.actions.emplace_back("A repair that was interrupted is finished.");
    }
    RETURN_IF_ERROR(replace());
    return std::move(report_);
  }

 private:
  [[nodiscard]] bool exists(const std::string& path) const {
    std::error_code error;
    return std::filesystem::exists(path, error);
  }

  // A sound database under the name of an unfinished one.
  Status rebuild() {
    RETURN_IF_ERROR(create_database(files_.unfinished, now_ms_, ""));
    ASSIGN_OR_RETURN(const auto from, open_source());
    Database::Options options;
    options.name = "the new database";
    ASSIGN_OR_RETURN(const auto to, Database::open(files_.unfinished, options));
    ASSIGN_OR_RETURN(Transaction transaction, Transaction::begin(*to));
    RETURN_IF_ERROR(fill(*from, *to));
    RETURN_IF_ERROR(transaction.commit());
    RETURN_IF_ERROR(to->ask_integer("PRAGMA wal_checkpoint(TRUNCATE)").status());
    return {};
  }

  // The damaged one as it is, or else a copy with another first page.
  Result<std::unique_ptr<Database>> open_source() {
    // SQLite would remove the log of an empty file.
    if (has_content(files_.database)) {
      auto database = open_for_salvage(files_.database);
      if (database.ok() && database->get()->ask_integer("SELECT in_use FROM meta").ok()) {
        ASSIGN_OR_RETURN(const bool sound, describes_tables(**database));
        if (sound) return database;
      }
    }
    report_.actions.emplace_back("The beginning of the file was damaged; a new one was put there.");
    RETURN_IF_ERROR(copy_with_first_page(files_, files_.unfinished, files_.salvaged));
    return open_for_salvage(files_.salvaged);
  }

  // A flipped bit in the name of a column would otherwise cost the whole table.
  [[nodiscard]] static Result<bool> describes_tables(Database& database) {
    const auto version = database.ask_integer("PRAGMA user_version");
    if (!version.ok()) return false;
    if (*version != kSchemaVersion) return true;  // of an older one, copied as it is
    return describes_this_version(database);
  }

  Status fill(Database& from, Database& to) {
    RETURN_IF_ERROR(to.execute("DELETE FROM meta"));
    bool all_mappings = true;
    const std::pair<const char*, const char*> tables[] = {
        {"meta", "id"},   {"destinations", "id"}, {"mappings", "id"},    {"reasons", "id"},
        {"issues", "id"}, {"dead_letters", "id"}, {"history", "hour_ms"}};
    for (const auto& [table, key] : tables) {
      ASSIGN_OR_RETURN(const bool whole, copy_table(from, to, table, key, report_.actions));
      if (!whole && std::string_view(table) == "mappings") all_mappings = false;
    }
    RETURN_IF_ERROR(to.execute("INSERT OR IGNORE INTO meta (id, created_ms) VALUES (1, " +
                               std::to_string(now_ms_) + ")"));
    if (to.changes() > 0) {
      report_.actions.emplace_back(
          "The position in the source and the counts of events could not be read: the source is "
          "read from its beginning.");
    }
    ASSIGN_OR_RETURN(const CopiedBlocks blocks, copy_blocks(from, to, now_ms_, report_.actions));
    for (const auto& [mapping, elements] : blocks.pending) report_.elements_saved += elements;
    if (!all_mappings && !blocks.all_known) {
      report_.actions.emplace_back(
          "How many records were pending could not be read: more may be lost than is counted.");
      report_.all_known = false;
    }
    if (!blocks.all_named) report_.all_known = false;
    RETURN_IF_ERROR(correct_meta(to));
    RETURN_IF_ERROR(correct_events(to));
    RETURN_IF_ERROR(name_destinations(to));
    RETURN_IF_ERROR(correct_counts(to, blocks));
    return compare_with_counts(to, blocks.pending);
  }

  Status correct_meta(Database& to) const {
    // Which keys were uncertain is not read: what ran until now may still be under way, whatever it
    // was about. A minute is the usual confirm_after.
    RETURN_IF_ERROR(to.execute("INSERT INTO uncertain SELECT id, '', 0, -1, 0, " +
                               std::to_string(now_ms_ + 60'000) + " FROM destinations"));
    return to.execute(
        "UPDATE meta SET in_use = 0, keeps_blocks = 1, attempts_known = 0,"
        " next_sequence = max(next_sequence, (SELECT coalesce(max(sequence) + 1, 0) FROM blocks)),"
        " letters_dropped = letters_dropped"
        "   + max(0, letters_kept - (SELECT count(*) FROM dead_letters)),"
        " letters_kept = (SELECT count(*) FROM dead_letters),"
        " letters_bytes = (SELECT coalesce(sum(bytes), 0) FROM dead_letters);");
  }

  // Events are what became of them.
  Status correct_events(Database& to) {
    RETURN_IF_ERROR(
        to.execute("UPDATE meta SET received = matched_events + unmatched + invalid"
                   " WHERE received != matched_events + unmatched + invalid"));
    if (to.changes() > 0) {
      report_.actions.emplace_back(
          "The number of events was set to the sum of those that matched, that matched "
          "no mapping and that were invalid.");
    }
    return {};
  }

  // Names that could not be read are made up, as copy_blocks() does.
  static Status name_destinations(Database& to) {
    return to.execute(
        "INSERT OR IGNORE INTO destinations (id, name)"
        " SELECT DISTINCT destination, 'unknown_' || destination FROM mappings"
        " WHERE destination NOT IN (SELECT id FROM destinations)");
  }

  // What of a mapping is lost, and what is pending again although it was counted as settled.
  struct Fate {
    std::uint64_t lost = 0;
    std::uint64_t revived = 0;
  };

  // Losses are counted gross: what is pending again must not make up for what is missing. Where it
  // cannot be told apart, rather too many are lost than too few, but no more than there were.
  static Fate fate_of(std::int64_t counted, std::uint32_t mapping, const CopiedBlocks& blocks) {
    const auto of = [mapping](const CountsById& counts) {
      const auto found = counts.find(mapping);
      return found == counts.end() ? std::int64_t{0} : static_cast<std::int64_t>(found->second);
    };
    const std::int64_t unknown = of(blocks.outcome_unknown);
    const std::int64_t known = of(blocks.pending) - unknown;
    // What was pending and is not accounted for: lost, or among those of which it is not known.
    const std::int64_t rest = counted - known - of(blocks.lost);
    const std::int64_t most =
        blocks.all_known ? of(blocks.possibly_lost) : std::numeric_limits<std::int64_t>::max();
    std::int64_t lost = std::clamp<std::int64_t>(rest, 0, most);
    const std::int64_t still_pending =
        std::clamp<std::int64_t>(rest - lost, 0, unknown - of(blocks.letters_revived));
    lost += std::max<std::int64_t>(0, rest - lost - still_pending);
    lost += of(blocks.lost);
    const std::int64_t missing = of(blocks.pending) - (counted - lost);
    return {static_cast<std::uint64_t>(lost), static_cast<std::uint64_t>(missing)};
  }

  // Makes counts and stored records agree.
  Status correct_counts(Database& to, const CopiedBlocks& blocks) {
    struct Difference {
      std::uint32_t mapping = 0;
      std::int64_t destination = 0;
      std::string name;
      Fate fate;
      std::uint64_t settled = 0;  // delivered and superseded
      std::int64_t reasons = 0;   // that are missing before what is lost now
    };
    std::vector<Difference> differences;
    {
      ASSIGN_OR_RETURN(
          Statement rows,
          to.prepare("SELECT id, destination, name,"
                     " matched + replayed - delivered - superseded - skipped - dead_lettered,"
                     " delivered + superseded,"
                     " dead_lettered - replayed - (SELECT coalesce(sum(count), 0) FROM reasons"
                     " WHERE kind = 0 AND mapping = m.id) FROM mappings m"));
      for (;;) {
        ASSIGN_OR_RETURN(const bool more, rows.step());
        if (!more) break;
        const auto id = static_cast<std::uint32_t>(rows.integer(0));
        const auto letters = blocks.letters_revived.find(id);
        // As before they were put back.
        const std::int64_t counted =
            rows.integer(3) - (letters == blocks.letters_revived.end()
                                   ? 0
                                   : static_cast<std::int64_t>(letters->second));
        Fate fate = fate_of(counted, id, blocks);
        if (letters != blocks.letters_revived.end()) fate.revived -= letters->second;
        differences.push_back(
            {id, rows.integer(1), std::string(rows.text(2)), fate, rows.count(4), rows.integer(5)});
      }
    }
    ASSIGN_OR_RETURN(Counts counts, Counts::prepare(to));
    for (const Difference& difference : differences) {
      RETURN_IF_ERROR(take_back(to, difference.mapping, difference.name, difference.settled,
                                difference.fate.revived));
      RETURN_IF_ERROR(count_lost(to, difference.mapping, difference.destination, difference.name,
                                 difference.fate.lost));
      const std::int64_t reasons =
          difference.reasons + static_cast<std::int64_t>(difference.fate.lost);
      if (reasons < 0) {  // the row of the mapping is older than its reasons, or was lost
        ASSIGN_OR_RETURN(Statement add,
                         to.prepare("UPDATE mappings SET matched = matched + ?2,"
                                    " dead_lettered = dead_lettered + ?2 WHERE id = ?1"));
        RETURN_IF_ERROR(add.bind(1, difference.mapping).bind(2, -reasons).run());
      } else if (reasons > 0) {
        RETURN_IF_ERROR(counts.add_reason({ReasonCount::Kind::dead_letter, 0, kLost, "",
                                           kLostMessage, static_cast<std::uint64_t>(reasons)},
                                          difference.mapping));
      }
    }
    return {};
  }

  // Records that are pending again are neither delivered nor superseded any more. What is beyond
  // that was never counted: the row of the mapping is lost or older than its blocks.
  Status take_back(Database& to, std::uint32_t mapping, const std::string& name,
                   std::uint64_t settled, std::uint64_t revived) {
    if (revived == 0) return {};
    const std::uint64_t again = std::min(settled, revived);
    if (again > 0) {
      report_.actions.push_back(
          "Of mapping " + name + " " + std::to_string(again) +
          " records are sent again, as it is not known that they were delivered; they do not count "
          "as delivered or superseded any more.");
    }
    if (revived > again) {
      report_.actions.push_back("Of mapping " + name + " " + std::to_string(revived - again) +
                                " records were found that are not counted; they are now.");
    }
    ASSIGN_OR_RETURN(Statement update,
                     to.prepare("UPDATE mappings SET"
                                " superseded = superseded - max(0, ?2 - delivered),"
                                " delivered = max(0, delivered - ?2),"
                                " matched = matched + ?3 WHERE id = ?1"));
    return update.bind(1, mapping).bind(2, again).bind(3, revived - again).run();
  }

  Status count_lost(Database& to, std::uint32_t mapping, std::int64_t destination,
                    const std::string& name, std::uint64_t lost) {
    if (lost == 0) return {};
    report_.elements_lost += lost;
    report_.actions.push_back("Of mapping " + name + " " + std::to_string(lost) +
                              " records are lost; they are counted as dead-lettered.");
    RETURN_IF_ERROR(to.execute("UPDATE mappings SET dead_lettered = dead_lettered + " +
                               std::to_string(lost) + " WHERE id = " + std::to_string(mapping)));
    ASSIGN_OR_RETURN(
        Statement issue,
        to.prepare("INSERT INTO issues (destination, mapping, severity, code, message, count,"
                   " first_ms, last_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)"
                   " ON CONFLICT (destination, mapping, severity, code) DO UPDATE SET"
                   " count = count + excluded.count, last_ms = excluded.last_ms"));
    return issue.bind(1, destination)
        .bind(2, mapping)
        .bind(3, static_cast<std::int64_t>(Issue::Severity::error))
        .bind_text(4, kLost)
        .bind_text(5, kLostMessage)
        .bind(6, lost)
        .bind(7, now_ms_)
        .run();
  }

  // As long as the repaired one is there under its own name, nothing else opens the database, and
  // this can be done again after an interruption.
  Status replace() {
    report_.backup = files_.database + ".damaged-" + time_stamp(now_ms_);
    for (int i = 2; exists(report_.backup) || exists(report_.backup + "-wal"); ++i) {
      report_.backup =
          files_.database + ".damaged-" + time_stamp(now_ms_) + "-" + std::to_string(i);
    }
    report_.actions.push_back("The damaged files were put aside as " + report_.backup +
                              "; a new database was made of what could be read.");
    if (exists(files_.database)) RETURN_IF_ERROR(move_file(files_.database, report_.backup));
    if (exists(files_.log)) RETURN_IF_ERROR(move_file(files_.log, report_.backup + "-wal"));
    RETURN_IF_ERROR(remove_file(files_.shared_memory));
    RETURN_IF_ERROR(remove_database(files_.salvaged));
    return move_file(files_.repaired, files_.database);
  }

  const Files files_;
  const std::int64_t now_ms_;
  RepairReport report_;
};

}  // namespace

Result<RepairReport> repair(const std::string& state_dir, const services::Clock& clock) {
  auto found = check(state_dir);
  if (found.status().code() == StatusCode::configuration) {
    // Of an older version: what is sound enough is brought up to date, the rest is copied as it is.
    auto updated = open_database(Files(state_dir), Database::Mode::write, "");
    if (updated.ok()) {
      updated->reset();
      found = check(state_dir);
    } else if (updated.status().code() == StatusCode::damaged) {
      return Repair(Files(state_dir), clock.wall_ns() / kNsPerMs).run();
    }
  }
  // A disk that could not be read for a moment is no damage; one that stays so is salvaged.
  if (found.ok() && !found->unreadable.ok()) found = check(state_dir);
  if (!found.ok()) return found.status();
  if (found->sound) {
    RepairReport report;
    report.actions.emplace_back("The queue is sound; nothing was done.");
    return report;
  }
  return Repair(Files(state_dir), clock.wall_ns() / kNsPerMs).run();
}

}  // namespace penstock::store
