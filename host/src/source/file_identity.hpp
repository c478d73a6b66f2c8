// Which file this is, so that it is known again after a restart and another one in its place is
// noticed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "model/source_position.hpp"
#include "model/status.hpp"

namespace penstock::source {

// How much of a file's beginning, and of what was read last, tells it from others: a few events,
// each with ids and times of its own. One page is read at once.
inline constexpr std::size_t kFingerprintBytes = 4096;

// The start of an open regular file, told from others by as much of its beginning as there is.
// `path`: under which it was opened. StatusCode::io when it cannot be read.
[[nodiscard]] Result<FilePosition> identify(int fd, const std::string& path);

// Takes more of the beginning into the fingerprint, up to `size` bytes, all of which the file is
// known to have.
[[nodiscard]] Status extend_fingerprint(int fd, std::uint64_t size, FilePosition& position);

// Whether the file still begins with what was fingerprinted; false also when it is shorter.
[[nodiscard]] Result<bool> begins_as(int fd, const FilePosition& position);

// Whether what was read last still stands before the offset. Of a position without a tail, as
// version 2 of the store had it: whether a line ends there.
[[nodiscard]] Result<bool> continues_as(int fd, const FilePosition& position);

// SHA-256 in hex.
[[nodiscard]] Result<std::string> checksum(std::string_view bytes);

// Up to `size` bytes from the offset on, fewer at the file's end. `path`: for messages.
[[nodiscard]] Result<std::string> bytes_at(int fd, const std::string& path, std::uint64_t offset,
                                           std::size_t size);

}  // namespace penstock::source
