// Catalog: the names behind the indexes of destinations, actions and mappings of one run.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace penstock {

struct Catalog {
  struct Destination {
    std::string name;
    std::vector<std::string> actions;  // by Route::action
  };
  struct Mapping {
    std::uint32_t destination = 0;
    std::string name;
  };
  std::vector<Destination> destinations;
  std::vector<Mapping> mappings;
};

}  // namespace penstock
