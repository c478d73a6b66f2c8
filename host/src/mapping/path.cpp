#include "mapping/path.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace penstock::mapping {
namespace {

class PathParser {
 public:
  explicit PathParser(std::string_view text) : text_(text) {}

  std::variant<PathSteps, PathError> parse() {
    if (text_.empty()) return PathError{0, "the path is empty; the whole event is written $"};
    skip_root();
    bool step_expected = false;  // after a dot
    while (at_ < text_.size() && !error_) {
      if (text_[at_] == '[') {
        bracket();
        step_expected = false;
      } else if (text_[at_] == '.') {
        if (step_expected || steps_.empty()) {
          fail(at_, "there is nothing between two dots; write one name after each dot");
        }
        ++at_;
        step_expected = true;
      } else if (!steps_.empty() && !step_expected) {
        fail(at_, "after ] comes a dot, another [ or the end");
      } else {
        name();
        step_expected = false;
      }
    }
    if (step_expected) fail(at_ - 1, "the path ends with a dot; a name is missing after it");
    if (error_) return *std::move(error_);
    return std::move(steps_);
  }

 private:
  void skip_root() {
    if (text_.substr(0, 2) == "$.") {
      at_ = 2;
    } else if (text_ == "$" || text_.substr(0, 2) == "$[") {
      at_ = 1;
    }
  }

  void name() {
    const std::size_t end = std::min(text_.find_first_of(".[", at_), text_.size());
    steps_.emplace_back(text_.substr(at_, end - at_));
    at_ = end;
  }

  void bracket() {
    const std::size_t open = at_++;
    if (at_ < text_.size() && (text_[at_] == '"' || text_[at_] == '\'')) {
      quoted_key(open);
    } else {
      index(open);
    }
  }

  void quoted_key(std::size_t open) {
    const char quote = text_[at_++];
    std::string key;
    for (; at_ < text_.size() && text_[at_] != quote; ++at_) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      key += text_[at_];
    }
    if (text_.substr(std::min(at_, text_.size())).substr(0, 2) != std::string{quote, ']'}) {
      fail(open, std::string("this key is not closed; write [") + quote + "key" + quote + "]");
      return;
    }
    at_ += 2;
    steps_.push_back(std::move(key));
  }

  void index(std::size_t open) {
    const std::size_t end = text_.find(']', at_);
    const std::string_view digits =
        end == std::string_view::npos ? std::string_view() : text_.substr(at_, end - at_);
    const bool is_index = !digits.empty() && std::all_of(digits.begin(), digits.end(), [](char c) {
      return c >= '0' && c <= '9';
    });
    if (!is_index) {
      fail(open, "in [ ] stands an index such as [0], or a key in quotes such as [\"first name\"]");
      return;
    }
    at_ = end + 1;
    steps_.emplace_back(digits);
  }

  void fail(std::size_t offset, std::string message) {
    if (!error_) error_ = PathError{offset, std::move(message)};
  }

  std::string_view text_;
  std::size_t at_ = 0;
  PathSteps steps_;
  std::optional<PathError> error_;
};

}  // namespace

std::variant<PathSteps, PathError> parse_path(std::string_view text) {
  return PathParser(text).parse();
}

}  // namespace penstock::mapping
