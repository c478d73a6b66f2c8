#include "mapping/faults.hpp"

namespace penstock::mapping {

std::string Faults::text() const {
  std::string out;
  for (const Fault& fault : entries_) {
    if (!out.empty()) out += "; ";
    out += fault.label + ": expected " + fault.expected + ", found " + fault.found;
  }
  return out;
}

}  // namespace penstock::mapping
