#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/commands.hpp"
#include "cli/dead_letters_report.hpp"
#include "cli/moments.hpp"
#include "cli/state_commands.hpp"
#include "services/state_lock.hpp"

namespace penstock::cli {
namespace {

using Json = nlohmann::ordered_json;
using store::DeadLetterFilter;
using store::StoredDeadLetter;

// More would push the totals off the screen.
constexpr std::uint64_t kDefaultListed = 50;

struct Opened {
  OpenState state;
  DeadLetterFilter filter;
};

// Finds what --destination and --mapping name: a slip of the pen must not look like "none".
Status set_names(const DeadLetterSelection& selection, store::Reader& reader,
                 DeadLetterFilter& filter) {
  if (selection.destination.empty() && selection.mapping.empty()) return {};
  ASSIGN_OR_RETURN(const store::State state, reader.state());
  std::vector<std::string> destinations;
  for (const store::DestinationState& entry : state.destinations) {
    destinations.push_back(entry.name);
  }
  filter.destination = selection.destination;
  if (!selection.destination.empty() &&
      std::count(destinations.begin(), destinations.end(), selection.destination) == 0) {
    return {StatusCode::usage, "--destination " + selection.destination +
                                   ": the state knows no such destination; " +
                                   suggestion(selection.destination, destinations)};
  }
  if (selection.mapping.empty()) return {};
  std::vector<std::string> mappings;
  for (const store::MappingState& entry : state.mappings) {
    const std::string full = entry.destination + "." + entry.name;
    mappings.push_back(full);
    const bool here = filter.destination.empty() || filter.destination == entry.destination;
    if (here && selection.mapping == full) {
      filter.destination = entry.destination;
      filter.mapping = entry.name;
      return {};
    }
  }
  for (const store::MappingState& entry : state.mappings) {
    const bool here = filter.destination.empty() || filter.destination == entry.destination;
    if (here && selection.mapping == entry.name) {
      filter.mapping = entry.name;
      return {};
    }
  }
  return {StatusCode::usage,
          "--mapping " + selection.mapping + ": the state knows no such mapping" +
              (selection.destination.empty() ? "" : " of " + selection.destination) + "; " +
              suggestion(selection.mapping, mappings)};
}

Result<Opened> open(const Arguments& arguments, const services::Clock& clock) {
  Opened opened;
  ASSIGN_OR_RETURN(opened.state, open_state(arguments, clock));
  const DeadLetterSelection& selection = arguments.selection;
  DeadLetterFilter& filter = opened.filter;
  filter.ids = selection.ids;
  filter.reason = selection.reason;
  const std::int64_t now = now_ms(clock);
  if (selection.since) filter.from_ms = selection.since->at(now);
  if (selection.until) filter.until_ms = selection.until->at(now);
  RETURN_IF_ERROR(set_names(selection, *opened.state.reader, filter));
  return opened;
}

Status list(const Arguments& arguments, Opened& opened) {
  DeadLetterList found(arguments.selection.limit.value_or(kDefaultListed));
  RETURN_IF_ERROR(
      opened.state.reader->dead_letters(opened.filter, [&](const StoredDeadLetter& letter) {
        found.add(letter);
        return true;
      }));
  return print(arguments.format == Format::json ? found.json()
                                                : found.text(opened.state.outline.path));
}

Status show_letters(const Arguments& arguments, Opened& opened, std::int64_t now) {
  std::set<std::int64_t> missing(opened.filter.ids.begin(), opened.filter.ids.end());
  Status printed;
  RETURN_IF_ERROR(
      opened.state.reader->dead_letters(opened.filter, [&](const StoredDeadLetter& letter) {
        missing.erase(letter.id);
        printed = print(arguments.format == Format::json ? dead_letter_json(letter) + "\n"
                                                         : dead_letter_text(letter, now) + "\n");
        return printed.ok();
      }));
  RETURN_IF_ERROR(printed);
  if (missing.empty()) return {};
  return {
      StatusCode::bad_input,
      "there is no dead letter " + std::to_string(*missing.begin()) +
          (missing.size() > 1 ? " (nor " + std::to_string(missing.size() - 1) + " others of these)"
                              : "") +
          ": it was replayed, discarded or dropped, or never was. "
          "penstock dead-letters list tells which are kept."};
}

Status export_letters(Opened& opened, std::uint64_t limit) {
  opened.filter.limit = limit;
  Status printed;
  RETURN_IF_ERROR(
      opened.state.reader->dead_letters(opened.filter, [&](const StoredDeadLetter& letter) {
        printed = print(dead_letter_json(letter) + "\n");
        return printed.ok();
      }));
  return printed;
}

// Marked letters that no run takes, because the pipeline does not have their mapping.
Result<std::uint64_t> count_without_mapping(Opened& opened) {
  std::uint64_t count = 0;
  RETURN_IF_ERROR(
      opened.state.reader->dead_letters(opened.filter, [&](const StoredDeadLetter& letter) {
        count +=
            letter.awaits_replay && !opened.state.outline.runs(letter.destination, letter.mapping);
        return true;
      }));
  return count;
}

Status replay(const Arguments& arguments, Opened& opened) {
  RETURN_IF_ERROR(refuse_shared_state(arguments, opened.state.outline));
  opened.filter.limit = arguments.selection.limit.value_or(UINT64_MAX);
  ASSIGN_OR_RETURN(const store::Reader::Marked marked,
                   opened.state.reader->request_replay(opened.filter));
  // The run may have taken some already; what it never takes is still there.
  ASSIGN_OR_RETURN(const std::uint64_t without_mapping, count_without_mapping(opened));
  if (arguments.format == Format::json) {
    return print(Json{{"marked", marked.marked},
                      {"overtaken", marked.overtaken},
                      {"not_replayable", marked.not_replayable},
                      {"without_mapping", without_mapping}}
                     .dump() +
                 "\n");
  }
  if (marked.marked + marked.overtaken + marked.not_replayable == 0)
    return print("No dead letter matches.\n");
  std::string text;
  if (marked.marked > 0) {
    text += counted(marked.marked, "dead letter") + (marked.marked == 1 ? " is" : " are") +
            " marked for replay. The run that is going on, or the next one, sends " +
            (marked.marked == 1 ? "it" : "them") + ".\n";
  }
  if (without_mapping > 0) {
    text += with_separators(without_mapping) +
            (without_mapping == 1 ? " of them waits until the pipeline has its mapping again"
                                  : " of them wait until the pipeline has their mappings again") +
            ": it has removed or disabled " + (without_mapping == 1 ? "it" : "them") +
            ". While no run is going on, dead-letters discard deletes also such.\n";
  }
  if (marked.overtaken > 0) {
    text +=
        counted(marked.overtaken, "dead letter") + (marked.overtaken == 1 ? " is" : " are") +
        " left alone: a newer event about the same person and audience came afterwards, which a "
        "replay would undo.\n";
  }
  if (marked.not_replayable > 0) {
    text += counted(marked.not_replayable, "dead letter") +
            " cannot be replayed, because no element was made of the record: mend the mapping or "
            "the events, then feed the events again. Where each stands in the event file tells: "
            "penstock dead-letters show " +
            opened.state.outline.path + " ID\n";
  }
  return print(text);
}

Status discard(const Arguments& arguments, Opened& opened) {
  opened.filter.limit = arguments.selection.limit.value_or(UINT64_MAX);
  const PipelineOutline& outline = opened.state.outline;
  // Held until it is done: a run must not begin to send what is deleted.
  RETURN_IF_ERROR(refuse_shared_state(arguments, outline));
  const auto lock = services::StateLock::acquire(outline.state_dir, outline.path);
  if (!lock.ok() && lock.status().code() != StatusCode::unavailable) return lock.status();
  ASSIGN_OR_RETURN(const std::uint64_t discarded,
                   opened.state.reader->discard(opened.filter, lock.ok()));
  if (arguments.format == Format::json) return print(Json{{"discarded", discarded}}.dump() + "\n");
  std::string text =
      counted(discarded, "dead letter") + (discarded == 1 ? " is" : " are") + " discarded.";
  if (!lock.ok())
    text += " Those marked for replay, if any, were left alone while a run is going on.";
  return print(text + "\n");
}

}  // namespace

int dead_letters_command(const Arguments& arguments) {
  const services::SystemClock clock;
  auto opened = open(arguments, clock);
  if (!opened.ok()) return fail(opened.status());
  switch (arguments.command) {
    case Command::dead_letters_list:
      return fail(list(arguments, *opened));
    case Command::dead_letters_show:
      return fail(show_letters(arguments, *opened, now_ms(clock)));
    case Command::dead_letters_replay:
      return fail(replay(arguments, *opened));
    case Command::dead_letters_discard:
      return fail(discard(arguments, *opened));
    case Command::dead_letters_export:
      return fail(export_letters(*opened, arguments.selection.limit.value_or(UINT64_MAX)));
    default:
      return fail({StatusCode::internal, "dead-letters was called for another command"});
  }
}

}  // namespace penstock::cli
