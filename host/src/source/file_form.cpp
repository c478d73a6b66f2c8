#include "source/file_form.hpp"

#include <array>
#include <string>
#include <utility>

#include "model/event.hpp"

namespace penstock::source {
namespace {

// How much unfinished JSON has to be seen before it is believed that its first value is written
// over several lines: more than half a line that its writer never finished.
constexpr std::size_t kEnoughJson = 4096;

struct Magic {
  std::string_view bytes;
  FileForm form;
};
constexpr std::array<Magic, 5> kMagics = {{
    {std::string_view("\x1F\x8B\x08", 3), FileForm::gzip},
    {std::string_view("\x28\xB5\x2F\xFD", 4), FileForm::zstd},
    {std::string_view("BZh", 3), FileForm::bzip2},
    {std::string_view("\xFD"
                      "7zXZ\0",
                      6),
     FileForm::xz},
    {std::string_view("PK\x03\x04", 4), FileForm::zip},
}};

// Which UTF-16 the text is; `lines` for none.
FileForm utf16_form(std::string_view text) {
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) return FileForm::utf16;
  if (text.size() < 4) return FileForm::lines;
  if (text[0] != 0 && text[1] == 0 && text[2] != 0 && text[3] == 0) return FileForm::utf16_little;
  if (text[0] == 0 && text[1] != 0 && text[2] == 0 && text[3] != 0) return FileForm::utf16_big;
  return FileForm::lines;
}

// JSON has no carriage return within a string, so one between two objects parts them.
bool is_cr_only(std::string_view text) {
  if (text.find('\n') != std::string_view::npos) return false;
  for (std::size_t at = text.find('\r'); at != std::string_view::npos;
       at = text.find('\r', at + 1)) {
    const std::size_t before = text.substr(0, at).find_last_not_of(" \t\r");
    const std::size_t next = text.find_first_not_of(" \t\r", at);
    if (before != std::string_view::npos && text[before] == '}' && next != std::string_view::npos &&
        text[next] == '{') {
      return true;
    }
  }
  return false;
}

bool holds_event(std::string_view text) {
  EventParser parser;
  std::string padded;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    padded.assign(line);
    padded.reserve(line.size() + kEventPadding);
    if (parser.parse(padded).ok()) return true;
  }
  return false;
}

// Behind the first object of the text, which must begin with one; npos: it has no end.
std::size_t end_of_object(std::string_view text) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (in_string) {
      if (c == '\\') ++at;
      if (c == '"') in_string = false;
      continue;
    }
    if (c == '"') in_string = true;
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) return at + 1;
  }
  return std::string_view::npos;
}

// Of text that is one line, with or without its end.
FileForm form_of_line(std::string_view line) {
  constexpr std::string_view kBlank(" \t\r\n\0", 5);
  line.remove_prefix(std::min(line.find_first_not_of(kBlank), line.size()));
  const auto follows = [&](std::size_t place, char c) {
    const std::size_t next = line.find_first_not_of(kBlank, place);
    return next != std::string_view::npos && line[next] == c;
  };
  if (line.starts_with('[') && follows(1, '{')) return FileForm::json_array;
  if (!line.starts_with('{') || line.find('\n') != std::string_view::npos) return FileForm::lines;
  const std::size_t first = end_of_object(line);
  if (first == std::string_view::npos || !follows(first, '{')) return FileForm::lines;
  // A second one that is whole, too: not a line that its writer began anew.
  const std::size_t next = line.find('{', first);
  return end_of_object(line.substr(next)) == std::string_view::npos ? FileForm::lines
                                                                    : FileForm::json_in_a_row;
}

// Reads JSON values one after another, and knows which of them span lines. Looks at brackets,
// separators and strings only: enough to tell JSON from lines that are none.
class JsonScan {
 public:
  explicit JsonScan(std::string_view text) : text_(text) {}

  FileForm form() {
    for (const char c : text_) {
      if (!take(c)) return FileForm::lines;
    }
    if (first_ == 0 || (spanning_ == 0 && !spans_)) return FileForm::lines;
    if (spanning_ == 0 && !list_goes_on_ && text_.size() < kEnoughJson) return FileForm::lines;
    return first_ == '[' ? FileForm::json_array : FileForm::json_over_lines;
  }

 private:
  // False: this is no JSON, or a value that stands on one line.
  bool take(char c) {
    if (in_string_) return take_in_string(c);
    switch (c) {
      case '\n':
        spans_ = spans_ || !open_.empty();
        in_word_ = false;
        return true;
      case ' ':
      case '\t':
      case '\r':
        in_word_ = false;
        return true;
      case '{':
      case '[':
        return begin_value() && open(c);
      case '}':
      case ']':
        return close(c == '}' ? '{' : '[');
      case '"':
        in_string_ = begin_value() && !open_.empty();
        return in_string_;
      case ',':
      case ':':
        if (open_.empty() || !value_ended_) return false;
        if (c == ',' && open_ == "[" && spans_) list_goes_on_ = true;
        value_ended_ = false;
        in_word_ = false;
        return true;
      default:
        return take_in_word(c);
    }
  }

  bool take_in_string(char c) {
    if (escaped_) {
      escaped_ = false;
    } else if (c == '\\') {
      escaped_ = true;
    } else if (c == '"') {
      in_string_ = false;
      value_ended_ = true;
    }
    return c != '\n';
  }

  bool take_in_word(char c) {
    const bool of_word = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == 'E' || c == '-' ||
                         c == '+' || c == '.';
    if (!of_word || open_.empty()) return false;
    if (!in_word_ && !begin_value()) return false;
    in_word_ = true;
    value_ended_ = true;
    return true;
  }

  bool begin_value() {
    if (open_.empty()) return true;
    return !value_ended_;
  }

  bool open(char c) {
    if (open_.size() >= EventParser::kMaxDepth) return false;
    if (open_.empty()) spans_ = false;
    if (first_ == 0) first_ = c;
    open_ += c;
    value_ended_ = false;
    return true;
  }

  bool close(char opener) {
    if (open_.empty() || open_.back() != opener) return false;
    open_.pop_back();
    value_ended_ = true;
    in_word_ = false;
    if (!open_.empty()) return true;
    if (spans_) ++spanning_;
    return std::exchange(spans_, false);
  }

  std::string_view text_;
  std::string open_;  // the brackets that are not closed
  char first_ = 0;    // what the first value begins with
  std::size_t spanning_ = 0;
  bool spans_ = false;         // the value in hand goes over a line's end
  bool list_goes_on_ = false;  // an array has a further element, on a further line
  bool value_ended_ = false;   // what comes next is a separator or closes something
  bool in_word_ = false;
  bool in_string_ = false;
  bool escaped_ = false;
};

}  // namespace

FileForm form_of(std::string_view beginning) {
  for (const Magic& magic : kMagics) {
    if (beginning.starts_with(magic.bytes))
      return holds_event(beginning) ? FileForm::lines : magic.form;
  }
  if (const FileForm form = utf16_form(beginning); form != FileForm::lines)
    return holds_event(beginning) ? FileForm::lines : form;
  if (is_cr_only(beginning)) return FileForm::cr_only;
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (beginning.starts_with(kByteOrderMark)) beginning.remove_prefix(kByteOrderMark.size());
  const std::size_t end = beginning.find_last_not_of(" \t\r\n");
  const bool one_line = end == std::string_view::npos || beginning.find('\n') > end;
  if (one_line && form_of_line(beginning) != FileForm::lines) return form_of_line(beginning);
  return JsonScan(beginning).form();
}

std::string describe(FileForm form, const std::string& name) {
  const auto piped = [](const std::string& command) {
    return command + " | penstock run PIPELINE --set 'source={type: stdin}'";
  };
  // Without a byte order mark iconv has to be given the order.
  const auto in_utf16 = [&](const std::string& encoding) {
    return name +
           " is written in UTF-16, but events are read as UTF-8. Have its sender write UTF-8, or "
           "run: " +
           piped("iconv -f " + encoding + " -t UTF-8 FILE");
  };
  const auto compressed = [&](const std::string& how, const std::string& command) {
    return name + " is compressed with " + how +
           ", so none of it can be read as events. Decompress it first, or run: " +
           piped(command + " FILE");
  };
  switch (form) {
    case FileForm::gzip:
      return compressed("gzip", "zcat");
    case FileForm::zstd:
      return compressed("zstd", "zstdcat");
    case FileForm::bzip2:
      return compressed("bzip2", "bzcat");
    case FileForm::xz:
      return compressed("xz", "xzcat");
    case FileForm::zip:
      return compressed("zip", "unzip -p");
    case FileForm::utf16:
      return in_utf16("UTF-16");
    case FileForm::utf16_little:
      return in_utf16("UTF-16LE");
    case FileForm::utf16_big:
      return in_utf16("UTF-16BE");
    case FileForm::cr_only:
      return name +
             " ends its lines with a carriage return alone, so all of it would be one line. Have "
             "its sender end lines with a newline, or run: " +
             piped("tr '\\r' '\\n' < FILE");
    case FileForm::json_over_lines:
      return name +
             " holds JSON objects that are written over several lines, but each event must be on "
             "one line. Have its sender write one object a line, or run: " +
             piped("jq -c . FILE");
    case FileForm::json_array:
      return name +
             " holds a JSON array, but each event must be an object on a line of its own. Have its "
             "sender write one object a line, or run: " +
             piped("jq -c '.[]' FILE");
    case FileForm::json_in_a_row:
      return name +
             " holds JSON objects one after another without an end of a line, but each event must "
             "be on a line of its own. Have its sender write one object a line, or run: " +
             piped("jq -c . FILE");
    case FileForm::lines:
      break;
  }
  return {};
}

}  // namespace penstock::source
