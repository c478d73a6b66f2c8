// The directory in which a pipeline keeps what must outlive the process.
#pragma once

#include <string>

#include "model/status.hpp"

namespace penstock::services {

// Makes the directory (and the missing ones above it), readable by its owner only, or checks the
// one that is there: it must be a directory, and one that others may enter is reported in the log.
// [control-thread]
[[nodiscard]] Status prepare_state_dir(const std::string& path);

// StatusCode::configuration where others than its owner, this user, can write to the directory:
// they could put links in the place of its files, and tokens of theirs. One that does not exist is
// fine. To be asked once, before anything is written there. [any-thread]
[[nodiscard]] Status refuse_shared_state_dir(const std::string& path);

// Makes the directory for tokens in state_dir (0700), or checks the one that is there: no link,
// owned by this user or by the owner of state_dir, and writable by nobody else. [any-thread]
[[nodiscard]] Status prepare_token_dir(const std::string& state_dir, const std::string& path);
// The same without making it: one that does not exist is fine.
[[nodiscard]] Status check_token_dir(const std::string& state_dir, const std::string& path);

// Makes an empty file there, or takes the one that is there, readable and writable by its owner
// only. Whatever is no plain file, such as a link, is refused. [control-thread]
[[nodiscard]] Status prepare_private_file(const std::string& path);

// StatusCode::io where the path names a link or anything else that is no plain file; what does not
// exist is fine. [any-thread]
[[nodiscard]] Status refuse_link(const std::string& path);

}  // namespace penstock::services
