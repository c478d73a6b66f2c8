// NoticeBoard: what plugins raise during a run, gathered for the dispatching thread as issues.
#pragma once

#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "model/issue.hpp"
#include "services/destination_services.hpp"

namespace penstock {

class NoticeBoard {
 public:
  // Different codes that a destination may have told in a run. What comes beyond them is counted
  // as one issue, so that a plugin that makes codes up fills neither memory nor store.
  static constexpr std::size_t kMaxCodes = 256;

  // Adds a notice. True when the destination had not told this code before: worth a line of the
  // log. [any-thread]
  bool add(std::uint32_t destination, services::Notice notice);
  // Takes what has come since the last time: an issue for each destination and code. [any-thread]
  [[nodiscard]] std::vector<Issue> take();

 private:
  std::mutex mutex_;
  std::vector<Issue> waiting_;                             // guarded by mutex_
  std::set<std::pair<std::uint32_t, std::string>> codes_;  // guarded by mutex_
};

}  // namespace penstock
