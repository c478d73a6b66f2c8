#include "notice_board.hpp"

#include <algorithm>

namespace penstock {

bool NoticeBoard::add(std::uint32_t destination, services::Notice notice) {
  const std::lock_guard lock(mutex_);
  const auto known = [&](const std::string& code) {
    return codes_.find({destination, code}) != codes_.end();
  };
  const auto told = static_cast<std::size_t>(std::count_if(
      codes_.begin(), codes_.end(), [&](const auto& entry) { return entry.first == destination; }));
  if (told >= kMaxCodes && !known(notice.code)) {
    notice.code = "more_notices";
    notice.message =
        "The plugin told more than " + std::to_string(kMaxCodes) +
        " different codes; further ones are only counted here. Report this to the plugin's author";
  }
  const bool fresh = codes_.emplace(destination, notice.code).second;
  const auto severity =
      notice.level == services::LogLevel::error ? Issue::Severity::error : Issue::Severity::warning;
  const auto issue = std::find_if(waiting_.begin(), waiting_.end(), [&](const Issue& other) {
    return other.destination == destination && other.code == notice.code;
  });
  if (issue == waiting_.end()) {
    waiting_.push_back({severity, destination, Issue::kAllMappings, std::move(notice.code),
                        std::move(notice.message), 1});
  } else {
    ++issue->count;
    issue->message = std::move(notice.message);
    issue->severity = std::max(issue->severity, severity);
  }
  return fresh;
}

std::vector<Issue> NoticeBoard::take() {
  std::vector<Issue> taken;
  const std::lock_guard lock(mutex_);
  taken.swap(waiting_);
  return taken;
}

}  // namespace penstock
