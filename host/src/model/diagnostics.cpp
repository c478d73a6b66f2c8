#include "model/diagnostics.hpp"

#include <algorithm>
#include <tuple>

#include "gate/escape.hpp"
#include "gate/foreign_text.hpp"
#include "gate/shapes.hpp"

namespace penstock {
namespace {

// A person reads no more than this; a file with more faults has usually one cause.
constexpr std::size_t kMaxShown = 200;
// Of a long line only the part round the place is shown: about the width of a terminal.
constexpr std::size_t kShownBefore = 60;
constexpr std::size_t kShownAfter = 40;
// Longer words are not misspelt keys, and the distance costs the product of both lengths.
constexpr std::size_t kMaxWord = 64;
constexpr std::size_t kMaxKnownShown = 12;

bool continues_character(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80;
}

// The part of the line round the column and a caret under the place, each on a line of its own. A
// line that holds what looks like a secret or an address is shown without the caret.
std::string excerpt(const std::string& line, std::uint32_t column) {
  const std::string masked = gate::mask_shapes(line);
  if (masked != line) {
    const std::string_view shown = gate::cut(masked, kShownBefore + kShownAfter);
    return "    " + std::string(shown) + (shown.size() < masked.size() ? "...\n" : "\n");
  }
  const std::size_t place = std::min<std::size_t>(column == 0 ? 0 : column - 1, line.size());
  std::size_t begin = place > kShownBefore ? place - kShownBefore : 0;
  while (begin > 0 && continues_character(line[begin])) --begin;
  std::size_t end = std::min(line.size(), place + kShownAfter);
  while (end < line.size() && continues_character(line[end])) ++end;

  std::string shown = begin > 0 ? "..." : "";
  std::string caret(shown.size(), ' ');
  for (std::size_t i = begin; i < end; ++i) {
    const auto byte = static_cast<unsigned char>(line[i]);
    shown += (byte < 0x20 && byte != '\t') || byte == 0x7F ? '?' : line[i];
    if (i < place && !continues_character(line[i])) caret += byte == '\t' ? '\t' : ' ';
  }
  if (end < line.size()) shown += "...";
  return "    " + shown + "\n    " + caret + "^\n";
}

std::string lower_ascii(std::string_view text) {
  std::string lowered(text);
  for (char& c : lowered) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lowered;
}

// Insertions, deletions, substitutions and swaps of neighbours that turn one word into the other.
std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) cost[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
      }
    }
  }
  return cost[a.size()][b.size()];
}

}  // namespace

std::string Location::text() const {
  if (line == 0) return file;
  return file + ":" + std::to_string(line) + ":" + std::to_string(column);
}

void Diagnostics::add_source(const std::string& file, std::string_view text) {
  std::vector<std::string> lines;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    std::size_t end = text.find('\n', begin);
    if (end == std::string_view::npos) end = text.size();
    std::string_view line = text.substr(begin, end - begin);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.emplace_back(line);
    begin = end + 1;
  }
  sources_.try_emplace(file, std::move(lines));
}

namespace {

// Names in braces may have been replaced by something of their length, as in default triggers.
bool begins_with(std::string_view written, std::string_view text) {
  if (written.size() < text.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (written[i] == text[i]) continue;
    const std::size_t open = written.rfind('{', i);
    const std::size_t close = written.find('}', i);
    const bool in_braces = open != std::string_view::npos && close != std::string_view::npos &&
                           written.substr(open, i - open).find('}') == std::string_view::npos;
    if (!in_braces) return false;
    i = close;
  }
  return true;
}

}  // namespace

bool Diagnostics::stands_at(const Location& place, std::string_view text) const {
  const auto source = sources_.find(place.file);
  if (source == sources_.end() || source->second.empty() || place.line == 0 || place.column == 0)
    return true;
  for (std::size_t line = place.line; !text.empty(); ++line) {
    if (line > source->second.size()) return false;
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view written = source->second[line - 1];
    // Blank lines of a block may lack the indentation.
    if (end > 0 && (written.size() < place.column ||
                    !begins_with(written.substr(place.column - 1), text.substr(0, end))))
      return false;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return true;
}

// An entry without lines also keeps a later add_source() from showing the file.
void Diagnostics::hide_source(const std::string& file) {
  sources_[file].clear();
}

void Diagnostics::hide_value(std::string value, std::string reference) {
  constexpr std::size_t kShortest = 4;  // shorter ones are parts of other words
  if (value.size() >= kShortest) hidden_.emplace_back(std::move(value), std::move(reference));
}

void Diagnostics::error(Location location, std::string message, std::string hint) {
  ++errors_;
  entries_.push_back(
      {Diagnostic::Severity::error, std::move(location), std::move(message), std::move(hint)});
}

void Diagnostics::warning(Location location, std::string message, std::string hint) {
  entries_.push_back(
      {Diagnostic::Severity::warning, std::move(location), std::move(message), std::move(hint)});
}

namespace {

bool is_word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// With `by` for each place where `word`, or the beginning of it that is left of a long one, stands
// by itself.
std::string replaced(std::string text, const std::string& word, const std::string& by) {
  constexpr std::size_t kBeginning = 24;
  const std::string_view needle = std::string_view(word).substr(0, kBeginning);
  std::size_t at = text.find(needle);
  while (at != std::string::npos) {
    std::size_t length = needle.size();
    while (length < word.size() && at + length < text.size() && text[at + length] == word[length])
      ++length;
    const std::size_t end = at + length;
    const bool begins = at == 0 || !is_word_character(text[at - 1]);
    const bool ends = length < word.size() || end == text.size() || !is_word_character(text[end]);
    if (begins && ends) text.replace(at, length, by);
    at = text.find(needle, begins && ends ? at + by.size() : at + 1);
  }
  return text;
}

}  // namespace

std::string Diagnostics::text() const {
  // The longest first, as one may be part of another.
  std::vector<std::pair<std::string, std::string>> hidden = hidden_;
  std::stable_sort(hidden.begin(), hidden.end(),
                   [](const auto& a, const auto& b) { return a.first.size() > b.first.size(); });
  const auto shown_text = [&](std::string text) {
    for (const auto& [value, reference] : hidden)
      text = replaced(std::move(text), value, reference);
    return text;
  };
  std::vector<const Diagnostic*> ordered;
  ordered.reserve(entries_.size());
  for (const Diagnostic& entry : entries_) ordered.push_back(&entry);
  std::stable_sort(ordered.begin(), ordered.end(), [](const Diagnostic* a, const Diagnostic* b) {
    return std::tie(a->location.file, a->location.line, a->location.column) <
           std::tie(b->location.file, b->location.line, b->location.column);
  });
  std::string out;
  std::size_t shown = 0;
  for (const Diagnostic* entry : ordered) {
    if (shown++ == kMaxShown) {
      out += "and " + std::to_string(ordered.size() - kMaxShown) + " more\n";
      break;
    }
    const std::string place = entry->location.text();
    if (!place.empty()) out += place + ": ";
    out += entry->severity == Diagnostic::Severity::error ? "error: " : "warning: ";
    out += shown_text(entry->message) + "\n";
    const auto source = sources_.find(entry->location.file);
    if (source != sources_.end() && entry->location.line > 0 &&
        entry->location.line <= source->second.size()) {
      out += excerpt(source->second[entry->location.line - 1], entry->location.column);
    }
    if (!entry->hint.empty()) out += "    " + shown_text(entry->hint) + "\n";
  }
  return gate::own_text(out);
}

Status Diagnostics::status() const {
  return has_errors() ? Status(StatusCode::configuration, text()) : Status();
}

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
  if (word.empty() || word.size() > kMaxWord) return {};
  const std::string wanted = lower_ascii(word);
  std::string best;
  std::size_t best_distance = SIZE_MAX;
  for (const std::string& candidate : candidates) {
    if (candidate.empty() || candidate.size() > kMaxWord) continue;
    const std::size_t distance = edit_distance(wanted, lower_ascii(candidate));
    const std::size_t allowed = std::max(word.size(), candidate.size()) / 3;
    if (distance <= allowed && distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

std::string suggestion(std::string_view word, const std::vector<std::string>& candidates) {
  if (candidates.empty()) return {};
  if (const std::string near = nearest(word, candidates); !near.empty()) {
    return "did you mean \"" + near + "\"?";
  }
  std::string out = "known here: ";
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (i == kMaxKnownShown) {
      return out + ", and " + std::to_string(candidates.size() - kMaxKnownShown) + " more";
    }
    out += (i == 0 ? "" : ", ") + candidates[i];
  }
  return out;
}

}  // namespace penstock
