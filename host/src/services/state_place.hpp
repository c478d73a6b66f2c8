// StatePlace: notices that the files of a state directory were removed or replaced while a run uses
// them. The run would go on with files that nobody finds any more, or next to a second run.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/status.hpp"

namespace penstock::services {

// [control-thread]
class StatePlace {
 public:
  // Remembers which files `lock`, `queue.db`, its log, the index of that, and `state.db` are now:
  // to be called when all of them are open.
  explicit StatePlace(std::string state_dir);

  // [may-block] StatusCode::io when one of them is another file now, or gone: it says which, and
  // what is lost by that. What cannot be looked at is taken for unchanged.
  [[nodiscard]] Status check() const;

 private:
  struct File {
    std::string name;
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
  };
  const std::string state_dir_;
  std::vector<File> files_;
};

}  // namespace penstock::services
