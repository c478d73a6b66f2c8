#include "control.hpp"

#include <algorithm>
#include <charconv>
#include <iomanip>
#include <sstream>

namespace linkedin_sandbox {
namespace {

using nlohmann::json;
using penstock::Status;
using penstock::StatusCode;

constexpr std::size_t kDefaultRequests = 100;
constexpr std::int64_t kDefaultTokenSeconds = 5'184'000;  // 60 days
constexpr std::int64_t kLongestAdvanceMs =
    100LL * 366 * 86'400'000;  // a century: sums stay in range

HttpReply refusal(int status, const std::string& message) {
  return json_reply(status, {{"error", message}});
}

// The body as an object; an empty body is an empty object.
json body_of(const HttpRequest& request) {
  return request.body.empty() ? json::object() : json::parse(request.body, nullptr, false);
}

// False: the key is there with a value that is no text.
bool take_text(const json& body, const char* key, std::string& text) {
  const auto found = body.find(key);
  if (found == body.end()) return true;
  if (!found->is_string()) return false;
  text = found->get<std::string>();
  return true;
}

bool take_scopes(const json& body, std::set<std::string>& scopes) {
  const auto found = body.find("scopes");
  if (found == body.end()) return true;
  if (!found->is_array()) return false;
  scopes.clear();
  for (const json& scope : *found) {
    if (!scope.is_string()) return false;
    scopes.insert(scope.get<std::string>());
  }
  return true;
}

}  // namespace

HttpReply Control::handle(const HttpRequest& request) {
  const Target target = Target::parse(request.target);
  const std::string path = target.path.size() == 1 ? target.path[0] : std::string();
  const bool get = request.method == "GET";
  const bool post = request.method == "POST";
  if (path == "health" && get) return json_reply(200, {{"status", "ok"}});
  if (path == "members" && get) return members(target);
  if (path == "audiences" && get) return audiences();
  if (path == "requests" && get) return requests(target);
  if (path == "counters" && get) return json_reply(200, counters());
  if (path == "behaviour") return behaviour(request);
  if (path == "clock" && (get || post)) return clock(request);
  if (path == "tokens" && post) return tokens(request);
  if (path == "reset" && post) return reset(request);
  return refusal(404, "there is no " + request.method + " /" + path +
                          "; see tests/linkedin_sandbox/README.md for what there is");
}

json Control::counters() const {
  json counters = world_.traffic.counters();
  const Segments::Totals totals = world_.segments.totals();
  counters["segments"] = totals.segments;
  counters["twin_segments"] = totals.twins;
  counters["members"] = totals.members;
  counters["faults"] = world_.faults.injected();
  counters["late_requests"] = world_.late.waiting();
  return counters;
}

Status Control::change_behaviour(const json& changes) {
  RETURN_IF_ERROR(world_.behaviour.change(changes));
  if (changes.contains("max_faults") || changes.contains("max-faults")) {
    world_.faults.restart_budget();
  }
  return {};
}

void Control::reset() {
  world_.segments.reset();
  world_.traffic.reset();
  world_.faults.reset();
}

HttpReply Control::members(const Target& target) const {
  const std::string* counts = target.parameter("counts");
  const std::string* source = target.parameter("source_segment_id");
  return json_reply(
      200, world_.segments.dump(counts != nullptr && *counts != "0",
                                source != nullptr ? std::optional(*source) : std::nullopt));
}

HttpReply Control::audiences() const {
  const json dump = world_.segments.dump(true, std::nullopt);
  std::size_t width = std::string_view("audience").size();
  for (const json& segment : dump.at("segments")) {
    width = std::max(width, segment.at("sourceSegmentId").get_ref<const std::string&>().size());
  }
  std::ostringstream table;
  const auto row = [&](const std::string& key, const std::string& type, const std::string& id,
                       const std::string& size, const std::string& name) {
    table << "  " << std::left << std::setw(static_cast<int>(width)) << key << "  " << std::setw(7)
          << type << "  " << std::setw(10) << id << "  " << std::right << std::setw(7) << size
          << "  " << name << "\n";
  };
  row("audience", "type", "segment", "members", "name");
  for (const json& segment : dump.at("segments")) {
    row(segment.at("sourceSegmentId"), segment.at("type"), segment.at("id").dump(),
        segment.at("size").dump(), segment.at("name"));
  }
  HttpReply reply;
  reply.content_type = "text/plain; charset=utf-8";
  reply.body = table.str();
  return reply;
}

HttpReply Control::requests(const Target& target) const {
  std::size_t last = kDefaultRequests;
  if (const std::string* text = target.parameter("last")) {
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), last);
    if (error != std::errc() || end != text->data() + text->size()) {
      return refusal(400, "last takes a whole number from 0 up");
    }
  }
  return json_reply(200, world_.traffic.requests(last));
}

HttpReply Control::behaviour(const HttpRequest& request) {
  if (request.method != "GET") {
    const json changes = body_of(request);
    Status status;
    if (request.method == "PATCH" || request.method == "POST") {
      status = change_behaviour(changes);
    } else if (request.method == "PUT") {
      Behaviour replaced = start_;
      status = apply_json(changes, replaced);
      if (status.ok()) {
        world_.behaviour.set(std::move(replaced));
        world_.faults.restart_budget();
      }
    } else {
      return refusal(405, "/behaviour takes GET, PATCH and PUT");
    }
    if (!status.ok()) return refusal(400, status.message());
  }
  return json_reply(200, to_json(*world_.behaviour.get()));
}

HttpReply Control::clock(const HttpRequest& request) {
  if (request.method == "POST") {
    const json body = body_of(request);
    const auto advance = body.is_object() ? body.find("advance_ms") : body.end();
    if (!body.is_object() || advance == body.end() || !advance->is_number_integer() ||
        advance->get<std::int64_t>() < 0 || advance->get<std::int64_t>() > kLongestAdvanceMs) {
      return refusal(400, "the body is not {\"advance_ms\":N} with N from 0 up to a century");
    }
    world_.clock.advance(advance->get<std::int64_t>());
  }
  return json_reply(200, {{"now_ms", world_.clock.now_ms()}});
}

HttpReply Control::tokens(const HttpRequest& request) {
  const json body = body_of(request);
  if (!body.is_object()) return refusal(400, "the body is not a JSON object");
  std::string token;
  std::string action = "add";
  std::string kind = "access";
  Grant grant;
  if (!take_text(body, "token", token) || token.empty() || !take_text(body, "action", action) ||
      !take_text(body, "kind", kind) || !take_text(body, "role", grant.role) ||
      !take_text(body, "member", grant.member)) {
    return refusal(400, "token (required), action, kind, role and member take texts");
  }
  if (!take_scopes(body, grant.scopes)) return refusal(400, "scopes takes a list of texts");
  std::int64_t seconds = kDefaultTokenSeconds;
  if (const auto found = body.find("seconds"); found != body.end()) {
    if (!found->is_number_integer()) return refusal(400, "seconds takes a whole number");
    seconds = found->get<std::int64_t>();
  }
  if (action == "expire" || action == "revoke") {
    const bool known =
        action == "expire" ? world_.access.expire(token) : world_.access.revoke(token);
    return known ? json_reply(200, json::object()) : refusal(404, "there is no such token");
  }
  if (action != "add") return refusal(400, "action takes add, expire or revoke");
  if (kind == "access") {
    world_.access.add_token(token, grant, seconds);
  } else if (kind == "refresh") {
    world_.access.add_refresh_token(token, grant, seconds);
  } else if (kind == "code") {
    world_.access.add_code(token, grant);
  } else {
    return refusal(400, "kind takes access, refresh or code");
  }
  return json_reply(200, json::object());
}

HttpReply Control::reset(const HttpRequest& request) {
  const json body = body_of(request);
  if (!body.is_object()) return refusal(400, "the body is not a JSON object");
  reset();
  if (body.value("behaviour", json(false)) == json(true)) world_.behaviour.set(start_);
  return json_reply(200, json::object());
}

}  // namespace linkedin_sandbox
