#include "config/text_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

namespace penstock::config {
namespace {

class OpenFile {
 public:
  explicit OpenFile(const std::string& path)
      : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  [[nodiscard]] int get() const { return descriptor_; }

 private:
  int descriptor_;
};

Status cannot_read(const std::string& path, int error) {
  std::string_view advice;
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      advice = "there is no such file; check the path";
      break;
    case EACCES:
      advice = "this user may not read it; change its permissions or the user";
      break;
    case EISDIR:
      advice = "it is a directory; give the path of a file";
      break;
    default:
      advice = std::strerror(error);
      break;
  }
  return {StatusCode::configuration, "cannot read " + path + ": " + std::string(advice)};
}

}  // namespace

Result<std::string> read_text_file(const std::string& path, std::size_t max_bytes) {
  const OpenFile file(path);
  if (file.get() < 0) return cannot_read(path, errno);
  std::string text;
  char buffer[16 * 1024];
  for (;;) {
    const ssize_t count = ::read(file.get(), buffer, sizeof buffer);
    if (count == 0) return text;
    if (count < 0) {
      if (errno == EINTR) continue;
      return cannot_read(path, errno);
    }
    text.append(buffer, static_cast<std::size_t>(count));
    if (text.size() > max_bytes) {
      return Status(StatusCode::configuration, "cannot read " + path + ": it is longer than " +
                                                   std::to_string(max_bytes) +
                                                   " bytes; check the path");
    }
  }
}

}  // namespace penstock::config
