#include "source/file_identity.hpp"

#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace penstock::source {

Result<std::string> bytes_at(int fd, const std::string& path, std::uint64_t offset,
                             std::size_t size) {
  std::string bytes(size, '\0');
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t count = ::pread(fd, bytes.data() + filled, bytes.size() - filled,
                                  static_cast<off_t>(offset + filled));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      return Status(StatusCode::io, "Could not read " + path + " at byte " +
                                        std::to_string(offset + filled) + ": " +
                                        std::strerror(errno));
    }
    if (count == 0) break;
    filled += static_cast<std::size_t>(count);
  }
  bytes.resize(filled);
  return bytes;
}

Result<std::string> checksum(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1)
    return Status(StatusCode::internal, "OpenSSL could not compute a SHA-256");
  constexpr char kHex[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(std::size_t{2} * size);
  for (unsigned i = 0; i < size; ++i) {
    hex += kHex[digest[i] >> 4U];
    hex += kHex[digest[i] & 15U];
  }
  return hex;
}

Status extend_fingerprint(int fd, std::uint64_t size, FilePosition& position) {
  ASSIGN_OR_RETURN(
      const std::string bytes,
      bytes_at(fd, position.path, 0, std::min<std::uint64_t>(size, kFingerprintBytes)));
  ASSIGN_OR_RETURN(position.fingerprint, checksum(bytes));
  position.fingerprint_size = bytes.size();
  return {};
}

Result<FilePosition> identify(int fd, const std::string& path) {
  FilePosition position;
  std::error_code error;
  position.path = std::filesystem::canonical(path, error).string();
  if (error) position.path = path;
  struct stat info {};
  if (::fstat(fd, &info) != 0)
    return Status(StatusCode::io, "Could not look at " + path + ": " + std::strerror(errno));
  position.device = info.st_dev;
  position.inode = info.st_ino;
  RETURN_IF_ERROR(extend_fingerprint(fd, kFingerprintBytes, position));
  return position;
}

Result<bool> begins_as(int fd, const FilePosition& position) {
  const auto size = std::min<std::uint64_t>(position.fingerprint_size, kFingerprintBytes);
  ASSIGN_OR_RETURN(const std::string bytes, bytes_at(fd, position.path, 0, size));
  if (bytes.size() != position.fingerprint_size) return false;
  ASSIGN_OR_RETURN(const std::string found, checksum(bytes));
  return found == position.fingerprint;
}

Result<bool> continues_as(int fd, const FilePosition& position) {
  if (position.offset == 0) return true;
  if (position.tail_size == 0) {
    ASSIGN_OR_RETURN(const std::string bytes, bytes_at(fd, position.path, position.offset - 1, 2));
    return bytes.size() == 1 || bytes.find('\n') != std::string::npos;
  }
  if (position.tail_size > std::min<std::uint64_t>(position.offset, kFingerprintBytes))
    return false;
  ASSIGN_OR_RETURN(
      const std::string bytes,
      bytes_at(fd, position.path, position.offset - position.tail_size, position.tail_size));
  if (bytes.size() != position.tail_size) return false;
  ASSIGN_OR_RETURN(const std::string found, checksum(bytes));
  return found == position.tail;
}

}  // namespace penstock::source
