#include "services/run_record.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include "gate/foreign_text.hpp"

namespace penstock::services {

namespace {

constexpr mode_t kPrivateFile = 0600;
// Lines are a sentence or two. What is longer was not written by a run.
constexpr std::size_t kMaxMessageBytes = 1500;
constexpr std::size_t kMaxFileBytes = 8 * 1024;

constexpr std::string_view kStarted = "started ";
constexpr std::string_view kEnded = "ended ";
constexpr std::string_view kFault = "fault ";

// Of the run that goes on, or -1.
std::atomic<int> going_on{-1};

Status write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(descriptor, text.data(), text.size());
    if (count >= 0) {
      text.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno != EINTR) {
      return {StatusCode::io, "how the run went cannot be kept in " +
                                  std::string(RunRecord::kFile) + ": " + std::strerror(errno)};
    }
  }
  return {};
}

template <typename Number>
bool take_number(std::string_view& text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (text.starts_with(' ')) text.remove_prefix(1);
  return true;
}

}  // namespace

Result<RunRecord> RunRecord::begin(const std::string& state_dir, std::int64_t now_ms) {
  const std::string path = state_dir + "/" + kFile;
  RunRecord record(
      ::open(path.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW, kPrivateFile));
  if (record.descriptor_ < 0 || ::ftruncate(record.descriptor_, 0) != 0) {
    return Status(StatusCode::io,
                  "how the run goes cannot be kept in " + path + ": " + std::strerror(errno));
  }
  RETURN_IF_ERROR(
      write_all(record.descriptor_, std::string(kStarted) + std::to_string(now_ms) + "\n"));
  going_on.store(record.descriptor_);
  return record;
}

RunRecord::RunRecord(RunRecord&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

RunRecord::~RunRecord() {
  if (descriptor_ < 0) return;
  int mine = descriptor_;
  going_on.compare_exchange_strong(mine, -1);
  ::close(descriptor_);
}

Status RunRecord::end(std::int64_t now_ms, int exit_code, std::string_view message) {
  std::string line(kEnded);
  line += std::to_string(now_ms) + " " + std::to_string(exit_code) + " ";
  line += gate::foreign_text(message, kMaxMessageBytes) + "\n";
  return write_all(descriptor_, line);
}

void record_fault(const char* line, std::size_t size) noexcept {
  const int descriptor = going_on.load();
  if (descriptor < 0) return;
  // Nothing can be done where the disk refuses: the process ends.
  for (const std::string_view part :
       {kFault, std::string_view(line, size), std::string_view("\n")}) {
    if (::write(descriptor, part.data(), part.size()) < 0) return;
  }
}

std::optional<LastRun> parse_last_run(std::string_view text) {
  LastRun run;
  bool started = false;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.starts_with(kStarted)) {
      line.remove_prefix(kStarted.size());
      started = take_number(line, run.started_ms);
    } else if (line.starts_with(kEnded) && !run.fault) {
      line.remove_prefix(kEnded.size());
      run.by_itself = take_number(line, run.ended_ms) && take_number(line, run.exit_code);
      run.message = gate::foreign_text(line, kMaxMessageBytes);
    } else if (line.starts_with(kFault)) {
      run.fault = true;
      run.by_itself = false;
      run.message = gate::foreign_text(line.substr(kFault.size()), kMaxMessageBytes);
    }
  }
  if (!started) return std::nullopt;
  return run;
}

std::optional<LastRun> last_run(const std::string& state_dir) {
  const std::string path = state_dir + "/" + RunRecord::kFile;
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (descriptor < 0) return std::nullopt;
  std::array<char, kMaxFileBytes> buffer{};
  std::size_t size = 0;
  while (size < buffer.size()) {
    const ssize_t count = ::read(descriptor, buffer.data() + size, buffer.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    size += static_cast<std::size_t>(count);
  }
  ::close(descriptor);
  return parse_last_run({buffer.data(), size});
}

}  // namespace penstock::services
