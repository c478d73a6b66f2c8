#include "services/state_reserve.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "services/volume.hpp"

namespace penstock::services {

bool StateReserve::make() {
  if (held_) return true;
  const auto volume = Volume::of(path_);
  return volume && volume->free_bytes >= kBytesToMake && make(kBytes);
}

bool StateReserve::make_smaller() {
  if (held_) return true;
  // For the record of how the run ended, and what rounding to blocks takes.
  constexpr std::uint64_t kLeft = 128ULL * 1024;
  const auto volume = Volume::of(path_);
  if (!volume || volume->free_bytes < kBytes / 4 + kLeft) return false;
  return make(std::min(kBytes, volume->free_bytes - kLeft));
}

bool StateReserve::make(std::uint64_t bytes) {
  ::unlink(path_.c_str());
  constexpr mode_t kPrivateFile = 0600;
  const int file =
      ::open(path_.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, kPrivateFile);
  if (file < 0) return false;
  held_ = ::posix_fallocate(file, 0, static_cast<off_t>(bytes)) == 0;
  ::close(file);
  // A quota may refuse what the volume would have.
  if (!held_) ::unlink(path_.c_str());
  return held_;
}

bool StateReserve::give_up() {
  held_ = false;
  return ::unlink(path_.c_str()) == 0;
}

}  // namespace penstock::services
