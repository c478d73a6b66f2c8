// Resumption: where to go on in the files of a saved position.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/pipeline_config.hpp"
#include "source/file_descriptor.hpp"
#include "source/rotation.hpp"
#include "source/source.hpp"

namespace penstock::source {

// A file to be read, and from where on.
struct Beginning {
  FileDescriptor fd;
  FilePosition at;
};

class Resumption {
 public:
  // `saved`: nothing when no position was saved, or none is to be used. All must outlive this.
  Resumption(const SourceConfig& config, const std::optional<SavedPosition>& saved,
             const Notify& notify)
      : config_(config), saved_(saved), notify_(notify) {}

  // The path names this regular file.
  [[nodiscard]] Result<Beginning> with_file(FileDescriptor fd) const;
  // The path names nothing, and is followed: the file that it named before, should that lie
  // somewhere under another name. Else not open.
  [[nodiscard]] Result<Beginning> without_file() const;
  // The files before that one which may still have grown.
  [[nodiscard]] Result<std::vector<Beginning>> former_files() const;
  // ". 8 bytes of ... were read before. ...": for an error; "" if none were.
  [[nodiscard]] std::string hint_without_file() const;

 private:
  void say(Notice::Weight weight, std::string text) const;
  [[nodiscard]] Result<Beginning> go_on_in(MovedFile found) const;
  [[nodiscard]] std::string place_of_former(const MovedFile& found) const;
  void say_what_is_found(Resemblance resemblance, const std::string& elsewhere) const;

  const SourceConfig& config_;
  const std::optional<SavedPosition>& saved_;
  const Notify& notify_;
};

// The open file from the offset of `saved` on, which it has.
[[nodiscard]] Result<Beginning> begin_at(FileDescriptor fd, const std::string& path,
                                         const FilePosition& saved);

}  // namespace penstock::source
