// TokenStore: the tokens of a connection on disk, in state_dir/tokens/CONNECTION.json.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "model/status.hpp"
#include "services/token_set.hpp"

namespace penstock::services {

// Held while tokens are renewed or replaced: `run` and the `auth` commands never do so at once. The
// kernel frees it when the process ends. [any-thread]
class TokenLock {
 public:
  TokenLock(TokenLock&& other) noexcept;
  TokenLock& operator=(TokenLock&& other) noexcept;
  TokenLock(const TokenLock&) = delete;
  TokenLock& operator=(const TokenLock&) = delete;
  ~TokenLock();

 private:
  friend class TokenStore;
  explicit TokenLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

// Tells one content of the file from another without reading it.
struct TokenStamp {
  std::uint64_t inode = 0;  // 0: there is no file
  std::int64_t changed_ns = 0;
  std::int64_t size = 0;

  bool operator==(const TokenStamp&) const = default;
};

// Files are 0600 in a directory of 0700, and replaced as a whole: a reader sees the tokens of
// before or those of after, also over a crash. Reading needs no lock. [any-thread]
class TokenStore {
 public:
  // `connection`: its name in the pipeline. In the file's name, bytes other than letters, digits,
  // "_", "-" and "." are written as %XX.
  TokenStore(const std::string& state_dir, const std::string& connection);

  // [may-block] Makes the directories that are missing, and waits for whoever holds the lock.
  // StatusCode::unavailable when `cancelled` says so or after kLockTimeout, else StatusCode::io.
  [[nodiscard]] Result<TokenLock> lock(const std::function<bool()>& cancelled) const;

  // Nothing when there is no file. StatusCode::damaged when it does not hold what save() wrote, or
  // was written by a newer version; the message says which file and what to do, and shows nothing
  // of it.
  [[nodiscard]] Result<std::optional<TokenSet>> load() const;
  // Both under the lock. When save() has returned, the tokens are on the disk.
  [[nodiscard]] Status save(const TokenSet& tokens, const TokenLock& lock) const;
  // False: there was none.
  [[nodiscard]] Result<bool> remove(const TokenLock& lock) const;

  // A look at the file's attributes only. What cannot be looked at is not there.
  [[nodiscard]] TokenStamp stamp() const;
  [[nodiscard]] const std::string& path() const { return path_; }

  // Longer than a renewal with all its attempts takes.
  static constexpr int kLockTimeoutSeconds = 150;

 private:
  const std::string state_dir_;
  const std::string connection_;
  const std::string directory_;
  const std::string path_;
  const std::string lock_path_;
};

// Of the tokens that a pipeline configures: tells whether they are others than before, and cannot
// be turned back into them. `earlier`: a fingerprint to compare with, whose key is used; "" for a
// new key. Returns "KEY:HASH", equal to `earlier` when the tokens are the same; "" without tokens.
[[nodiscard]] std::string token_fingerprint(const Secret& access_token, const Secret& refresh_token,
                                            const std::string& earlier);

// Which of the stored and the configured tokens hold. Tokens of a login or of `auth set` hold until
// they are removed. Configured ones hold once they were changed; until then, what they were renewed
// to.
[[nodiscard]] TokenSet choose_tokens(const std::optional<TokenSet>& stored,
                                     const Secret& access_token, const Secret& refresh_token);

}  // namespace penstock::services
