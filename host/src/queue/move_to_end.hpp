// For what gathers until it is stored.
#pragma once

#include <iterator>
#include <utility>
#include <vector>

namespace penstock::queue {

// Empties `from`.
template <typename T>
void move_to_end(std::vector<T>& from, std::vector<T>& to) {
  if (to.empty()) {
    to = std::move(from);
  } else {
    std::move(from.begin(), from.end(), std::back_inserter(to));
  }
  from.clear();
}

}  // namespace penstock::queue
