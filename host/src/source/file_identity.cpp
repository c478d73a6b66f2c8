#include "source/file_identity.hpp"

#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace penstock::source {
namespace {

// Up to `size` bytes from the file's start.
Result<std::string> beginning_of(int fd, const std::string& path, std::uint64_t size) {
  std::string bytes(std::min<std::uint64_t>(size, kFingerprintBytes), '\0');
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t count =
        ::pread(fd, bytes.data() + filled, bytes.size() - filled, static_cast<off_t>(filled));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0)
      return Status(StatusCode::io,
                    "Could not read the beginning of " + path + ": " + std::strerror(errno));
    if (count == 0) break;
    filled += static_cast<std::size_t>(count);
  }
  bytes.resize(filled);
  return bytes;
}

Result<std::string> sha256_hex(const std::string& bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1)
    return Status(StatusCode::internal, "OpenSSL could not compute a SHA-256");
  constexpr char kHex[] = "0123456789abcdef";
  std::string hex;
  for (unsigned i = 0; i < size; ++i) {
    hex += kHex[digest[i] >> 4U];
    hex += kHex[digest[i] & 15U];
  }
  return hex;
}

}  // namespace

Status extend_fingerprint(int fd, std::uint64_t size, FileIdentity& identity) {
  ASSIGN_OR_RETURN(const std::string bytes, beginning_of(fd, identity.path, size));
  ASSIGN_OR_RETURN(identity.fingerprint, sha256_hex(bytes));
  identity.fingerprint_size = bytes.size();
  return {};
}

Result<FileIdentity> identify(int fd, const std::string& path) {
  FileIdentity identity;
  identity.path = path;
  struct stat info {};
  if (::fstat(fd, &info) != 0)
    return Status(StatusCode::io, "Could not look at " + path + ": " + std::strerror(errno));
  identity.device = info.st_dev;
  identity.inode = info.st_ino;
  RETURN_IF_ERROR(extend_fingerprint(fd, kFingerprintBytes, identity));
  return identity;
}

Result<bool> begins_as(int fd, const std::string& path, std::uint64_t fingerprint_size,
                       const std::string& fingerprint) {
  ASSIGN_OR_RETURN(const std::string bytes, beginning_of(fd, path, fingerprint_size));
  if (bytes.size() != fingerprint_size) return false;
  ASSIGN_OR_RETURN(const std::string found, sha256_hex(bytes));
  return found == fingerprint;
}

SavedPosition saved_position(const FileIdentity& identity, std::uint64_t offset) {
  return {identity.path, identity.device,           identity.inode,
          offset,        identity.fingerprint_size, identity.fingerprint};
}

}  // namespace penstock::source
