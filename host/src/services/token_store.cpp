#include "services/token_store.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

#include "services/state_dir.hpp"

namespace penstock::services {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t kVersion = 1;
// Two tokens of the greatest length, and room for the rest.
constexpr std::size_t kMaxFileBytes = 64 * 1024;
constexpr mode_t kPrivateFile = 0600;
constexpr mode_t kOthers = 0077;
constexpr std::chrono::milliseconds kLockPoll{20};
constexpr std::size_t kFingerprintKeyBytes = 16;
// File systems take 255 bytes; this leaves room for an ending.
constexpr std::size_t kMaxFileName = 120;

Status refused(const std::string& what, const std::string& path, int error) {
  return {StatusCode::io, what + " " + path + ": " + std::generic_category().message(error) +
                              ". state_dir must be writable, and its disk must have room"};
}

Status no_lock(const std::string& path, int error) {
  return {StatusCode::io, "cannot lock " + path + ": " + std::generic_category().message(error) +
                              ". state_dir must be on a file system that keeps locks, such as a "
                              "local disk"};
}

Status damaged(const std::string& path, const std::string& what) {
  return {StatusCode::damaged, "the stored tokens in " + path + " cannot be used: " + what +
                                   ". Log in again: penstock auth login replaces the file"};
}

class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  ~File() { close(); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] int fd() const { return fd_; }
  int close() { return fd_ < 0 ? 0 : ::close(std::exchange(fd_, -1)); }

 private:
  int fd_;
};

Status write_whole(const std::string& path, const std::string& text) {
  File file(
      ::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, kPrivateFile));
  if (file.fd() < 0) return refused("cannot make", path, errno);
  // One that a crash left may have had other rights.
  if (::fchmod(file.fd(), kPrivateFile) != 0) return refused("cannot close to others", path, errno);
  for (std::size_t written = 0; written < text.size();) {
    const ssize_t count = ::write(file.fd(), text.data() + written, text.size() - written);
    if (count < 0 && errno != EINTR) return refused("cannot write", path, errno);
    if (count > 0) written += static_cast<std::size_t>(count);
  }
  if (::fsync(file.fd()) != 0) return refused("cannot bring to the disk", path, errno);
  if (file.close() != 0) return refused("cannot write", path, errno);
  return {};
}

Status sync_directory(const std::string& path) {
  const File directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.fd() < 0 || ::fsync(directory.fd()) != 0)
    return refused("cannot bring to the disk", path, errno);
  return {};
}

std::string to_text(const TokenSet& tokens, const std::string& connection) {
  Json json = {{"version", kVersion},
               {"connection", connection},
               {"origin", name_of(tokens.origin)},
               {"configured", tokens.configured},
               {"access_token", tokens.access_token.reveal()},
               {"access_obtained_ms", tokens.access_obtained_ms},
               {"access_expires_ms", tokens.access_expires_ms},
               {"refresh_token", tokens.refresh_token.reveal()},
               {"refresh_expires_ms", tokens.refresh_expires_ms},
               {"since_ms", tokens.since_ms},
               {"scopes", tokens.scopes}};
  if (tokens.refused) json["refused"] = true;
  if (!tokens.member.id.empty())
    json["member"] = {{"id", tokens.member.id}, {"name", tokens.member.name}};
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

// Reads members strictly: each once, of its type, and no others. Throws std::invalid_argument.
class Members {
 public:
  explicit Members(const Json& json) : json_(json) {}
  [[nodiscard]] std::string text(const char* name) {
    const Json& value = member(name);
    if (!value.is_string()) throw std::invalid_argument(std::string(name) + " is no text");
    return value.get<std::string>();
  }
  [[nodiscard]] Secret token(const char* name) {
    std::string value = text(name);
    if (!value.empty() && !is_token(value))
      throw std::invalid_argument(std::string(name) + " is no token");
    return Secret(std::move(value));
  }
  [[nodiscard]] std::int64_t time(const char* name) {
    const Json& value = member(name);
    if (!value.is_number_integer() || value.get<std::int64_t>() < 0)
      throw std::invalid_argument(std::string(name) + " is no time");
    return value.get<std::int64_t>();
  }
  [[nodiscard]] std::vector<std::string> texts(const char* name) {
    const Json& value = member(name);
    if (!value.is_array()) throw std::invalid_argument(std::string(name) + " is no list");
    std::vector<std::string> all;
    for (const Json& entry : value) {
      if (!entry.is_string()) throw std::invalid_argument(std::string(name) + " has no texts");
      all.push_back(entry.get<std::string>());
    }
    return all;
  }
  // One that may be missing.
  [[nodiscard]] bool flag(const char* name) {
    if (!json_.contains(name)) return false;
    const Json& value = member(name);
    if (!value.is_boolean())
      throw std::invalid_argument(std::string(name) + " is no true or false");
    return value.get<bool>();
  }
  [[nodiscard]] Member owner(const char* name) {
    if (!json_.contains(name)) return {};
    const Json& value = member(name);
    if (!value.is_object() || value.size() != 2 || !value.contains("id") ||
        !value["id"].is_string() || !value.contains("name") || !value["name"].is_string())
      throw std::invalid_argument(std::string(name) + " has not an id and a name");
    return {value["id"].get<std::string>(), value["name"].get<std::string>()};
  }
  void finish() const {
    if (json_.size() != read_) throw std::invalid_argument("it holds members that are not known");
  }

 private:
  const Json& member(const char* name) {
    const auto found = json_.find(name);
    if (found == json_.end()) throw std::invalid_argument(std::string(name) + " is missing");
    ++read_;
    return *found;
  }
  const Json& json_;
  std::size_t read_ = 1;  // version
};

TokenOrigin origin_of(const std::string& name) {
  for (const TokenOrigin origin :
       {TokenOrigin::configuration, TokenOrigin::login, TokenOrigin::set}) {
    if (name == name_of(origin)) return origin;
  }
  throw std::invalid_argument("origin is not known");
}

TokenSet from_json(const Json& json) {
  Members members(json);
  TokenSet tokens;
  (void)members.text("connection");  // for who looks at the file
  tokens.origin = origin_of(members.text("origin"));
  tokens.configured = members.text("configured");
  tokens.access_token = members.token("access_token");
  tokens.access_obtained_ms = members.time("access_obtained_ms");
  tokens.access_expires_ms = members.time("access_expires_ms");
  tokens.refresh_token = members.token("refresh_token");
  tokens.refresh_expires_ms = members.time("refresh_expires_ms");
  tokens.since_ms = members.time("since_ms");
  tokens.scopes = members.texts("scopes");
  tokens.refused = members.flag("refused");
  tokens.member = members.owner("member");
  members.finish();
  if (tokens.empty()) throw std::invalid_argument("it holds no token");
  return tokens;
}

std::string hex(const unsigned char* bytes, std::size_t count) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    text += kDigits[bytes[i] >> 4U];
    text += kDigits[bytes[i] & 15U];
  }
  return text;
}

std::string new_key() {
  std::array<unsigned char, kFingerprintKeyBytes> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
    throw std::runtime_error("the system gives no random numbers");
  return hex(bytes.data(), bytes.size());
}

std::string keyed_hash(const std::string& key, const std::string& text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned size = 0;
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(text.data()), text.size(), hash.data(),
           &size) == nullptr) {
    throw std::runtime_error("SHA-256 does not work");
  }
  return hex(hash.data(), size);
}

// A name of a pipeline may hold what no name of a file may.
std::string file_name(const std::string& connection) {
  std::string name;
  for (const char c : connection) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '_' || c == '-' || (c == '.' && !name.empty());
    const auto byte = static_cast<unsigned char>(c);
    name += plain ? std::string(1, c) : "%" + hex(&byte, 1);
  }
  if (name.size() <= kMaxFileName) return name;
  return name.substr(0, kMaxFileName / 2) + "%" +
         keyed_hash("", connection).substr(0, kMaxFileName / 2 - 1);
}

}  // namespace

TokenLock::TokenLock(TokenLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

TokenLock& TokenLock::operator=(TokenLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

TokenLock::~TokenLock() {
  if (fd_ >= 0) ::close(fd_);
}

TokenStore::TokenStore(const std::string& state_dir, const std::string& connection)
    : state_dir_(state_dir),
      connection_(connection),
      directory_(state_dir + "/tokens"),
      path_(directory_ + "/" + file_name(connection) + ".json"),
      lock_path_(directory_ + "/" + file_name(connection) + ".lock") {}

Result<TokenLock> TokenStore::lock(const std::function<bool()>& cancelled) const {
  RETURN_IF_ERROR(prepare_state_dir(state_dir_));
  RETURN_IF_ERROR(prepare_token_dir(state_dir_, directory_));
  RETURN_IF_ERROR(prepare_private_file(lock_path_));
  TokenLock lock(::open(lock_path_.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (lock.fd_ < 0) return refused("cannot open", lock_path_, errno);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(kLockTimeoutSeconds);
  for (;;) {
    struct flock wanted {};
    wanted.l_type = F_WRLCK;
    wanted.l_whence = SEEK_SET;
    if (::fcntl(lock.fd_, F_OFD_SETLK, &wanted) == 0) return lock;
    if (errno != EAGAIN && errno != EACCES && errno != EINTR) return no_lock(lock_path_, errno);
    if (cancelled() || std::chrono::steady_clock::now() >= end) {
      return Status{StatusCode::unavailable,
                    "another penstock works with the tokens of this connection (" + lock_path_ +
                        " is locked). Try again when it has finished"};
    }
    std::this_thread::sleep_for(kLockPoll);
  }
}

Result<std::optional<TokenSet>> TokenStore::load() const {
  RETURN_IF_ERROR(check_token_dir(state_dir_, directory_));
  const File file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (file.fd() < 0) {
    if (errno == ENOENT) return std::optional<TokenSet>();
    if (errno == EACCES) {
      return Status{StatusCode::io, path_ +
                                        " belongs to another user of this machine. Run every "
                                        "penstock of this pipeline as the same user, or give the "
                                        "file back with chown"};
    }
    return refused("cannot open", path_, errno);
  }
  struct stat status {};
  if (::fstat(file.fd(), &status) != 0) return refused("cannot look at", path_, errno);
  if ((status.st_mode & kOthers) != 0 && ::fchmod(file.fd(), kPrivateFile) != 0) {
    return Status{StatusCode::io, path_ +
                                      " holds tokens and is open to other users of this machine, "
                                      "which cannot be changed from here. Let its owner run: "
                                      "chmod 600 " +
                                      path_};
  }
  std::string text(kMaxFileBytes + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t count = ::read(file.fd(), text.data() + size, text.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return refused("cannot read", path_, errno);
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
  }
  if (size > kMaxFileBytes) return damaged(path_, "it is too large");
  text.resize(size);
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return damaged(path_, "it is not what was written there");
  const auto version = json.find("version");
  if (version == json.end() || !version->is_number_integer())
    return damaged(path_, "it does not say its version");
  if (version->get<std::int64_t>() > kVersion) {
    return Status{StatusCode::damaged, "the stored tokens in " + path_ +
                                           " were written by a newer version of Penstock. Use "
                                           "that version, or remove the file and log in again"};
  }
  if (version->get<std::int64_t>() != kVersion) return damaged(path_, "its version is not known");
  try {
    return std::optional(from_json(json));
  } catch (const std::invalid_argument& error) {
    return damaged(path_, error.what());
  }
}

Status TokenStore::save(const TokenSet& tokens, const TokenLock& /*lock*/) const {
  const std::string temporary = path_ + ".new";
  Status status = write_whole(temporary, to_text(tokens, connection_));
  if (status.ok() && ::rename(temporary.c_str(), path_.c_str()) != 0)
    status = refused("cannot replace", path_, errno);
  if (!status.ok()) {
    ::unlink(temporary.c_str());
    return status;
  }
  return sync_directory(directory_);
}

Result<bool> TokenStore::remove(const TokenLock& /*lock*/) const {
  // A crash between writing and replacing leaves tokens there.
  const std::string temporary = path_ + ".new";
  if (::unlink(temporary.c_str()) != 0 && errno != ENOENT)
    return refused("cannot remove", temporary, errno);
  if (::unlink(path_.c_str()) != 0) {
    if (errno == ENOENT) return false;
    return refused("cannot remove", path_, errno);
  }
  RETURN_IF_ERROR(sync_directory(directory_));
  return true;
}

TokenStamp TokenStore::stamp() const {
  struct stat status {};
  if (::lstat(path_.c_str(), &status) != 0) return {};
  constexpr std::int64_t kNanosPerSecond = 1'000'000'000;
  return {status.st_ino, status.st_mtim.tv_sec * kNanosPerSecond + status.st_mtim.tv_nsec,
          status.st_size};
}

std::string token_fingerprint(const Secret& access_token, const Secret& refresh_token,
                              const std::string& earlier) {
  if (access_token.empty() && refresh_token.empty()) return {};
  const std::size_t colon = earlier.find(':');
  const std::string key = colon == std::string::npos ? new_key() : earlier.substr(0, colon);
  return key + ":" +
         keyed_hash(key, std::to_string(access_token.reveal().size()) + ":" +
                             access_token.reveal() + refresh_token.reveal());
}

TokenSet choose_tokens(const std::optional<TokenSet>& stored, const Secret& access_token,
                       const Secret& refresh_token) {
  if (stored && stored->origin != TokenOrigin::configuration) return *stored;
  const std::string earlier = stored ? stored->configured : std::string();
  TokenSet configured;
  configured.access_token = access_token;
  configured.refresh_token = refresh_token;
  configured.configured = token_fingerprint(access_token, refresh_token, earlier);
  if (stored && configured.configured == earlier) return *stored;
  return configured;
}

}  // namespace penstock::services
