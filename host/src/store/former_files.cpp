#include "store/former_files.hpp"

#include <charconv>
#include <cstdint>

namespace penstock::store {
namespace {

// Fields one after another: numbers end with a space, a text has its length before it.
class Fields {
 public:
  explicit Fields(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool ended() const { return rest_.empty(); }

  bool read(std::uint64_t& number) {
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), number);
    if (error != std::errc() || end == rest_.data() + rest_.size() || *end != ' ') return false;
    rest_.remove_prefix(static_cast<std::size_t>(end + 1 - rest_.data()));
    return true;
  }

  bool read(std::string& text) {
    std::uint64_t size = 0;
    if (!read(size) || size > rest_.size()) return false;
    text = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }

 private:
  std::string_view rest_;
};

void append_field(std::string& out, std::uint64_t number) {
  out += std::to_string(number);
  out += ' ';
}

void append_field(std::string& out, const std::string& text) {
  append_field(out, text.size());
  out += text;
}

}  // namespace

std::string text_of(const std::vector<FilePosition>& files) {
  std::string out;
  for (const FilePosition& file : files) {
    append_field(out, file.path);
    for (const std::uint64_t number : {file.device, file.inode, file.offset, file.fingerprint_size})
      append_field(out, number);
    append_field(out, file.fingerprint);
    append_field(out, file.tail_size);
    append_field(out, file.tail);
  }
  return out;
}

std::optional<std::vector<FilePosition>> files_of(std::string_view text) {
  std::vector<FilePosition> files;
  Fields fields(text);
  while (!fields.ended()) {
    FilePosition& file = files.emplace_back();
    const bool whole = fields.read(file.path) && fields.read(file.device) &&
                       fields.read(file.inode) && fields.read(file.offset) &&
                       fields.read(file.fingerprint_size) && fields.read(file.fingerprint) &&
                       fields.read(file.tail_size) && fields.read(file.tail);
    if (!whole) return std::nullopt;
  }
  return files;
}

}  // namespace penstock::store
