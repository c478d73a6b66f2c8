// FileIdentity: which file this is, so that it is known again after a restart and another one in
// its place is noticed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "model/source_position.hpp"
#include "model/status.hpp"

namespace penstock::source {

// How much of a file's beginning tells it from others: a few events, each with ids and times of its
// own. One page is read at once.
inline constexpr std::size_t kFingerprintBytes = 4096;

struct FileIdentity {
  std::string path;  // under which it was opened
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t fingerprint_size = 0;  // at most kFingerprintBytes
  std::string fingerprint;             // SHA-256, hex, of that many bytes from its start
};

// The identity of an open regular file, by as much of its beginning as there is. StatusCode::io
// when it cannot be read.
[[nodiscard]] Result<FileIdentity> identify(int fd, const std::string& path);

// Takes more of the beginning into the fingerprint, up to `size` bytes, all of which the file is
// known to have.
[[nodiscard]] Status extend_fingerprint(int fd, std::uint64_t size, FileIdentity& identity);

// Whether the file still begins with what was fingerprinted; false also when it is shorter.
[[nodiscard]] Result<bool> begins_as(int fd, const std::string& path,
                                     std::uint64_t fingerprint_size,
                                     const std::string& fingerprint);

[[nodiscard]] SavedPosition saved_position(const FileIdentity& identity, std::uint64_t offset);

}  // namespace penstock::source
