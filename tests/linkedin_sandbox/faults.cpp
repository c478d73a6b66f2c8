#include "faults.hpp"

#include "random.hpp"

namespace linkedin_sandbox {

bool FaultInjector::happens(const char* name, double probability, std::uint64_t request,
                            std::uint64_t element, const Behaviour& behaviour) {
  if (probability <= 0) return false;
  // Each fault has a chance of its own, so that switching one on does not move the others.
  if (unit_interval(mix(mix(seed_, request), mix(hash_text(name), element))) >= probability) {
    return false;
  }
  const std::lock_guard lock(mutex_);
  if (behaviour.max_faults > 0 && budget_used_ >= behaviour.max_faults) return false;
  ++budget_used_;
  ++injected_[name];
  return true;
}

ServerError FaultInjector::draw_server_error(std::uint64_t request,
                                             const Behaviour& behaviour) const {
  const std::uint64_t drawn = mix(seed_, mix(request, hash_text("server error")));
  const auto& statuses = behaviour.server_error_statuses;
  const auto& bodies = behaviour.server_error_bodies;
  return {std::stoi(statuses[drawn % statuses.size()]), bodies[(drawn >> 32) % bodies.size()]};
}

std::string FaultInjector::draw_late_way(std::uint64_t request, const Behaviour& behaviour) const {
  const auto& ways = behaviour.late_execution_ways;
  return ways[mix(seed_, mix(request, hash_text("late way"))) % ways.size()];
}

// Of the whole request: after so many faulty ones in a row it is somebody's turn to be served.
bool FaultInjector::spared(const Behaviour& behaviour) {
  const std::lock_guard lock(mutex_);
  const bool enough = behaviour.max_faults_in_a_row > 0 && row_ >= behaviour.max_faults_in_a_row;
  if (enough) row_ = 0;
  return enough;
}

RequestFaults FaultInjector::draw(std::uint64_t request, Work work, const Behaviour& behaviour) {
  const auto drawn = [&](const char* name, double probability) {
    return happens(name, probability, request, 0, behaviour);
  };
  RequestFaults faults;
  if (spared(behaviour)) return faults;
  faults.delay = drawn("delay", behaviour.delay);
  faults.close_connection = drawn("close_connection", behaviour.close_connection);
  if (drawn("reset_before_commit", behaviour.reset_before_commit)) {
    faults.reset_before_commit = true;
  } else if (drawn("throttle", behaviour.throttle)) {
    faults.throttle = true;
  } else if (drawn("server_error", behaviour.server_error)) {
    faults.server_error = draw_server_error(request, behaviour);
  } else if (work == Work::create) {
    faults.reset_after_commit = drawn("lose_create_reply", behaviour.lose_create_reply);
  } else if (work == Work::batch) {
    const double late = parse_late_execution(behaviour.late_execution)->probability;
    if (drawn("late_execution", late)) {
      faults.late_execution = true;
      faults.late_way = draw_late_way(request, behaviour);
      if (faults.late_way == "error") faults.server_error = draw_server_error(request, behaviour);
    } else if (drawn("reset_after_commit", behaviour.reset_after_commit)) {
      faults.reset_after_commit = true;
    } else if (drawn("late_server_error", behaviour.late_server_error)) {
      faults.late_server_error = draw_server_error(request, behaviour);
    } else if (drawn("truncate_reply", behaviour.truncate_reply)) {
      faults.truncate_reply = true;
    } else if (drawn("missing_elements", behaviour.missing_elements)) {
      faults.missing_elements = true;
    } else {
      faults.short_elements = drawn("short_elements", behaviour.short_elements);
    }
  }
  const bool faulty = faults.reset_before_commit || faults.throttle || faults.server_error ||
                      faults.reset_after_commit || faults.late_server_error ||
                      faults.truncate_reply || faults.missing_elements || faults.short_elements ||
                      faults.late_execution;
  const std::lock_guard lock(mutex_);
  row_ = faulty ? row_ + 1 : 0;
  return faults;
}

ElementFault FaultInjector::draw_element(std::uint64_t request, std::size_t element,
                                         const Behaviour& behaviour) {
  if (happens("element_throttle", behaviour.element_throttle, request, element, behaviour)) {
    return ElementFault::throttle;
  }
  if (happens("element_error", behaviour.element_error, request, element, behaviour)) {
    return ElementFault::error;
  }
  return ElementFault::none;
}

std::map<std::string, std::uint64_t> FaultInjector::injected() const {
  const std::lock_guard lock(mutex_);
  return injected_;
}

void FaultInjector::restart_budget() {
  const std::lock_guard lock(mutex_);
  budget_used_ = 0;
}

void FaultInjector::reset() {
  const std::lock_guard lock(mutex_);
  row_ = 0;
  budget_used_ = 0;
  injected_.clear();
}

}  // namespace linkedin_sandbox
