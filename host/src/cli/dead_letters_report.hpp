// Dead letters as `dead-letters` shows them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "store/reader.hpp"

namespace penstock::cli {

// What was found, for `list`: the first ones in full, the rest counted.
class DeadLetterList {
 public:
  // Keeps `most` letters, without their contents.
  explicit DeadLetterList(std::uint64_t most) : most_(most) {}
  void add(const store::StoredDeadLetter& letter);

  // `pipeline` is the path that commands to run next are shown with.
  [[nodiscard]] std::string text(const std::string& pipeline) const;
  // {"dead_letters":[...],"matching":N,"replayable":N,"by_reason":{...}}, one line.
  [[nodiscard]] std::string json() const;

 private:
  struct Count {
    std::uint64_t all = 0;
    std::uint64_t replayable = 0;
  };
  [[nodiscard]] Count total() const;
  [[nodiscard]] std::string totals_text() const;

  std::uint64_t most_;
  std::vector<store::StoredDeadLetter> first_;
  std::map<std::string, Count> by_reason_;
};

// Everything of one, its content as well.
[[nodiscard]] std::string dead_letter_text(const store::StoredDeadLetter& letter,
                                           std::int64_t now_ms);
// The same as an object, one line without its end. A content that is no UTF-8 is in
// `content_base64` instead of `content`, so that nothing of it is changed.
[[nodiscard]] std::string dead_letter_json(const store::StoredDeadLetter& letter);

}  // namespace penstock::cli
