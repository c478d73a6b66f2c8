// FormerFiles: files that a followed path named before, which their writers may still write to.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "source/line_reader.hpp"
#include "source/source.hpp"

namespace penstock::source {

// So many are looked at. Who rotates faster than their writers close them has the oldest left.
inline constexpr std::size_t kMostFormerFiles = 8;

// One thread.
class FormerFiles {
 public:
  using Time = std::chrono::steady_clock::time_point;
  // `wait`: how long nothing may come from a file before it is given up, should no process be seen
  // that has it open for writing.
  FormerFiles(std::chrono::milliseconds wait, Notify notify)
      : wait_(wait), notify_(std::move(notify)) {}

  // `rest_is_elsewhere`: what follows its last newline now is read in another file.
  void add(std::unique_ptr<LineReader> reader, bool rest_is_elsewhere, Time now);
  // Lines that came to one of them, or the last line of one that is given up. False: none for now.
  [[nodiscard]] Result<bool> read(Chunk& chunk, Time now);
  [[nodiscard]] bool empty() const { return files_.empty(); }
  // Those that are not given up.
  [[nodiscard]] std::vector<FilePosition> saved() const;

 private:
  struct File {
    std::unique_ptr<LineReader> reader;
    bool rest_is_elsewhere = false;
    Time grew_at;            // last
    std::uint64_t seen = 0;  // how far it was read, or reported, then
    bool given_up = false;
  };
  [[nodiscard]] Result<bool> read(File& file, Chunk& chunk, Time now);
  [[nodiscard]] Result<bool> give_up(File& file, Chunk& chunk);
  [[nodiscard]] bool report_growth(File& file) const;

  std::chrono::milliseconds wait_;
  Notify notify_;
  std::vector<File> files_;  // oldest first
};

}  // namespace penstock::source
