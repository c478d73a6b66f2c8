// make_events: writes Segment Engage track events of about 1.2 KB as NDJSON, the same for the same
// seed.
#include <CLI/CLI.hpp>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace {

constexpr std::size_t kWriteSize = std::size_t{1} << 20;
constexpr std::size_t kEventBytes = 1200;
constexpr unsigned kExitPercent = 10;
constexpr unsigned kDevicePercent = 60;

constexpr std::array<std::string_view, 8> kFirstNames = {"Lena", "Uma",  "Dmitri", "Zoë",
                                                         "Omar", "Ines", "Kofi",   "Jürgen"};
constexpr std::array<std::string_view, 8> kLastNames = {"O'Neil", "Müller", "García", "Yılmaz",
                                                        "Novak",  "Tanaka", "Smith",  "de Vries"};
constexpr std::array<std::string_view, 6> kTitles = {
    "Analyst", "Head of \\\"Growth\\\"", "CTO", "Ingénieure", "Account Manager", "Buyer"};
constexpr std::array<std::string_view, 5> kCompanies = {"Hooli", "Initech", "Müller & Söhne",
                                                        "Acme, Inc.", "Globex"};
constexpr std::array<std::string_view, 6> kCountries = {"US", "DE", "FR", "GB", "NL", "JP"};

// The SplitMix64 finaliser: a number that depends on its arguments alone.
std::uint64_t mix(std::uint64_t seed, std::uint64_t value) {
  std::uint64_t mixed = seed + 0x9E3779B97F4A7C15ULL * (value + 1);
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9ULL;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBULL;
  return mixed ^ (mixed >> 31);
}

void add_number(std::string& text, std::uint64_t number) {
  text += std::to_string(number);
}

// The lowest `digits` hex digits of the number.
void add_hex(std::string& text, std::uint64_t number, int digits) {
  for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) {
    text += "0123456789abcdef"[(number >> shift) & 15];
  }
}

void add_uuid(std::string& text, std::uint64_t high, std::uint64_t low) {
  add_hex(text, high >> 32, 8);
  text += '-';
  add_hex(text, high >> 16, 4);
  text += "-4";
  add_hex(text, high, 3);
  text += "-a";
  add_hex(text, low >> 48, 3);
  text += '-';
  add_hex(text, low, 12);
}

// The n-th millisecond of November 2026, as RFC 3339.
void add_time(std::string& text, std::uint64_t millisecond) {
  using namespace std::chrono;
  const sys_time<milliseconds> moment =
      sys_days(year(2026) / November / 1) + milliseconds(static_cast<std::int64_t>(millisecond));
  const sys_days day = floor<days>(moment);
  const year_month_day date(day);
  const hh_mm_ss time(moment - day);
  std::array<char, 32> buffer{};
  const int size = std::snprintf(
      buffer.data(), buffer.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
      static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
      static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()),
      static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()),
      static_cast<int>(time.subseconds().count()));
  text.append(buffer.data(), static_cast<std::size_t>(size));
}

struct Plan {
  std::uint64_t events = 1'000'000;
  std::uint64_t people = 500'000;
  std::uint64_t audiences = 1;
  std::uint64_t seed = 1;
};

template <std::size_t size>
std::string_view pick(const std::array<std::string_view, size>& list, std::uint64_t drawn) {
  return list[drawn % size];
}

// Appends one line. Everything about a person depends on the seed and the person alone.
void add_event(std::string& text, const Plan& plan, std::uint64_t index) {
  const std::size_t begin = text.size();
  const std::uint64_t event = mix(plan.seed, index);
  const std::uint64_t number = index % plan.people;
  const std::uint64_t person = mix(~plan.seed, number);
  const std::uint64_t person_low = mix(person, 1);
  const bool enters = event % 100 >= kExitPercent;
  // Not by the index, whose remainder would tie each person to one audience.
  std::string audience = "audience_";
  add_number(audience, mix(event, 2) % plan.audiences);
  std::string time;
  add_time(time, index);

  text += R"({"type":"track","messageId":"personas_)";
  add_hex(text, event, 16);
  text += R"(","userId":"u)";
  add_number(text, number);
  text += R"(","anonymousId":")";
  add_uuid(text, mix(person, 3), mix(person, 4));
  for (const char* const name : {"timestamp", "originalTimestamp", "sentAt", "receivedAt"}) {
    text += "\",\"";
    text += name;
    text += "\":\"";
    text += time;
  }
  text +=
      R"(","version":2,"integrations":{"All":false,"LinkedIn Audiences":true},"event":"Audience )";
  text += enters ? "Entered" : "Exited";
  text += R"(","properties":{"audience_key":")";
  text += audience;
  text += "\",\"";
  text += audience;
  text += enters ? "\":true}" : "\":false}";
  text += R"(,"context":{"library":{"name":"engage","version":"unknown"},"ip":"203.0.113.)";
  add_number(text, person % 255);
  text +=
      R"(","locale":"en-US","userAgent":"Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126 Mobile Safari/537.36")"
      R"(,"personas":{"computation_class":"audience","computation_id":"aud_)";
  add_hex(text, mix(plan.seed, mix(event, 2) % plan.audiences), 16);
  text += R"(","computation_key":")";
  text += audience;
  text +=
      R"(","namespace":"spa_k1","space_id":"spa_k1"},"page":{"path":"/pricing","title":"Pricing – Plans & \"Offers\"","url":"https://www.example.com/pricing?utm=a%20b"})";
  if (person % 100 < kDevicePercent) {
    text += R"(,"device":{"advertisingId":")";
    add_uuid(text, person, person_low);
    text += R"(","type":"android","id":")";
    add_uuid(text, mix(person, 5), mix(person, 6));
    text += "\"}";
  }
  text += R"(,"traits":{"email":"user)";
  add_number(text, number);
  text += '.';
  add_hex(text, person, 7);
  text += R"(@example.com"}},"traits":{"firstName":")";
  text += pick(kFirstNames, person >> 8);
  text += R"(","lastName":")";
  text += pick(kLastNames, person >> 16);
  text += R"(","title":")";
  text += pick(kTitles, person >> 24);
  text += R"(","company":")";
  text += pick(kCompanies, person >> 32);
  text += R"(","country":")";
  text += pick(kCountries, person >> 40);
  // A trait that no mapping reads brings every line to the same length.
  text += R"(","notes":")";
  const std::size_t used = text.size() - begin + std::string_view("\"}}\n").size();
  if (used < kEventBytes) text.append(kEventBytes - used, 'x');
  text += "\"}}\n";
}

int write_failed(const std::string& path) {
  std::fprintf(stderr, "make_events: cannot write %s; is the disk full?\n", path.c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Writes Segment Engage track events of 1,200 to 1,251 bytes as NDJSON.");
  app.footer(
      "Example:\n  make_events --events 1000000 --people 500000 --audiences 50 events.ndjson");
  Plan plan;
  std::string path;
  app.add_option("file", path, "where to write")->required();
  app.add_option("--events", plan.events, "number of events")->capture_default_str();
  app.add_option("--people", plan.people, "number of distinct persons, in turn")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--audiences", plan.audiences, "audience keys audience_0, audience_1 ...")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--seed", plan.seed, "the same seed writes the same file")->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  std::FILE* const file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) return write_failed(path);
  std::setvbuf(file, nullptr, _IONBF, 0);  // the text below is the buffer
  std::string text;
  text.reserve(kWriteSize + 2 * kEventBytes);
  for (std::uint64_t index = 0; index < plan.events; ++index) {
    add_event(text, plan, index);
    if (text.size() < kWriteSize && index + 1 < plan.events) continue;
    if (std::fwrite(text.data(), 1, text.size(), file) != text.size()) {
      std::fclose(file);
      return write_failed(path);
    }
    text.clear();
  }
  return std::fclose(file) == 0 ? 0 : write_failed(path);
}
