#include "config/yaml_reader.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>
#include <unordered_map>
#include <vector>

namespace penstock::config {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// The length of a JSON integer at the start of the text, 0 when there is none.
std::size_t integer_length(std::string_view text) {
  std::size_t at = !text.empty() && text[0] == '-' ? 1 : 0;
  const std::size_t digits = at;
  while (at < text.size() && is_digit(text[at])) ++at;
  if (at == digits || (text[digits] == '0' && at > digits + 1)) return 0;
  return at;
}

bool is_json_number(std::string_view text) {
  std::size_t at = integer_length(text);
  if (at == 0) return false;
  const auto digits = [&] {
    const std::size_t begin = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    return at > begin;
  };
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (!digits()) return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    if (!digits()) return false;
  }
  return at == text.size();
}

// What a person can do about a fault that the YAML library names in its own words.
struct Explanation {
  const char* library_text;
  const char* message;
  const char* hint;
};
const Explanation kExplanations[] = {
    {YAML::ErrorMsg::TAB_IN_INDENTATION, "a tab is used for indentation",
     "indent with spaces: YAML allows no tabs there"},
    {YAML::ErrorMsg::EOF_IN_SCALAR, "the file ends inside a quoted text",
     "a quote that was opened is never closed"},
    {YAML::ErrorMsg::DOC_IN_SCALAR, "a document mark (--- or ...) inside a quoted text",
     "a quote that was opened before is never closed"},
    {YAML::ErrorMsg::MAP_VALUE, "a \":\" where no key can be",
     "put a text that holds \": \" in quotes, and check that keys of one map line up"},
    {YAML::ErrorMsg::MAP_KEY, "a key where none can be", "check that keys of one map line up"},
    {YAML::ErrorMsg::END_OF_MAP, "this line does not fit the map above it",
     "check that keys of one map line up and each has a \":\" after it"},
    {YAML::ErrorMsg::END_OF_SEQ, "this line does not fit the list above it",
     "check that the items' \"-\" line up"},
    {YAML::ErrorMsg::END_OF_MAP_FLOW, "a \"{\" that was opened is not closed here",
     "close it with \"}\", and separate members by \", \""},
    {YAML::ErrorMsg::END_OF_SEQ_FLOW, "a \"[\" that was opened is not closed here",
     "close it with \"]\", and separate items by \", \""},
    {YAML::ErrorMsg::FLOW_END, "a closing bracket that nothing opened",
     "remove it, or put the text in quotes"},
    {YAML::ErrorMsg::BLOCK_ENTRY, "a list item (\"- \") where none can be",
     "check that the items' \"-\" line up, or put the text in quotes"},
    {YAML::ErrorMsg::UNKNOWN_TOKEN, "a character that no plain text may begin with",
     "put the text in quotes"},
    {YAML::ErrorMsg::CHAR_IN_SCALAR, "a character that may not stand here",
     "put the text in quotes"},
    {YAML::ErrorMsg::CHAR_IN_BLOCK, "unexpected text after \"|\" or \">\"",
     "begin the text on the next line"},
};

// Thrown through the YAML library to end its reading; the fault is already reported.
struct Stop {};

// Builds the tree from the library's events. The library's own tree is not used: it keeps no place
// for keys, lets duplicate keys pass and has no bounds.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(std::string_view text, const std::string& file, Diagnostics& diagnostics)
      : text_(text), file_(file), diagnostics_(diagnostics) {}

  Node take() { return std::move(root_); }
  [[nodiscard]] Location place(const YAML::Mark& mark) const {
    if (mark.line < 0 || mark.column < 0) return {file_, 1, 1};
    return {file_, static_cast<std::uint32_t>(mark.line) + 1,
            static_cast<std::uint32_t>(mark.column) + 1};
  }
  // Where the last event was: what the library could still read.
  [[nodiscard]] std::uint32_t last_line() const { return last_line_; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ == 1) return;
    const bool marked = text_at(mark).starts_with("---") || text_at(mark).starts_with("%");
    diagnostics_.error(place(mark),
                       marked ? "a second document begins here; a manifest is one document"
                              : "text after the end of the document",
                       marked ? "put it in a file of its own"
                              : "check that the keys of the outermost map all begin in column 1");
    throw Stop();
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    check_anchor(mark, anchor);
    if (expects_key()) {
      diagnostics_.error(place(mark), "a key is missing before \":\"",
                         "write the key, in quotes if it is to be empty or null");
      open_.back().skip_value = true;
      open_.back().has_key = true;
      return;
    }
    Node node;
    node.location = place(mark);
    // The library places a value that is not written at the next thing in the file.
    if (!open_.empty() && open_.back().has_key && node.location.line != open_.back().key.line) {
      node.location = open_.back().key;
    }
    add(std::move(node), mark);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    diagnostics_.error(place(mark), "aliases (*name) are not supported here",
                       "write the value out, or put the text in quotes");
    if (expects_key()) {
      open_.back().skip_value = true;
      open_.back().has_key = true;
      return;
    }
    add(Node(), mark);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    check_anchor(mark, anchor);
    check_tag(mark, tag);
    check_closed(mark);
    const bool quoted = tag != "?";
    if (expects_key()) return add_key(mark, value);
    Node node = quoted ? Node::of_string(value) : plain_scalar(value, {});
    node.quoted = quoted;
    node.location = quoted ? place_of_text(mark, value) : place(mark);
    add(std::move(node), mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    check_anchor(mark, anchor);
    check_tag(mark, tag);
    open(mark, Node::Kind::list);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    check_anchor(mark, anchor);
    check_tag(mark, tag);
    open(mark, Node::Kind::map);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    Node node;
    bool has_key = false;     // a key was read and its value is awaited
    bool skip_value = false;  // the key was at fault: its value is read and dropped
    bool as_key = false;      // this list or map stands where a key should
    std::string key_text;
    Location key;
    std::unordered_map<std::string, std::uint32_t> lines;  // of the keys so far
  };

  std::string_view text_at(const YAML::Mark& mark) const {
    if (mark.pos < 0 || static_cast<std::size_t>(mark.pos) > text_.size()) return {};
    return text_.substr(static_cast<std::size_t>(mark.pos));
  }
  bool expects_key() const {
    return !open_.empty() && open_.back().node.is(Node::Kind::map) && !open_.back().has_key;
  }

  void check_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor == 0) return;
    diagnostics_.error(place(mark), "anchors (&name) are not supported here",
                       "write the value out wherever it is needed, or put the text in quotes");
  }
  void check_tag(const YAML::Mark& mark, const std::string& tag) {
    const bool written = (tag != "?" && tag != "!" && !tag.empty()) ||
                         (tag == "!" && text_at(mark).starts_with('!'));
    if (!written) return;
    diagnostics_.error(place(mark), "tags (!name) are not supported here",
                       "remove the tag; quotes make a text of any value");
  }

  // The library takes the end of the file for a missing quote.
  void check_closed(const YAML::Mark& mark) {
    const std::string_view written = text_at(mark);
    if (written.empty() || (written[0] != '"' && written[0] != '\'')) return;
    for (std::size_t i = 1; i < written.size(); ++i) {
      if (written[i] == written[0]) {
        // Inside single quotes two of them are one.
        if (written[0] == '"' || i + 1 == written.size() || written[i + 1] != '\'') return;
        ++i;
      } else if (written[i] == '\\' && written[0] == '"') {
        ++i;
      }
    }
    diagnostics_.error(place(mark), "this quote is never closed", "close it, or remove it");
    throw Stop();
  }

  // The place of the first character of a quoted or block text.
  Location place_of_text(const YAML::Mark& mark, const std::string& value) const {
    Location location = place(mark);
    const std::string_view written = text_at(mark);
    if (written.starts_with('"') || written.starts_with('\'')) {
      ++location.column;
    } else if (written.starts_with('|') || written.starts_with('>')) {
      const std::size_t header_end = written.find('\n');
      if (header_end == std::string_view::npos) return location;
      ++location.line;
      location.column = 1;
      if (value.starts_with('\n')) return location;
      // With an indentation indicator the text itself may begin with spaces.
      const std::size_t indent = written.find_first_not_of(' ', header_end + 1);
      const std::size_t own = std::min(value.find_first_not_of(' '), value.size());
      if (indent != std::string_view::npos && indent - header_end - 1 >= own) {
        location.column += static_cast<std::uint32_t>(indent - header_end - 1 - own);
      }
    }
    return location;
  }

  void count(const YAML::Mark& mark) {
    last_line_ = place(mark).line;
    if (++nodes_ <= kMaxNodes) return;
    diagnostics_.error(place(mark),
                       "more than " + std::to_string(kMaxNodes) + " values in one file",
                       "split the pipeline into several");
    throw Stop();
  }

  void add_key(const YAML::Mark& mark, const std::string& value) {
    count(mark);
    Open& map = open_.back();
    map.has_key = true;
    map.key_text = value;
    map.key = place(mark);
    const auto [seen, fresh] = map.lines.emplace(value, map.key.line);
    map.skip_value = !fresh;
    if (fresh) return;
    diagnostics_.error(map.key,
                       "duplicate key " + in_quotes(value) + ": it is already given in line " +
                           std::to_string(seen->second),
                       "keep one of the two");
  }

  void add(Node node, const YAML::Mark& mark) {
    count(mark);
    place_value(std::move(node));
  }

  void place_value(Node node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.is(Node::Kind::list)) {
      parent.node.items.push_back(std::move(node));
      return;
    }
    if (!parent.skip_value) {
      parent.node.members.push_back({std::move(parent.key_text), parent.key, std::move(node)});
    }
    parent.has_key = false;
    parent.skip_value = false;
  }

  void open(const YAML::Mark& mark, Node::Kind kind) {
    count(mark);
    if (open_.size() >= kMaxNesting) {
      diagnostics_.error(place(mark),
                         "nested deeper than " + std::to_string(kMaxNesting) + " levels");
      throw Stop();
    }
    Open opened;
    opened.as_key = expects_key();
    opened.node.kind = kind;
    opened.node.location = place(mark);
    open_.push_back(std::move(opened));
  }
  void close() {
    Open closed = std::move(open_.back());
    open_.pop_back();
    if (closed.as_key) {
      diagnostics_.error(closed.node.location, "a key must be a text, not a list or map",
                         "put the text in quotes if it begins with { or [");
      open_.back().has_key = true;
      open_.back().skip_value = true;
      return;
    }
    place_value(std::move(closed.node));
  }

  std::string_view text_;
  const std::string& file_;
  Diagnostics& diagnostics_;
  Node root_;
  std::vector<Open> open_;
  std::size_t nodes_ = 0;
  int documents_ = 0;
  std::uint32_t last_line_ = 0;
};

// The place of a byte.
Location place_of(std::string_view text, std::size_t at, const std::string& file) {
  Location location{file, 1, 1};
  for (std::size_t i = 0; i < at; ++i) {
    ++location.column;
    if (text[i] == '\n') {
      ++location.line;
      location.column = 1;
    }
  }
  return location;
}

// Refuses what the YAML library would misread: it takes byte 4 for the end of the file, and guesses
// encodings.
bool check_characters(std::string_view text, const std::string& file, Diagnostics& diagnostics) {
  std::size_t valid = 0;
  if (!is_utf8(text, valid)) {
    diagnostics.error(place_of(text, valid, file), "the file is not UTF-8 text from here on",
                      "save it in the encoding UTF-8");
    return false;
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if ((c < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 0x7F) {
      diagnostics.error(place_of(text, i, file),
                        "a control character (byte " + std::to_string(c) + ")",
                        "remove it, or write it as an escape inside double quotes");
      return false;
    }
  }
  return true;
}

void report(const YAML::Exception& fault, const TreeBuilder& builder, Diagnostics& diagnostics) {
  Location location = builder.place(fault.mark);
  for (const Explanation& known : kExplanations) {
    if (fault.msg != known.library_text) continue;
    std::string hint = known.hint;
    if (fault.msg == YAML::ErrorMsg::EOF_IN_SCALAR && builder.last_line() > 0) {
      hint += "; look after line " + std::to_string(builder.last_line());
    }
    diagnostics.error(std::move(location), known.message, std::move(hint));
    return;
  }
  diagnostics.error(std::move(location), "this is not YAML: " + fault.msg,
                    "check the indentation and the quotes here and in the line before");
}

}  // namespace

bool is_utf8(std::string_view text, std::size_t& valid_bytes) {
  std::size_t i = 0;
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  while (i < text.size()) {
    valid_bytes = i;
    const unsigned char lead = byte(i);
    std::size_t length = 1;
    if (lead >= 0x80) {
      if (lead < 0xC2 || lead > 0xF4) return false;
      length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
      if (text.size() - i < length) return false;
      for (std::size_t k = 1; k < length; ++k) {
        if ((byte(i + k) & 0xC0U) != 0x80) return false;
      }
      const unsigned char second = byte(i + 1);
      const bool overlong = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
      const bool surrogate = lead == 0xED && second > 0x9F;
      const bool beyond_unicode = lead == 0xF4 && second > 0x8F;
      if (overlong || surrogate || beyond_unicode) return false;
    }
    i += length;
  }
  valid_bytes = text.size();
  return true;
}

Node plain_scalar(std::string text, Location location) {
  Node node;
  node.location = std::move(location);
  node.text = std::move(text);
  const std::string& t = node.text;
  if (t.empty() || t == "~" || t == "null" || t == "Null" || t == "NULL") return node;
  if (t == "true" || t == "True" || t == "TRUE" || t == "false" || t == "False" || t == "FALSE") {
    node.kind = Node::Kind::boolean;
    node.boolean = t[0] == 't' || t[0] == 'T';
    return node;
  }
  node.kind = Node::Kind::string;
  if (integer_length(t) == t.size()) {
    const auto [end, error] = std::from_chars(t.data(), t.data() + t.size(), node.integer);
    if (error == std::errc()) {
      node.kind = Node::Kind::integer;
      return node;
    }
  }
  if (is_json_number(t)) {
    const auto [end, error] = std::from_chars(t.data(), t.data() + t.size(), node.number);
    if (error == std::errc() && std::isfinite(node.number)) node.kind = Node::Kind::number;
  }
  return node;
}

std::optional<Node> read_yaml(std::string_view text, const std::string& file,
                              Diagnostics& diagnostics) {
  if (text.size() > kMaxManifestBytes) {
    diagnostics.error({file, 0, 0},
                      "the file has " + std::to_string(text.size()) + " bytes; the most is " +
                          std::to_string(kMaxManifestBytes),
                      "split the pipeline into several");
    return std::nullopt;
  }
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  diagnostics.add_source(file, text);
  if (!check_characters(text, file, diagnostics)) return std::nullopt;
  TreeBuilder builder(text, file, diagnostics);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Stop&) {
    return std::nullopt;
  } catch (const YAML::Exception& fault) {
    report(fault, builder, diagnostics);
    return std::nullopt;
  }
  Node root = builder.take();
  if (root.location.file.empty()) root.location = {file, 1, 1};
  return root;
}

}  // namespace penstock::config
