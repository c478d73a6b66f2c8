#include "services/volume.hpp"

#include <sys/statvfs.h>

#include <array>
#include <cstdio>
#include <filesystem>

namespace penstock::services {
namespace {

std::string in_mebibytes(std::uint64_t bytes) {
  constexpr double kMebibyte = 1024.0 * 1024.0;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f MiB", static_cast<double>(bytes) / kMebibyte);
  return text.data();
}

}  // namespace

std::optional<Volume> Volume::of(const std::string& path) {
  struct statvfs found {};
  std::filesystem::path place(path);
  while (::statvfs(place.empty() ? "." : place.c_str(), &found) != 0) {
    if (place.empty() || place == place.parent_path()) return std::nullopt;
    place = place.parent_path();
  }
  Volume volume;
  volume.free_bytes = static_cast<std::uint64_t>(found.f_bavail) * found.f_frsize;
  volume.total_bytes = static_cast<std::uint64_t>(found.f_blocks) * found.f_frsize;
  // File systems without a fixed number of them say 0 of 0.
  volume.has_inodes = found.f_files == 0 || found.f_favail > 0;
  volume.read_only = (found.f_flag & ST_RDONLY) != 0;
  return volume;
}

std::string Volume::words() const {
  if (!has_inodes) return "it can hold no further file (no inode is free)";
  return in_mebibytes(free_bytes) + " of " + in_mebibytes(total_bytes) + " are free";
}

}  // namespace penstock::services
