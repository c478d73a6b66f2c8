// `penstock audiences test`: one person into an audience and out again. Whatever happens between,
// they are taken out.
#include <signal.h>

#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "cli/audiences.hpp"
#include "cli/commands.hpp"
#include "cli/table.hpp"

namespace penstock::cli {
namespace {

using Json = nlohmann::ordered_json;

// How often taking somebody out is tried, and how long it is waited for first; then twice as long
// each time. With the last, a minute's limit of requests is over.
constexpr int kRemovals = 7;
constexpr std::chrono::seconds kFirstPause{1};

// The signals that end a command wait, for as long as this lives. Before any thread is made.
class SignalsHeld {
 public:
  SignalsHeld() {
    sigset_t held;
    sigemptyset(&held);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) sigaddset(&held, number);
    pthread_sigmask(SIG_BLOCK, &held, &before_);
  }
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;
  // One that has come takes effect now.
  ~SignalsHeld() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

struct Test {
  Pipeline& pipeline;
  const mapping::Program::Mapping& mapping;
  const std::string& email;
};

// Whether asking again may help: a refusal with an answer stays one, but for a limit of requests.
bool may_pass(const Result<MemberChange>& removed) {
  constexpr std::int64_t kTooManyRequests = 429;
  if (!removed.ok()) return removed.status().code() == StatusCode::unavailable;
  return !removed->certain || removed->status == kTooManyRequests;
}

// Until it is certain. The last answer, or why there is none.
Result<MemberChange> take_out(const Test& test) {
  auto pause = kFirstPause;
  for (int attempt = 1;; ++attempt) {
    Result<MemberChange> removed =
        change_member(test.pipeline, test.mapping, test.email, MemberAction::remove);
    if (removed.ok() && removed->accepted) return removed;
    if (attempt == kRemovals || !may_pass(removed)) return removed;
    std::fprintf(stderr, "penstock: not taken out yet, tried again: %s\n",
                 printable(removed.ok() ? removed->problem : removed.status().message()).c_str());
    std::this_thread::sleep_for(pause);
    pause *= 2;
  }
}

std::string change_text(const char* title, const MemberChange& change) {
  std::string out = std::string(title) + "\n  sent      " + printable(change.method) + " " +
                    printable(change.url) + "\n            " + printable(change.body) +
                    "\n  answered  ";
  out += change.status == 0 ? "nothing" : std::to_string(change.status);
  if (!change.answer.empty()) out += " " + printable(change.answer);
  out += "\n";
  if (!change.problem.empty()) out += "  problem   " + printable(change.problem) + "\n";
  return out;
}

Json change_json(const std::optional<MemberChange>& change) {
  if (!change) return nullptr;
  return {{"segment_id", change->segment_id},
          {"request", {{"method", change->method}, {"url", change->url}, {"body", change->body}}},
          {"status", change->status == 0 ? Json() : Json(change->status)},
          {"answer", change->answer},
          {"accepted", change->accepted},
          {"problem", change->problem.empty() ? Json() : Json(change->problem)}};
}

std::string how_to_take_out(const Arguments& arguments) {
  return "penstock audiences test " + arguments.pipelines.front() + " " + arguments.mapping +
         " --remove --email ...";
}

// What was done, and whether all of it worked.
struct Done {
  std::optional<MemberChange> added;
  std::optional<MemberChange> removed;
  Status status;
};

Done do_test(const Arguments& arguments, const Test& test) {
  Done done;
  bool certain = true;
  bool refused = false;  // nobody was put in
  if (!arguments.remove_only) {
    Result<MemberChange> added =
        change_member(test.pipeline, test.mapping, test.email, MemberAction::add);
    if (!added.ok()) {
      done.status = added.status();  // nothing was sent, so nobody has to be taken out
      return done;
    }
    certain = added->certain;
    refused = certain && !added->accepted;
    if (!added->accepted) done.status = Status{StatusCode::failed, added->problem};
    done.added = std::move(*added);
  }
  Result<MemberChange> removed = take_out(test);
  if (!certain) {
    // The request whose answer was lost may be carried out after the one that took them out.
    std::fprintf(
        stderr,
        "penstock: whether they were put in is not certain; they are taken out once more "
        "in %lld s.\n",
        static_cast<long long>(
            std::chrono::duration_cast<std::chrono::seconds>(arguments.confirm_after).count()));
    std::this_thread::sleep_for(arguments.confirm_after);
    removed = take_out(test);
  }
  const bool out = removed.ok() && removed->accepted;
  if (!out && !refused) {
    const std::string why = removed.ok() ? removed->problem : removed.status().message();
    const StatusCode code = removed.ok() ? StatusCode::failed : removed.status().code();
    done.status = Status{code,
                         "the person may still be in the audience, because taking them out "
                         "failed: " +
                             why + ". Once that is repaired, run: " + how_to_take_out(arguments)};
  }
  if (removed.ok()) done.removed = std::move(*removed);
  return done;
}

}  // namespace

int audiences_test_command(const Arguments& arguments) {
  const SignalsHeld held;
  const Result<MappingToAsk> to_ask = load_mapping_to_ask(arguments, "test");
  if (!to_ask.ok()) return fail(to_ask.status());
  const std::string& destination = to_ask->destination;
  const Done done = do_test(arguments, {*to_ask->pipeline, *to_ask->mapping, arguments.email});
  std::string out;
  if (arguments.format == Format::json) {
    out = Json{{"destination", destination},
               {"mapping", to_ask->mapping->config->name},
               {"added", change_json(done.added)},
               {"removed", change_json(done.removed)},
               {"problem", done.status.ok() ? Json() : Json(done.status.message())}}
              .dump(-1, ' ', false, Json::error_handler_t::replace) +
          "\n";
  } else {
    if (done.added) out += change_text("Put in", *done.added);
    if (done.removed) out += change_text("Taken out", *done.removed);
    if (done.status.ok()) {
      const std::string id = printable(done.removed->segment_id);
      out += arguments.remove_only
                 ? "The person is not in audience " + id + ".\n"
                 : "Audience " + id + " takes people: the person was put in and is out again.\n";
    }
  }
  if (const Status printed = print(out); !printed.ok()) return fail(printed);
  return fail(done.status.ok() ? Status() : done.status.with_context(destination));
}

}  // namespace penstock::cli
