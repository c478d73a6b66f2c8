// Guards how people write and read times, ages and sizes.
#include "cli/moments.hpp"

#include <catch2/catch.hpp>

namespace penstock::cli {

TEST_CASE("A time is so long ago, or ISO 8601 in UTC or with an offset") {
  constexpr std::int64_t kNow = 1'790'000'000'000;
  struct Row {
    const char* text;
    std::int64_t ms;
  };
  for (const Row& row :
       {Row{"90s", kNow - 90'000}, Row{"2h", kNow - 7'200'000}, Row{"3d", kNow - 3 * 86'400'000LL},
        Row{"0s", kNow}, Row{"1970-01-01", 0}, Row{"2026-10-03", 1'790'985'600'000},
        Row{"2026-10-03T14:05", 1'791'036'300'000}, Row{"2026-10-03 14:05:06", 1'791'036'306'000},
        Row{"2026-10-03T14:05:06.25Z", 1'791'036'306'250},
        Row{"2026-10-03T14:05:06+02:00", 1'791'029'106'000},
        Row{"2026-10-03T14:05-0530", 1'791'056'100'000},
        Row{"2024-02-29T23:59:59.123456789Z", 1'709'251'199'123}}) {
    INFO(row.text);
    const auto moment = parse_moment(row.text);
    REQUIRE(moment);
    CHECK(moment->at(kNow) == row.ms);
  }
}

TEST_CASE("What is no time is refused") {
  for (const char* text :
       {"", "2", "h", "-2h", "yesterday", "2026-13-01", "2026-02-30", "2026-10-03T",
        "2026-10-03T25:00", "2026-10-03T14", "2026-10-03T14:61",
        "2026-10-03T14:05:", "2026-10-03T14:05:06.", "2026-10-03T14:05+2", "2026-10-03T14:05Zx",
        "2026-1-3", "20261003", "2026-10--3", "99999999999999999999h"}) {
    INFO(text);
    CHECK_FALSE(parse_moment(text));
  }
}

TEST_CASE("A time that is shown can be given again") {
  constexpr std::int64_t kTime = 1'791'036'306'000;
  CHECK(iso_time(kTime) == "2026-10-03T14:05:06Z");
  CHECK(parse_moment(iso_time(kTime))->at(0) == kTime);
}

TEST_CASE("Ages are told in the largest unit of which there are two") {
  CHECK(words_for(-5'000) == "0 seconds");
  CHECK(words_for(1'999) == "1 second");
  CHECK(words_for(119'000) == "119 seconds");
  CHECK(words_for(120'000) == "2 minutes");
  CHECK(words_for(2 * 3'600'000) == "2 hours");
  CHECK(words_for(47 * 3'600'000LL) == "47 hours");
  CHECK(words_for(48 * 3'600'000LL) == "2 days");
  CHECK(short_words_for(1'999) == "1 s");
  CHECK(short_words_for(200'000) == "3 min");
}

TEST_CASE("Sizes are told with one digit after the point") {
  CHECK(words_for_bytes(1) == "1 byte");
  CHECK(words_for_bytes(1023) == "1,023 bytes");
  CHECK(words_for_bytes(1536) == "1.5 KiB");
  CHECK(words_for_bytes(5ULL << 30U) == "5.0 GiB");
}

}  // namespace penstock::cli
