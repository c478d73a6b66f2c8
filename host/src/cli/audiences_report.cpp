#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "cli/audiences.hpp"
#include "cli/commands.hpp"
#include "cli/moments.hpp"
#include "cli/table.hpp"

namespace penstock::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr auto kLeft = Table::Align::left;
constexpr auto kRight = Table::Align::right;
constexpr char kUnknown[] = "-";

// NOT_CREATED as "not created".
std::string plain(std::string word) {
  for (char& c : word) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == '_') c = ' ';
  }
  return word.empty() ? kUnknown : printable(word);
}

std::string type_of(const Audience& audience) {
  if (audience.type == "USER") return "people";
  if (audience.type == "COMPANY") return "companies";
  return plain(audience.type);
}

std::string or_unknown(const std::string& text) {
  return text.empty() ? kUnknown : printable(text);
}

std::string count(const std::optional<std::uint64_t>& number) {
  return number ? with_separators(*number) : kUnknown;
}

std::optional<double> match_rate(const Audience& audience) {
  if (!audience.matched || audience.input.value_or(0) == 0) return std::nullopt;
  return static_cast<double>(*audience.matched) / static_cast<double>(*audience.input);
}

// "900 of 2,000 (45%)"
std::string matched_text(const Audience& audience) {
  if (!audience.matched && !audience.input) return kUnknown;
  std::string out = count(audience.matched) + " of " + count(audience.input);
  if (const auto rate = match_rate(audience))
    out += " (" + std::to_string(std::lround(*rate * 100)) + "%)";
  return out;
}

std::string name_of(const Audience& audience) {
  if (!audience.name.empty()) return printable(audience.name);
  return printable(audience.key.empty() ? audience.mapping : audience.key);
}

std::string last_text(const Delivered& delivered, std::int64_t now_ms) {
  if (delivered.last_ms == 0) return "never";
  constexpr std::int64_t kMinuteMs = 60'000;
  const std::int64_t age_ms = now_ms - delivered.last_ms;
  return age_ms < kMinuteMs ? "just now" : short_words_for(age_ms) + " ago";
}

std::string mappings_of(const Audience& audience) {
  std::string all = audience.mapping;
  for (const std::string& other : audience.also) all += ", " + other;
  return all;
}

// Wrapped to the width of tables.
std::string paragraph(const std::string& text) {
  return Table({printable(text)}, {kLeft}).text("  ");
}

// Whether the reader would not know from its key which mapping fills an audience.
bool needs_mappings(const DestinationAudiences& destination) {
  return std::any_of(
      destination.audiences.begin(), destination.audiences.end(),
      [](const Audience& audience) { return mappings_of(audience) != audience.key; });
}

std::string table_text(const DestinationAudiences& destination, std::int64_t now_ms) {
  const bool with_mapping = needs_mappings(destination);
  std::vector<std::string> header{
      "audience",        "key",   "id",      "type",         "status", "size",
      "matched, 7 days", "added", "removed", "last delivery"};
  std::vector<Table::Align> alignment(header.size(), kLeft);
  std::fill(alignment.begin() + 5, alignment.end(), kRight);
  if (with_mapping) {
    header.insert(header.begin() + 1, "mapping");
    alignment.insert(alignment.begin(), kLeft);
  }
  Table table(header, alignment);
  const std::string* mapping = nullptr;
  for (const Audience& audience : destination.audiences) {
    std::vector<std::string> row{name_of(audience)};
    if (with_mapping) row.push_back(mappings_of(audience));
    row.insert(row.end(), {or_unknown(audience.key), or_unknown(audience.id), type_of(audience),
                           plain(audience.status), count(audience.size), matched_text(audience)});
    // What was delivered is counted by mapping: said once, at the first of its audiences.
    if (mapping != nullptr && *mapping == audience.mapping) {
      row.insert(row.end(), {"", "", ""});
    } else {
      row.insert(row.end(), {with_separators(audience.delivered.added),
                             with_separators(audience.delivered.removed),
                             last_text(audience.delivered, now_ms)});
    }
    mapping = &audience.mapping;
    table.row(std::move(row));
  }
  return table.text("  ");
}

std::string note_of(const Audience& audience) {
  std::string note = audience.note;
  if (audience.twins.empty()) return note;
  note += note.empty() ? "With the same key:" : " With the same key:";
  for (const std::string& twin : audience.twins) note += " " + twin;
  return note + ".";
}

// What is to know of several audiences alike is said once.
std::string notes_text(const DestinationAudiences& destination) {
  std::vector<std::pair<std::string, std::string>> notes;  // note, names
  for (const Audience& audience : destination.audiences) {
    const std::string note = note_of(audience);
    if (note.empty()) continue;
    const auto same = std::find_if(notes.begin(), notes.end(),
                                   [&](const auto& known) { return known.first == note; });
    if (same == notes.end()) {
      notes.emplace_back(note, name_of(audience));
    } else {
      same->second += ", " + name_of(audience);
    }
  }
  std::string out;
  for (auto& [note, names] : notes) out += paragraph(names.append(": ").append(note));
  return out.empty() ? out : "\n" + out;
}

// How to read the numbers; what several plugins say alike is said once.
std::string explanation_text(const AudiencesView& view) {
  std::string text =
      "Size and matched are the destination's own counts (- where it tells none). Added, removed "
      "and last delivery are what it accepted from this pipeline";
  text +=
      view.since_ms == 0 ? ", which has not run yet." : " since " + iso_time(view.since_ms) + ".";
  std::string out = "\n" + paragraph(text);
  std::set<std::string> said;
  for (const DestinationAudiences& destination : view.destinations) {
    if (!destination.explanation.empty() && said.insert(destination.explanation).second)
      out += paragraph(destination.explanation);
  }
  return out;
}

Json text_or_null(const std::string& text) {
  return text.empty() ? Json() : Json(text);
}

Json count_or_null(const std::optional<std::uint64_t>& number) {
  return number ? Json(*number) : Json();
}

Json audience_json(const Audience& audience) {
  const auto rate = match_rate(audience);
  std::vector<std::string> mappings = {audience.mapping};
  mappings.insert(mappings.end(), audience.also.begin(), audience.also.end());
  return {
      {"mapping", audience.mapping},
      {"mappings", mappings},
      {"key", text_or_null(audience.key)},
      {"name", text_or_null(audience.name)},
      {"id", text_or_null(audience.id)},
      {"type", text_or_null(audience.type)},
      {"status", text_or_null(audience.status)},
      {"size", count_or_null(audience.size)},
      {"matched_7_days", count_or_null(audience.matched)},
      {"input_7_days", count_or_null(audience.input)},
      {"match_rate", rate ? Json(*rate) : Json()},
      {"twins", audience.twins},
      {"note", text_or_null(audience.note)},
      {"delivered",
       {{"added", audience.delivered.added},
        {"removed", audience.delivered.removed},
        {"last",
         audience.delivered.last_ms == 0 ? Json() : Json(iso_time(audience.delivered.last_ms))}}}};
}

}  // namespace

std::string audiences_text(const AudiencesView& view) {
  std::string out;
  for (const DestinationAudiences& destination : view.destinations) {
    if (!out.empty()) out += "\n";
    out +=
        view.pipeline + ": audiences of " + destination.name + " (" + destination.title + ")\n\n";
    out += table_text(destination, view.now_ms);
    if (!destination.status.ok()) {
      out += "\n" + paragraph("It could not be asked: " + destination.status.message());
    }
    out += notes_text(destination);
  }
  return out + explanation_text(view);
}

std::string audiences_json(const AudiencesView& view) {
  Json json = {{"pipeline", view.pipeline},
               {"counted_since", view.since_ms == 0 ? Json() : Json(iso_time(view.since_ms))},
               {"destinations", Json::array()}};
  for (const DestinationAudiences& destination : view.destinations) {
    Json entry = {
        {"name", destination.name},
        {"plugin", destination.title},
        {"problem", destination.status.ok() ? Json() : Json(destination.status.message())},
        {"explanation", text_or_null(destination.explanation)},
        {"audiences", Json::array()}};
    for (const Audience& audience : destination.audiences)
      entry["audiences"].push_back(audience_json(audience));
    json["destinations"].push_back(std::move(entry));
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace penstock::cli
