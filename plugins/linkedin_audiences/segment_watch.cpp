#include "segment_watch.hpp"

#include <cstddef>

#include <penstock/sdk/text.hpp>

#include "api_version.hpp"

namespace penstock::linkedin {
namespace {

// A notice names so many audiences; with more it would be cut off in the middle.
constexpr std::size_t kMaxNamed = 5;
// Of a name; LinkedIn's own limit is not known.
constexpr std::size_t kMaxNameBytes = 80;

constexpr std::string_view kTwinAdvice =
    "The oldest is used. Check in Campaign Manager that your campaigns use that one, then delete "
    "the others.";
constexpr std::string_view kDeletedAdvice =
    "It was deleted at LinkedIn. It is made again and holds whoever enters from now on; campaigns "
    "that used the old one must be pointed to the new one.";

constexpr std::string_view kMovedAdvice =
    "It has the same key and is older. Whoever was delivered to the other one since is not in it.";

constexpr std::string_view kReplacedAdvice =
    "The former was deleted at LinkedIn, and this one has the same key. Point the campaigns that "
    "used the former to it. Who was in the former alone is not in it.";

constexpr std::string_view kUnconfirmedAdvice =
    "The answer to the request that creates it was lost. LinkedIn is asked, ever more rarely, "
    "whether it exists, for create_again_after (two minutes unless it is set), before another is "
    "created: two of the same key would split its members. What waits for it is kept, and goes on "
    "by itself.";

std::string quoted(const std::string& name) {
  return "\"" + std::string(sdk::cut_utf8(name, kMaxNameBytes)) + "\"";
}

std::string phrase_of(const std::string& name, const std::string& id) {
  return quoted(name) + " (segment " + id + ")";
}

std::string list_of(const std::map<std::string, std::string>& phrases) {
  std::string list;
  std::size_t named = 0;
  for (const auto& [id, phrase] : phrases) {
    if (named == kMaxNamed) {
      list += " and " + std::to_string(phrases.size() - named) + " more";
      break;
    }
    list += (named++ == 0 ? "" : ", ") + phrase;
  }
  return list;
}

}  // namespace

std::string_view how_to_resend() {
  return "To have everybody in it again, resync the audience in Segment (Engage, the audience's "
         "destination), or read the event file again with `penstock run PIPELINE --from-start`.";
}

std::string_view advice_on(SegmentStatus status) {
  switch (status) {
    case SegmentStatus::building:
      return "LinkedIn builds it for up to 48 hours; until then there are no numbers.";
    case SegmentStatus::archived:
      return "LinkedIn archives an audience that no campaign has used and nothing has changed for "
             "30 days. Deliveries go on. To use it again, add it to an active or draft campaign; "
             "LinkedIn takes up to 48 hours. After 90 days its members are deleted.";
    case SegmentStatus::expired:
      return "Nobody used or changed it for 90 days, so LinkedIn deleted its members. Deliveries "
             "go on and fill it with whoever enters from now on.";
    case SegmentStatus::failed:
      return "LinkedIn could not process it and campaigns cannot use it. If it stays so for a day, "
             "delete it in Campaign Manager, and it is made again; or ask LinkedIn's support.";
    case SegmentStatus::unknown:
    case SegmentStatus::ready:
    case SegmentStatus::updating:
      break;
  }
  return {};
}

void SegmentWatch::seen_while_sending(const Audience& audience,
                                      const std::vector<Segment>& segments) {
  note_version();
  seen(audience, segments);
}

void SegmentWatch::seen(const Audience& audience, const std::vector<Segment>& segments) {
  if (segments.empty()) return;
  const Segment& used = segments.front();
  const std::string phrase = phrase_of(used.name.empty() ? audience.name : used.name, used.id);
  const auto is = [&](SegmentStatus status) { return used.status == status; };
  note("audience_archived", PENSTOCK_LOG_WARNING, used.id, phrase,
       advice_on(SegmentStatus::archived), is(SegmentStatus::archived));
  note("audience_expired", PENSTOCK_LOG_ERROR, used.id, phrase,
       std::string(advice_on(SegmentStatus::expired)) + " " + std::string(how_to_resend()),
       is(SegmentStatus::expired));
  note("audience_failed", PENSTOCK_LOG_ERROR, used.id, phrase, advice_on(SegmentStatus::failed),
       is(SegmentStatus::failed));
  std::string others;
  for (std::size_t i = 1; i < segments.size() && i <= kMaxNamed; ++i) {
    others += (i == 1 ? "" : ", ") + segments[i].id;
  }
  if (segments.size() > kMaxNamed + 1) others += " and more";
  note("audience_twins", PENSTOCK_LOG_WARNING, used.id, phrase + " besides " + others, kTwinAdvice,
       !others.empty());
}

void SegmentWatch::unconfirmed(const Audience& audience, bool holds) {
  // It has no id yet that could tell it from others.
  note("audience_unconfirmed", PENSTOCK_LOG_WARNING,
       std::string(name_of(audience.type)) + " " + audience.key, quoted(audience.name),
       kUnconfirmedAdvice, holds);
}

void SegmentWatch::deleted(const Audience& audience, const std::string& id) {
  note("audience_deleted", PENSTOCK_LOG_ERROR, id, phrase_of(audience.name, id),
       std::string(kDeletedAdvice) + " " + std::string(how_to_resend()), true);
}

void SegmentWatch::moved(const Audience& audience, const std::string& from, const std::string& to) {
  note("audience_moved", PENSTOCK_LOG_ERROR, to,
       phrase_of(audience.name, to) + " in place of segment " + from,
       std::string(kMovedAdvice) + " " + std::string(how_to_resend()), true);
}

void SegmentWatch::replaced(const Audience& audience, const std::string& gone,
                            const std::string& by) {
  note("audience_moved", PENSTOCK_LOG_ERROR, by,
       phrase_of(audience.name, by) + " in place of segment " + gone,
       std::string(kReplacedAdvice) + " " + std::string(how_to_resend()), true);
}

void SegmentWatch::note(std::string_view code, std::int32_t level, const std::string& id,
                        const std::string& phrase, std::string_view advice, bool holds) {
  std::string message;
  {
    const std::lock_guard lock(mutex_);
    auto entry = affected_.find(code);
    if (!holds) {
      if (entry != affected_.end()) entry->second.phrases.erase(id);
      return;
    }
    if (entry == affected_.end()) entry = affected_.emplace(std::string(code), Affected{}).first;
    auto& phrases = entry->second.phrases;
    const auto known = phrases.find(id);
    if (known != phrases.end() && known->second == phrase) return;
    phrases[id] = phrase;
    const bool one = phrases.size() == 1;
    constexpr std::string_view kPrefix = "audience_";
    const std::string_view what = code.substr(kPrefix.size());
    message = (one ? "LinkedIn audience " : "LinkedIn audiences ") + list_of(phrases);
    if (what == "archived") message += one ? " is archived" : " are archived";
    if (what == "expired") message += one ? " has expired" : " have expired";
    if (what == "failed") message += one ? " has the status FAILED" : " have the status FAILED";
    if (what == "twins") message += ": several audiences have the same key and type";
    if (what == "unconfirmed") message += " may or may not have been created";
    if (what == "moved") message += one ? " is used from now on" : " are used from now on";
    if (what == "deleted") message += one ? " does not exist any more" : " do not exist any more";
    message.append(". ").append(advice);
  }
  notices_.raise(level, code, message);
}

void SegmentWatch::note_version() {
  std::string warning = api_version_warning(settings_.api_version, host_.wall_ns());
  {
    const std::lock_guard lock(mutex_);
    if (warning == version_warning_) return;
    version_warning_ = warning;
  }
  if (!warning.empty()) notices_.raise(PENSTOCK_LOG_WARNING, kApiVersionAges, warning);
}

}  // namespace penstock::linkedin
