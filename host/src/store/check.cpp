#include <filesystem>
#include <set>
#include <utility>

#include "services/sqlite.hpp"
#include "store/inspection.hpp"
#include "store/pending.hpp"
#include "store/reader.hpp"
#include "store/schema.hpp"

namespace penstock::store {

using services::Database;
using services::Statement;
using services::Transaction;

namespace {

// Enough to see what kind of damage it is; SQLite could find something wrong with each page.
constexpr std::size_t kMaxFindings = 50;

// What is checked is not to be checked for that.
std::string without_advice(std::string message) {
  const std::string advice = std::string(" ") + kIfDamaged;
  if (const std::size_t place = message.find(advice); place != std::string::npos)
    message.erase(place, advice.size());
  return message;
}

class Check {
 public:
  explicit Check(Database& database) : database_(database) {}

  CheckReport run() {
    note(structure());
    note(blocks());
    note(names());
    note(numbers());
    return std::move(report_);
  }

 private:
  void note(const Status& status) {
    if (status.ok()) return;
    if (status.code() == StatusCode::io && report_.unreadable.ok()) report_.unreadable = status;
    note(without_advice(status.message()));
  }
  void note(std::string finding) {
    report_.sound = false;
    if (report_.findings.size() < kMaxFindings) report_.findings.push_back(std::move(finding));
  }

  Status structure() {
    ASSIGN_OR_RETURN(const bool described, describes_this_version(database_));
    if (!described) note("The tables are described in another way than this version makes them.");
    ASSIGN_OR_RETURN(Statement rows, database_.prepare("PRAGMA integrity_check(20)"));
    for (;;) {
      ASSIGN_OR_RETURN(const bool more, rows.step());
      if (!more) return {};
      const std::string said(rows.text(0));
      if (said == "ok") continue;
      const Status verdict = database_.verdict_of(said);
      note(verdict.code() == StatusCode::io
               ? verdict
               : Status(StatusCode::damaged, "The file: " + said + "."));
    }
  }

  Status blocks() {
    ASSIGN_OR_RETURN(Statement data,
                     database_.prepare("SELECT data FROM block_data WHERE sequence = ?1"));
    CountsById pending;
    const auto look = [&](const BlockRow& row) -> Result<bool> {
      ++report_.blocks;
      for (const auto& [destination, action] : row.actions) destinations_.insert(destination);
      note(add_pending(row, pending));
      auto found = data.bind(1, row.sequence).step();
      Status status = found.status();
      if (found.ok()) {
        status = *found ? inspect(row, data.bytes(0))
                        : Status(StatusCode::damaged, "it is listed, but not there");
      }
      data.reset();
      if (status.code() == StatusCode::io) {
        note(status);
      } else if (!status.ok()) {
        note("Block " + std::to_string(row.sequence) + " with " + std::to_string(row.elements) +
             " elements: " + status.message() + ".");
      }
      return true;
    };
    RETURN_IF_ERROR(each_block(database_, look));
    for (const auto& [mapping, elements] : pending) report_.elements_pending += elements;
    note(ask("SELECT count(*) FROM blocks WHERE sequence >= (SELECT next_sequence FROM meta)",
             " blocks have numbers that the next blocks would get again."));
    note(ask("SELECT count(*) FROM block_data WHERE sequence NOT IN (SELECT sequence FROM blocks)",
             " blocks are stored, but not listed."));
    note(ask("SELECT count(*) FROM progress WHERE sequence NOT IN (SELECT sequence FROM blocks)",
             " blocks have settled elements, but are not listed."));
    return compare_with_counts(database_, pending);
  }

  Status names() {
    RETURN_IF_ERROR(
        ask("SELECT count(*) FROM mappings WHERE destination NOT IN (SELECT id FROM destinations)",
            " mappings belong to a destination without a name."));
    for (const std::uint32_t destination : destinations_) {
      ASSIGN_OR_RETURN(const std::int64_t known,
                       database_.ask_integer("SELECT count(*) FROM destinations WHERE id = " +
                                             std::to_string(destination)));
      if (known == 0) {
        note("Blocks are stored for destination " + std::to_string(destination) +
             ", which has no name.");
      }
    }
    return {};
  }

  Status numbers() {
    RETURN_IF_ERROR(
        ask("SELECT count(*) FROM mappings m WHERE dead_lettered - replayed <>"
            " (SELECT coalesce(sum(count), 0) FROM reasons"
            " WHERE kind = 0 AND mapping = m.id)",
            " mappings have another number of dead letters than of reasons for them."));
    RETURN_IF_ERROR(
        ask("SELECT letters_kept <> (SELECT count(*) FROM dead_letters) OR"
            " letters_bytes <> (SELECT coalesce(sum(bytes), 0) FROM dead_letters)"
            " FROM meta",
            ": the number or size of the dead letters is counted wrongly."));
    return ask(
        "SELECT abs(received - matched_events - unmatched - invalid) FROM meta",
        " events were received that are neither matched, unmatched nor invalid, or the other "
        "way round.");
  }

  // A finding, unless the answer is 0.
  Status ask(const char* sql, const char* what) {
    ASSIGN_OR_RETURN(const std::int64_t found, database_.ask_integer(sql));
    if (found != 0) note(std::to_string(found) + what);
    return {};
  }

  Database& database_;
  CheckReport report_;
  std::set<std::uint32_t> destinations_;  // that blocks are for
};

}  // namespace

Result<CheckReport> check(const std::string& state_dir) {
  const Files files(state_dir);
  RETURN_IF_ERROR(require_state(files, state_dir));
  auto database = open_database(files, Database::Mode::read_only, "");
  if (!database.ok()) {
    // Of a file that is missing nothing can be repaired.
    std::error_code error;
    const bool missing =
        !std::filesystem::exists(files.database, error) && !error && !has_content(files.repaired);
    if (database.status().code() != StatusCode::damaged || missing) return database.status();
    CheckReport report;
    report.sound = false;
    report.findings.push_back(without_advice(database.status().message()));
    return report;
  }
  ASSIGN_OR_RETURN(const Transaction transaction,
                   Transaction::begin(**database, Transaction::Kind::read));
  return Check(**database).run();
}

}  // namespace penstock::store
