#include "store/revived_letters.hpp"

#include "model/dead_letter.hpp"
#include "model/tally.hpp"

namespace penstock::store {

using services::Statement;

Status RevivedLetters::prepare() {
  // That of the schema leaves out those that were overtaken.
  RETURN_IF_ERROR(
      to_.execute("CREATE INDEX revived_letters ON dead_letters (mapping, coalesce_key)"));
  ASSIGN_OR_RETURN(
      Statement find,
      to_.prepare("SELECT id, reason, message FROM dead_letters WHERE mapping = ?1 AND"
                  " coalesce_key = ?2 AND action = ?3 AND batch_key = ?4 AND content = ?5 AND"
                  " form = " +
                  std::to_string(static_cast<int>(DeadLetter::Form::element)) + " LIMIT 1"));
  find_ = std::move(find);
  ASSIGN_OR_RETURN(Statement remove, to_.prepare("DELETE FROM dead_letters WHERE id = ?1"));
  remove_ = std::move(remove);
  ASSIGN_OR_RETURN(
      Statement take_reason,
      to_.prepare("UPDATE reasons SET count = count - 1 WHERE id = (SELECT id FROM reasons WHERE"
                  " kind = " +
                  std::to_string(static_cast<int>(ReasonCount::Kind::dead_letter)) +
                  " AND mapping = ?1 AND reason = ?2 AND count > 0"
                  " ORDER BY message = ?3 DESC, count DESC LIMIT 1)"));
  take_reason_ = std::move(take_reason);
  return {};
}

Status RevivedLetters::take_back(const Block& block, const std::vector<std::string>& actions) {
  if (!find_) RETURN_IF_ERROR(prepare());
  for (const BlockElement& element : block.elements) {
    if (element.key_size == 0) continue;
    const Route& route = block.routes[element.route];
    find_->bind(1, element.mapping)
        .bind_bytes(2, block.coalesce_key(element))
        .bind_text(3, actions[route.action])
        .bind_bytes(4, route.batch_key)
        .bind_bytes(5, block.payload(element));
    ASSIGN_OR_RETURN(const bool found, find_->step());
    if (!found) continue;
    const std::int64_t id = find_->integer(0);
    const std::string reason(find_->text(1));
    const std::string message(find_->text(2));
    find_->reset();
    RETURN_IF_ERROR(remove_->bind(1, id).run());
    // Where the reason is missing, the counts of reasons are made to fit afterwards.
    RETURN_IF_ERROR(
        take_reason_->bind(1, element.mapping).bind_text(2, reason).bind_text(3, message).run());
    RETURN_IF_ERROR(to_.execute("UPDATE mappings SET replayed = replayed + 1 WHERE id = " +
                                std::to_string(element.mapping)));
    ++taken_back_[element.mapping];
  }
  return {};
}

Status RevivedLetters::finish() {
  if (!find_) return {};
  find_.reset();
  std::uint64_t letters = 0;
  for (const auto& [mapping, count] : taken_back_) letters += count;
  return to_.execute(
      "DROP INDEX revived_letters; UPDATE meta SET letters_kept = max(0, letters_kept - " +
      std::to_string(letters) + ")");
}

}  // namespace penstock::store
