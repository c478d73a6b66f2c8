#include "config/rates.hpp"

#include "config/schema.hpp"

namespace penstock::config {
namespace {

using std::chrono::milliseconds;

// A slower rate is a quota, which the destination keeps itself.
constexpr milliseconds kLongestPeriod{24 * 3'600'000};
constexpr std::uint64_t kMostRequests =
    1'000'000'000;  // more than any network carries: no limit at all

}  // namespace

std::map<std::string, Rate> read_rates(const Node& node, const std::string& path,
                                       Diagnostics& diagnostics) {
  std::map<std::string, Rate> rates;
  if (!node.is(Node::Kind::map)) {
    if (!node.is(Node::Kind::null)) {
      diagnostics.error(node.location, path + ": expected a map of rates, found " + describe(node));
    }
    return rates;
  }
  for (const Node::Member& member : node.members) {
    check_name(member.key, "a rate", member.location, diagnostics);
    MapReader map(member.value, path + "." + member.key, diagnostics);
    Rate rate;
    if (map.require("requests", "{requests: 600, per: 60s}") != nullptr) {
      rate.requests = map.count("requests", 1, kMostRequests).value_or(1);
    }
    if (map.require("per", "{requests: 600, per: 60s}") != nullptr) {
      rate.per = map.duration("per", milliseconds(1), kLongestPeriod).value_or(milliseconds(1));
    }
    map.finish();
    rates.emplace(member.key, rate);
  }
  return rates;
}

}  // namespace penstock::config
