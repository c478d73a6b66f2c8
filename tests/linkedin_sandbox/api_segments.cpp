#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "api.hpp"

namespace linkedin_sandbox {
namespace {

using nlohmann::json;

constexpr std::int64_t kDefaultPage = 10;  // when one of start and count is given

constexpr std::array<std::string_view, 7> kSourcePlatforms = {
    "DIRECT_API",
    "AGENCY_API",
    "PARTNER_API",
    "LIST_UPLOAD",
    "SEGMENT",
    "ADOBE",
    "LINKEDIN_BUSINESS_OBJECTIVE_BASED_AUDIENCES"};
constexpr std::array<std::string_view, 4> kTypes = {"USER", "COMPANY", "USER_LIST_UPLOAD",
                                                    "COMPANY_LIST_UPLOAD"};
constexpr std::array<std::string_view, 8> kFields = {
    "account",     "name",         "sourcePlatform", "sourceSegmentId",
    "description", "accessPolicy", "type",           "destinations"};
constexpr std::array<std::string_view, 4> kMutableFields = {"name", "description",
                                                            "sourceSegmentId", "accessPolicy"};

template <std::size_t size>
bool contains(const std::array<std::string_view, size>& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

// Reads an optional text; the problem when it is something else.
std::string read_text(const json& body, const char* name, std::string& text) {
  const auto found = body.find(name);
  if (found == body.end()) return {};
  if (!found->is_string()) return std::string("/") + name + " :: is not a string";
  text = found->get<std::string>();
  return {};
}

std::string read_destinations(const json& body, bool& has_destination) {
  const auto found = body.find("destinations");
  if (found == body.end()) return {};
  if (!found->is_array()) return "/destinations :: is not an array";
  for (const json& destination : *found) {
    if (!destination.is_object() || destination.value("destination", json()) != "LINKEDIN") {
      return "/destinations :: has an entry that is not {\"destination\":\"LINKEDIN\"}";
    }
    has_destination = true;
  }
  return {};
}

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char byte) { return (byte & 0xC0) != 0x80; }));
}

// The problem, which names the field, or nothing and the segment.
std::string read_segment(const json& body, const Behaviour& behaviour, NewSegment& segment) {
  if (!body.is_object()) return "the body is not a record";
  for (const auto& [name, value] : body.items()) {
    if (!contains(kFields, name))
      return "/" + name + " :: unrecognized field found but not allowed";
  }
  std::string problem;
  segment.access_policy = "PRIVATE";
  const auto text = [&](const char* name, std::string& field) {
    if (problem.empty()) problem = read_text(body, name, field);
  };
  text("account", segment.account);
  text("name", segment.name);
  text("sourcePlatform", segment.source_platform);
  text("sourceSegmentId", segment.source_segment_id);
  text("description", segment.description);
  text("accessPolicy", segment.access_policy);
  text("type", segment.type);
  if (problem.empty()) problem = read_destinations(body, segment.has_destination);
  if (!problem.empty()) return problem;
  for (const char* required : {"account", "name", "sourcePlatform", "type"}) {
    if (!body.contains(required)) {
      return std::string("/") + required +
             " :: field is required but not found and has no default value";
    }
  }
  if (segment.name.empty()) return "/name :: must not be empty";
  const auto most = static_cast<std::size_t>(behaviour.max_name_length);
  if (most > 0 && characters(segment.name) > most) {
    return "/name :: is longer than " + std::to_string(most) + " characters";
  }
  if (!contains(kSourcePlatforms, segment.source_platform)) {
    return "/sourcePlatform :: is not an enum symbol";
  }
  if (!contains(kTypes, segment.type)) return "/type :: is not an enum symbol";
  return {};
}

// False: the parameter is there and is not a whole number from 0 up.
bool read_count(const Target& target, const char* name, std::int64_t& value) {
  const std::string* text = target.parameter(name);
  if (text == nullptr) return true;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  return error == std::errc() && end == text->data() + text->size() && value >= 0;
}

}  // namespace

HttpReply Api::create_segment(const Exchange& exchange) {
  const Behaviour& behaviour = *exchange.behaviour;
  const json body = json::parse(exchange.request.body, nullptr, false);
  if (body.is_discarded()) return error_reply(400, 0, "", "The body is not JSON");
  NewSegment segment;
  std::string problem = read_segment(body, behaviour, segment);
  const auto account = account_id(segment.account);
  if (problem.empty() && !account) problem = "/account :: is not a sponsored account URN";
  if (!problem.empty()) {
    return error_reply(static_cast<int>(behaviour.bad_create_status), 0, "", "ERROR :: " + problem);
  }
  if (!account_exists(*account, behaviour)) {
    return error_reply(403, 100, "ACCESS_DENIED",
                       "Not enough permissions to access: " + exchange.route.resource);
  }
  const Creation creation = world_.segments.create(segment, behaviour);
  if (creation.outcome == Creation::Outcome::limit_exceeded) {
    return error_reply(429, 0, "SEGMENT_LIMIT_EXCEEDED",
                       "The ad account has reached its limit of " +
                           std::to_string(behaviour.max_segments) + " segments");
  }
  if (creation.outcome == Creation::Outcome::conflict) {
    return error_reply(409, 0, "", "A segment with this sourceSegmentId exists already");
  }
  HttpReply reply;
  reply.status = 201;
  reply.content_type.clear();
  const std::string id = std::to_string(creation.id);
  reply.headers.emplace_back(exchange.protocol2 ? "x-restli-id" : "x-linkedin-id", id);
  reply.headers.emplace_back("location", "/dmpSegments/" + id);
  return reply;
}

HttpReply Api::find_segments(const Exchange& exchange) const {
  const Target& target = exchange.target;
  const std::string* finder = target.parameter("q");
  if (finder == nullptr || *finder != "account") {
    return error_reply(400, 0, "", "The only finder of this resource is q=account");
  }
  const std::string* account = target.parameter("account");
  if (account == nullptr || !account_id(*account)) {
    return error_reply(400, 0, "", "Parameter account is not a sponsored account URN");
  }
  const bool paged = target.parameter("start") != nullptr || target.parameter("count") != nullptr;
  std::int64_t start = 0;
  std::int64_t count = kDefaultPage;
  if (!read_count(target, "start", start) || !read_count(target, "count", count)) {
    return error_reply(400, 0, "", "Parameters start and count are whole numbers from 0 up");
  }
  if (const auto& behaviour = *exchange.behaviour;
      !account_exists(*account_id(*account), behaviour) &&
      behaviour.unknown_account_find_status >= 400) {
    return error_reply(static_cast<int>(behaviour.unknown_account_find_status), 100,
                       "ACCESS_DENIED",
                       "Not enough permissions to access: " + exchange.route.resource);
  }
  FindQuery query;
  query.account = *account;
  if (const auto* platform = target.parameter("sourcePlatform")) query.source_platform = *platform;
  if (const auto* source = target.parameter("sourceSegmentId")) query.source_segment_id = *source;
  std::vector<json> found = world_.segments.find(query, *exchange.behaviour);

  const auto total = static_cast<std::int64_t>(found.size());
  if (!paged) count = total;
  if (const std::int64_t most = exchange.behaviour->max_page; most > 0) {
    count = std::min(count, most);
  }
  const std::int64_t first = std::min(start, total);
  const std::int64_t end = first + std::min(count, total - first);
  json elements = json::array();
  for (std::int64_t i = first; i < end; ++i) {
    elements.push_back(std::move(found[static_cast<std::size_t>(i)]));
  }
  json paging = {{"start", start}, {"count", count}, {"links", json::array()}};
  if (exchange.behaviour->page_total) paging["total"] = total;
  return json_reply(200, {{"paging", std::move(paging)}, {"elements", std::move(elements)}});
}

HttpReply Api::get_segment(const Exchange& exchange) const {
  const auto id = segment_id(exchange);
  const auto segment = id ? world_.segments.get(*id, *exchange.behaviour) : std::nullopt;
  return segment ? json_reply(200, *segment) : no_segment(exchange.target.path[2]);
}

HttpReply Api::update_segment(const Exchange& exchange) {
  if (exchange.request.header("x-restli-method") != "PARTIAL_UPDATE") {
    return error_reply(400, 0, "", "An update needs X-RestLi-Method: PARTIAL_UPDATE");
  }
  const json body = json::parse(exchange.request.body, nullptr, false);
  const json::json_pointer place("/patch/$set");
  if (!body.is_object() || !body.contains(place) || !body.at(place).is_object()) {
    return error_reply(400, 0, "", "The body is not {\"patch\":{\"$set\":{...}}}");
  }
  std::map<std::string, std::string> changes;
  for (const auto& [name, value] : body.at(place).items()) {
    if (!contains(kMutableFields, name) || !value.is_string()) {
      return error_reply(400, 0, "", "/patch/$set/" + name + " :: cannot be changed to this");
    }
    changes[name] = value.get<std::string>();
  }
  const auto id = segment_id(exchange);
  if (!id || !world_.segments.update(*id, changes)) return no_segment(exchange.target.path[2]);
  HttpReply reply;
  reply.status = static_cast<int>(exchange.behaviour->update_status);
  reply.content_type.clear();
  return reply;
}

HttpReply Api::delete_segment(const Exchange& exchange) {
  const auto id = segment_id(exchange);
  if (!id || !world_.segments.remove(*id)) return no_segment(exchange.target.path[2]);
  HttpReply reply;
  reply.status = 204;
  reply.content_type.clear();
  return reply;
}

HttpReply Api::add_destination(const Exchange& exchange) {
  const json body = json::parse(exchange.request.body, nullptr, false);
  if (!body.is_object() || body.value("destination", json()) != "LINKEDIN") {
    return error_reply(400, 0, "", "The body is not {\"destination\":\"LINKEDIN\"}");
  }
  const auto id = segment_id(exchange);
  if (!id || !world_.segments.add_destination(*id)) return no_segment(exchange.target.path[2]);
  HttpReply reply;
  reply.status = 201;
  reply.content_type.clear();
  reply.headers.emplace_back(exchange.protocol2 ? "x-restli-id" : "x-linkedin-id", "LINKEDIN");
  return reply;
}

HttpReply Api::get_destination(const Exchange& exchange) const {
  const auto id = segment_id(exchange);
  const auto segment = id ? world_.segments.get(*id, *exchange.behaviour) : std::nullopt;
  if (!segment) return no_segment(exchange.target.path[2]);
  const json& destinations = segment->at("destinations");
  if (exchange.target.path[4] != "LINKEDIN" || destinations.empty()) {
    return error_reply(404, 0, "RESOURCE_NOT_FOUND", "The segment has no such destination");
  }
  return json_reply(200, destinations.front());
}

}  // namespace linkedin_sandbox
