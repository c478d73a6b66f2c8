#include <algorithm>

#include "api.hpp"

namespace linkedin_sandbox {
namespace {

using nlohmann::json;

constexpr int kServiceUnavailable = 503;

// The results of a batch as text: thousands of equal entries are the usual case.
class Results {
 public:
  Results(std::size_t elements, const std::string& batch_index) : batch_index_(batch_index) {
    text_.reserve(elements * 16);
  }

  void created() { add(R"({"status":201})"); }
  void failed(int status, const std::string& message, std::size_t index) {
    json result = {{"status", status}, {"error", {{"status", status}, {"message", message}}}};
    if (batch_index_ == "error") result["error"]["batchIndex"] = index;
    if (batch_index_ == "element") result["batchIndex"] = index;
    if (batch_index_ == "from_one") result["batchIndex"] = index + 1;
    add(result.dump(-1, ' ', false, json::error_handler_t::replace));
  }
  [[nodiscard]] std::string body() const { return "{\"elements\":[" + text_ + "]}"; }

 private:
  void add(const std::string& result) {
    if (!text_.empty()) text_ += ',';
    text_ += result;
  }
  const std::string& batch_index_;
  std::string text_;
};

// Refuses the persons that the behaviour names.
void refuse_named(const Behaviour& behaviour, Element& element) {
  const auto& refused = behaviour.refused_identifiers;
  for (const std::string& identifier : element.identifiers) {
    if (std::find(refused.begin(), refused.end(), identifier) != refused.end())
      element.problem = "/userIds names a person that is not accepted";
  }
}

void count_write(const Element& element, BatchTally& tally) {
  ++(element.remove ? tally.removed : tally.added);
}

}  // namespace

HttpReply Api::refuse_write(const Exchange& exchange, WriteOutcome outcome, std::int64_t segment) {
  if (outcome == WriteOutcome::wrong_type) {
    return error_reply(static_cast<int>(exchange.behaviour->wrong_segment_type_status), 0, "",
                       std::string("The type of segment ") + std::to_string(segment) +
                           " does not take " + exchange.route.name);
  }
  if (outcome == WriteOutcome::closed) {
    return error_reply(400, 0, "",
                       "Segment " + std::to_string(segment) + " does not take members any more");
  }
  return no_segment(std::to_string(segment));
}

HttpReply Api::write_members(Exchange& exchange, ElementKind kind) {
  const Behaviour& behaviour = *exchange.behaviour;
  const std::string& text = exchange.request.body;
  if (text.size() > static_cast<std::size_t>(behaviour.max_body_bytes)) {
    return error_reply(
        413, 0, "",
        "The body is larger than " + std::to_string(behaviour.max_body_bytes) + " bytes");
  }
  const auto segment = segment_id(exchange);
  if (!segment) return no_segment(exchange.target.path[2]);
  const auto& failing = behaviour.failing_audiences;
  if (!failing.empty() && std::find(failing.begin(), failing.end(),
                                    world_.segments.source_of(*segment)) != failing.end()) {
    return error_reply(kServiceUnavailable, 0, "", "The audience is not available");
  }
  const json body = json::parse(text, nullptr, false);
  if (!body.is_object()) return error_reply(400, 0, "", "The body is not a JSON record");
  const auto elements = body.find("elements");
  const bool has_elements = elements != body.end();
  if (has_elements && elements->is_array()) exchange.elements = elements->size();

  const std::string& method = exchange.request.header("x-restli-method");
  if (method == "BATCH_CREATE") {
    if (!has_elements || !elements->is_array()) {
      return error_reply(400, 0, "",
                         "/elements :: field is required but not found and has no default value");
    }
    return write_batch(exchange, kind, *segment, *elements);
  }
  if (has_elements || !(method.empty() || method == "CREATE")) {
    return error_reply(static_cast<int>(behaviour.missing_method_status), 0, "",
                       "ERROR :: /elements :: unrecognized field found but not allowed");
  }
  exchange.elements = 1;
  return write_single(exchange, kind, *segment, body);
}

HttpReply Api::write_single(Exchange& exchange, ElementKind kind, std::int64_t segment,
                            const json& element) {
  const Behaviour& behaviour = *exchange.behaviour;
  Element checked = check_element(element, kind);
  refuse_named(behaviour, checked);
  world_.traffic.note_batch(1, exchange.request.body.size(), false);
  BatchTally tally;
  const WriteOutcome possible = world_.segments.check(segment, kind, behaviour);
  if (possible != WriteOutcome::applied && possible != WriteOutcome::dropped) {
    return refuse_write(exchange, possible, segment);
  }
  if (!checked.problem.empty()) {
    tally.refused = 1;
    world_.traffic.note_result(tally);
    return error_reply(400, 0, "", "ERROR :: " + checked.problem);
  }
  std::vector<Write> writes;
  writes.push_back({checked.remove, checked.person,
                    behaviour.keep_attributes ? element_attributes(element) : json()});
  const WriteOutcome outcome = world_.segments.write(segment, kind, std::move(writes), behaviour);
  if (outcome == WriteOutcome::dropped) {
    tally.dropped = 1;
  } else if (outcome == WriteOutcome::applied) {
    count_write(checked, tally);
  } else {
    return refuse_write(exchange, outcome, segment);
  }
  world_.traffic.note_result(tally);
  HttpReply reply;
  reply.status = 201;
  reply.content_type.clear();
  return reply;
}

HttpReply Api::write_batch(Exchange& exchange, ElementKind kind, std::int64_t segment,
                           const json& elements) {
  const Behaviour& behaviour = *exchange.behaviour;
  std::vector<Element> checked;
  checked.reserve(elements.size());
  for (const json& element : elements) {
    checked.push_back(check_element(element, kind));
    refuse_named(behaviour, checked.back());
  }
  world_.traffic.note_batch(elements.size(), exchange.request.body.size(),
                            any_person_twice(checked));
  if (elements.size() > static_cast<std::size_t>(behaviour.max_batch_elements)) {
    return error_reply(
        static_cast<int>(behaviour.too_many_elements_status), 0, "",
        "A batch has at most " + std::to_string(behaviour.max_batch_elements) + " elements");
  }
  const WriteOutcome possible = world_.segments.check(segment, kind, behaviour);
  if (possible != WriteOutcome::applied && possible != WriteOutcome::dropped) {
    return refuse_write(exchange, possible, segment);
  }

  BatchTally tally;
  Results results(elements.size(), behaviour.batch_index);
  std::vector<Write> writes;
  writes.reserve(elements.size());
  const std::size_t shown = exchange.faults.short_elements ? elements.size() / 2 : elements.size();
  for (std::size_t i = 0; i < checked.size(); ++i) {
    const Element& element = checked[i];
    int status = 201;
    std::string message;
    if (!element.problem.empty()) {
      if (behaviour.legacy_batches) {
        return error_reply(400, 0, "",
                           "Index: " + std::to_string(i) + ", ERROR :: " + element.problem);
      }
      status = 400;
      message = element.problem;
      ++tally.refused;
    } else if (const ElementFault fault = world_.faults.draw_element(exchange.number, i, behaviour);
               fault == ElementFault::throttle) {
      status = 429;
      message = "Resource level throttle limit for calls to this resource is reached.";
      ++tally.throttled;
    } else if (fault == ElementFault::error) {
      status = 500;
      message = "Internal server error";
      ++tally.failed;
    } else {
      writes.push_back({element.remove, element.person,
                        behaviour.keep_attributes ? element_attributes(elements[i]) : json()});
      count_write(element, tally);
    }
    if (i >= shown) continue;
    if (status == 201) {
      results.created();
    } else {
      results.failed(status, message, i);
    }
  }

  const WriteOutcome outcome = world_.segments.write(segment, kind, std::move(writes), behaviour);
  if (outcome == WriteOutcome::dropped) {
    tally.dropped = tally.added + tally.removed;
    tally.added = tally.removed = 0;
  } else if (outcome != WriteOutcome::applied) {
    return refuse_write(exchange, outcome, segment);
  }
  world_.traffic.note_result(tally);
  HttpReply reply;
  reply.body = exchange.faults.missing_elements ? "{}" : results.body();
  return reply;
}

}  // namespace linkedin_sandbox
