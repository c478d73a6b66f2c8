#include "countries.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace penstock::linkedin {
namespace {

// All that are officially assigned (ISO 3166-1, 2024).
constexpr std::string_view kCodes =
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ "
    "BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM "
    "DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS "
    "GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN "
    "KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ "
    "MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM "
    "PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV "
    "SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI "
    "VN VU WF WS YE YT ZA ZM ZW ";
constexpr std::size_t kCodeStep = 3;  // two letters and a space
static_assert(kCodes.size() == 249 * kCodeStep);

constexpr std::size_t kLetters = 26;

// Where a pair of letters stands in kCodes, plus one; 0: nowhere.
constexpr std::array<std::uint16_t, kLetters * kLetters> make_places() {
  std::array<std::uint16_t, kLetters * kLetters> places{};
  for (std::size_t at = 0; at < kCodes.size(); at += kCodeStep) {
    const auto first = static_cast<std::size_t>(kCodes[at] - 'A');
    const auto second = static_cast<std::size_t>(kCodes[at + 1] - 'A');
    places[first * kLetters + second] = static_cast<std::uint16_t>(at + 1);
  }
  return places;
}
constexpr auto kPlaces = make_places();

// 0 for A and a; kLetters or more for what is no letter.
std::size_t letter(char c) {
  return static_cast<unsigned char>((c >= 'a' && c <= 'z' ? c - ('a' - 'A') : c) - 'A');
}

}  // namespace

std::string_view country_code(std::string_view text) {
  if (text.size() != 2) return {};
  const std::size_t first = letter(text[0]);
  const std::size_t second = letter(text[1]);
  if (first >= kLetters || second >= kLetters) return {};
  if (first == letter('U') && second == letter('K')) return "GB";
  const std::size_t place = kPlaces[first * kLetters + second];
  return place == 0 ? std::string_view() : kCodes.substr(place - 1, 2);
}

}  // namespace penstock::linkedin
