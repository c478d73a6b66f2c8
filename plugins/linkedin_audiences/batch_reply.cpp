#include "batch_reply.hpp"

#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

namespace penstock::linkedin {
namespace {

// Reads fixed pieces of JSON, with white space between them.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool take(std::string_view piece) {
    skip_space();
    if (rest_.substr(0, piece.size()) != piece) return false;
    rest_.remove_prefix(piece.size());
    return true;
  }
  // A three-digit number that begins with 2.
  bool take_success() {
    skip_space();
    const auto digit = [this](std::size_t i) { return rest_[i] >= '0' && rest_[i] <= '9'; };
    if (rest_.size() < 4 || rest_[0] != '2' || !digit(1) || !digit(2)) return false;
    rest_.remove_prefix(3);
    return true;
  }
  bool at_end() {
    skip_space();
    return rest_.empty();
  }

 private:
  void skip_space() {
    while (!rest_.empty() &&
           (rest_[0] == ' ' || rest_[0] == '\n' || rest_[0] == '\r' || rest_[0] == '\t')) {
      rest_.remove_prefix(1);
    }
  }
  std::string_view rest_;
};

// What one object of `elements` says.
struct Entry {
  std::int32_t status = 0;
  std::optional<std::int64_t> batch_index;
  std::string message;
};

// Listens to the parser; keeps only {"elements": [{"status", "batchIndex", "error": {"status",
// "message", "batchIndex"}}]}.
class Listener : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool has_elements = false;
  bool ambiguous = false;  // two lists of elements
  std::vector<Entry> entries;

  bool null() override { return scalar(); }
  bool boolean(bool) override { return scalar(); }
  bool number_integer(number_integer_t value) override { return number(value); }
  bool number_unsigned(number_unsigned_t value) override {
    return number(value <= INT32_MAX ? static_cast<std::int64_t>(value) : -1);
  }
  bool number_float(number_float_t, const string_t&) override { return scalar(); }
  bool string(string_t& value) override {
    if (in_entry_or_error() && key_ == "message") entries.back().message = std::move(value);
    return scalar();
  }
  bool binary(binary_t&) override { return scalar(); }
  bool start_object(std::size_t) override {
    if (depth_ == 2 && in_list_) entries.emplace_back();
    if (depth_ == 3 && in_list_) in_error_ = key_ == "error";
    ++depth_;
    return true;
  }
  bool end_object() override {
    --depth_;
    if (depth_ == 3) in_error_ = false;
    return true;
  }
  bool start_array(std::size_t) override {
    if (depth_ == 1 && key_ == "elements") {
      ambiguous = ambiguous || has_elements;
      has_elements = true;
      in_list_ = true;
    } else if (depth_ == 2 && in_list_) {
      entries.emplace_back();  // a list where an element belongs: an element that says nothing
    }
    ++depth_;
    return true;
  }
  bool end_array() override {
    --depth_;
    if (depth_ == 1) in_list_ = false;
    return true;
  }
  bool key(string_t& name) override {
    key_ = std::move(name);
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

 private:
  [[nodiscard]] bool in_entry() const { return in_list_ && depth_ == 3; }
  [[nodiscard]] bool in_entry_or_error() const {
    return in_entry() || (in_list_ && depth_ == 4 && in_error_);
  }

  bool scalar() {
    if (in_list_ && depth_ == 2) entries.emplace_back();
    return true;
  }
  bool number(std::int64_t value) {
    if (in_entry_or_error() && key_ == "batchIndex") entries.back().batch_index = value;
    if (in_entry() && key_ == "status" && value > 0 && value < 1'000) {
      entries.back().status = static_cast<std::int32_t>(value);
    }
    return scalar();
  }

  int depth_ = 0;  // 1 in the document's object, 2 in the list, 3 in an element, 4 in its error
  bool in_list_ = false;
  bool in_error_ = false;
  std::string key_;
};

}  // namespace

bool all_delivered(std::string_view body, std::size_t sent) {
  Scanner scanner(body);
  if (sent == 0 || !scanner.take("{") || !scanner.take("\"elements\"") || !scanner.take(":") ||
      !scanner.take("[")) {
    return false;
  }
  for (std::size_t i = 0; i < sent; ++i) {
    if (i > 0 && !scanner.take(",")) return false;
    if (!scanner.take("{") || !scanner.take("\"status\"") || !scanner.take(":") ||
        !scanner.take_success() || !scanner.take("}")) {
      return false;
    }
  }
  return scanner.take("]") && scanner.take("}") && scanner.at_end();
}

BatchReply parse_batch_reply(std::string_view body, std::size_t sent) {
  BatchReply reply;
  reply.elements.resize(sent);
  Listener listener;
  if (!nlohmann::json::sax_parse(body, &listener) || !listener.has_elements || listener.ambiguous) {
    return reply;
  }
  reply.readable = true;
  reply.count = listener.entries.size();

  // An error that names another index than its place proves that places cannot be trusted, and so
  // does a wrong count.
  bool aligned = reply.count == sent;
  // One answer for one element: there is no other that it could be about, whatever it calls it.
  const bool certain = reply.count == 1 && sent == 1;
  for (std::size_t i = 0; i < listener.entries.size() && aligned && !certain; ++i) {
    const std::optional<std::int64_t> index = listener.entries[i].batch_index;
    aligned = !index || *index == static_cast<std::int64_t>(i);
  }
  std::vector<bool> told(sent, false);
  for (std::size_t i = 0; i < listener.entries.size(); ++i) {
    Entry& entry = listener.entries[i];
    std::size_t index = i;
    // As many as were sent, but named otherwise: neither place nor name can be believed.
    if (!aligned && reply.count == sent) continue;
    if (!aligned) {
      if (!entry.batch_index || *entry.batch_index < 0 ||
          static_cast<std::uint64_t>(*entry.batch_index) >= sent) {
        continue;
      }
      index = static_cast<std::size_t>(*entry.batch_index);
    }
    if (told[index]) {  // two answers for one element: neither is believed
      reply.elements[index] = {};
      continue;
    }
    told[index] = true;
    reply.elements[index] = {entry.status, std::move(entry.message)};
  }
  return reply;
}

}  // namespace penstock::linkedin
