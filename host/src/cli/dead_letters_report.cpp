#include "cli/dead_letters_report.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/moments.hpp"
#include "cli/table.hpp"
#include "config/yaml_reader.hpp"

namespace penstock::cli {
namespace {

using Json = nlohmann::ordered_json;
using store::StoredDeadLetter;

// Deeper than events may be nested; JSON is written out by recursion.
constexpr std::size_t kMaxNestingShown = 1'024;

bool replayable(const StoredDeadLetter& letter) {
  return letter.letter.form == DeadLetter::Form::element && !letter.letter.overtaken;
}

const char* name_of(DeadLetter::Form form) {
  switch (form) {
    case DeadLetter::Form::element:
      return "element";
    case DeadLetter::Form::event:
      return "event";
    case DeadLetter::Form::masked_text:
      return "masked_text";
  }
  return "unknown";
}

std::string place_of(const StoredDeadLetter& letter) {
  return letter.mapping.empty() ? "source" : letter.destination + "." + letter.mapping;
}

std::size_t nesting_of(std::string_view text) {
  std::size_t depth = 0;
  std::size_t deepest = 0;
  for (const char c : text) {
    if (c == '{' || c == '[') deepest = std::max(deepest, ++depth);
    if ((c == '}' || c == ']') && depth > 0) --depth;
  }
  return deepest;
}

std::string content_text(std::string_view content) {
  if (nesting_of(content) <= kMaxNestingShown) {
    const Json json = Json::parse(content, nullptr, false);
    if (!json.is_discarded()) return json.dump(2, ' ', false, Json::error_handler_t::replace);
  }
  return printable(content);
}

std::string base64(std::string_view bytes) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(bytes.size() - i, 3);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8U | (k < count ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      out += k <= count ? kDigits[group >> (18U - 6U * k) & 63U] : '=';
    }
  }
  return out;
}

Json text_or_null(const std::string& text) {
  return text.empty() ? Json() : Json(text);
}

// All but keys and content.
Json summary_json(const StoredDeadLetter& stored) {
  const DeadLetter& letter = stored.letter;
  Json json = {{"id", stored.id},
               {"at", iso_time(stored.at_ms)},
               {"destination", text_or_null(stored.destination)},
               {"mapping", text_or_null(stored.mapping)},
               {"action", text_or_null(stored.action)},
               {"reason", letter.reason},
               {"message", letter.message},
               {"attempts", letter.attempts},
               {"remote_status", letter.remote_status == 0 ? Json() : Json(letter.remote_status)},
               {"form", name_of(letter.form)},
               {"replayable", replayable(stored)},
               {"overtaken", letter.overtaken},
               {"awaits_replay", stored.awaits_replay},
               {"source", Json()}};
  if (letter.source_size > 0) {
    json["source"] = {{"offset", letter.source_offset}, {"bytes", letter.source_size}};
  }
  return json;
}

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string replay_cell(const StoredDeadLetter& letter) {
  if (letter.awaits_replay) return "marked";
  if (letter.letter.overtaken) return "overtaken";
  return replayable(letter) ? "yes" : "no";
}

}  // namespace

void DeadLetterList::add(const StoredDeadLetter& letter) {
  Count& count = by_reason_[letter.letter.reason];
  ++count.all;
  if (replayable(letter)) ++count.replayable;
  if (first_.size() >= most_) return;
  first_.push_back(letter);
  first_.back().letter.content.clear();
  first_.back().letter.content.shrink_to_fit();
}

DeadLetterList::Count DeadLetterList::total() const {
  Count total;
  for (const auto& [reason, count] : by_reason_) {
    total.all += count.all;
    total.replayable += count.replayable;
  }
  return total;
}

std::string DeadLetterList::totals_text() const {
  std::vector<std::pair<std::string, Count>> rows(by_reason_.begin(), by_reason_.end());
  std::stable_sort(rows.begin(), rows.end(),
                   [](const auto& a, const auto& b) { return a.second.all > b.second.all; });
  Table table({"count", "can be replayed", "reason"},
              {Table::Align::right, Table::Align::right, Table::Align::left});
  for (const auto& [reason, count] : rows) {
    table.row({with_separators(count.all), with_separators(count.replayable), reason});
  }
  return table.text("  ");
}

std::string DeadLetterList::text(const std::string& pipeline) const {
  const Count found = total();
  if (found.all == 0) return "No dead letter matches.\n";
  Table table({"id", "time", "where", "reason", "attempts", "status", "replay", "message"},
              {Table::Align::right, Table::Align::left, Table::Align::left, Table::Align::left,
               Table::Align::right, Table::Align::right, Table::Align::left, Table::Align::left});
  for (const StoredDeadLetter& letter : first_) {
    const std::int32_t status = letter.letter.remote_status;
    table.row({std::to_string(letter.id), iso_time(letter.at_ms), place_of(letter),
               letter.letter.reason, with_separators(letter.letter.attempts),
               status == 0 ? "-" : std::to_string(status), replay_cell(letter),
               printable(letter.letter.message)});
  }
  std::string out = table.text("  ");
  out += "\n" + counted(found.all, "dead letter");
  if (first_.size() < found.all) {
    out += ", the oldest " + with_separators(first_.size()) + " are shown (--limit N for more)";
  }
  out += "\n" + totals_text() + "\n";
  out += "Look at one:     penstock dead-letters show " + pipeline + " ID\n";
  if (found.replayable > 0) {
    out += "Send them again: penstock dead-letters replay " + pipeline + " --reason REASON\n";
  }
  if (found.replayable < found.all) {
    out +=
        "What cannot be replayed never became an element: mend the mapping or the events, then "
        "feed the\nevents again. `show` tells where each stands in the event file.\n";
  }
  return out;
}

std::string DeadLetterList::json() const {
  const Count found = total();
  Json json = {{"dead_letters", Json::array()},
               {"matching", found.all},
               {"replayable", found.replayable},
               {"by_reason", Json::object()}};
  for (const StoredDeadLetter& letter : first_) {
    json["dead_letters"].push_back(summary_json(letter));
  }
  for (const auto& [reason, count] : by_reason_) json["by_reason"][reason] = count.all;
  return dump(json) + "\n";
}

std::string dead_letter_text(const StoredDeadLetter& stored, std::int64_t now_ms) {
  const DeadLetter& letter = stored.letter;
  Table table({"dead letter", std::to_string(stored.id)}, {Table::Align::left, Table::Align::left});
  const auto row = [&](const char* name, const std::string& value) {
    if (!value.empty()) table.row({name, printable(value)});
  };
  row("time", iso_time(stored.at_ms) + " (" + words_for(now_ms - stored.at_ms) + " ago)");
  row("destination", stored.destination);
  row("mapping", stored.mapping);
  row("action", stored.action);
  row("reason", letter.reason);
  row("message", letter.message);
  row("attempts", with_separators(letter.attempts));
  if (letter.remote_status != 0) row("remote status", std::to_string(letter.remote_status));
  row("batch key", letter.route.batch_key);
  row("coalesce key", letter.coalesce_key);
  if (letter.source_size > 0) {
    const std::string offset = std::to_string(letter.source_offset);
    const std::string size = std::to_string(letter.source_size);
    row("in the source", "byte " + offset + ", " + size + " bytes long: tail -c +" +
                             std::to_string(letter.source_offset + 1) + " EVENT_FILE | head -c " +
                             size);
  }
  switch (letter.form) {
    case DeadLetter::Form::element:
      row("replay", stored.awaits_replay ? "marked; the run that is going on, or the next, sends it"
                    : letter.overtaken
                        ? "not possible: a newer event about the same person and audience came"
                        : "possible");
      row("content", "the element as the plugin made it:");
      break;
    case DeadLetter::Form::event:
      row("replay",
          "not possible: the record never became an element. Mend the mapping, then feed "
          "the event again");
      row("content", "the event, personal data masked:");
      break;
    case DeadLetter::Form::masked_text:
      row("replay",
          "not possible: the line is no event. Mend it where it comes from, then feed it "
          "again");
      row("content", "the line, all letters and digits masked:");
      break;
  }
  return table.text("") + content_text(letter.content) + "\n";
}

std::string dead_letter_json(const StoredDeadLetter& stored) {
  Json json = summary_json(stored);
  json["batch_key"] = stored.letter.route.batch_key;
  json["coalesce_key"] = stored.letter.coalesce_key;
  std::size_t valid = 0;
  if (config::is_utf8(stored.letter.content, valid)) {
    json["content"] = stored.letter.content;
  } else {
    json["content_base64"] = base64(stored.letter.content);
  }
  return dump(json);
}

}  // namespace penstock::cli
