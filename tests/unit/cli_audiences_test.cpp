// Guards what `penstock audiences` shows: text that fits a terminal and is understood, JSON in
// which unknown is not zero, and no control character of a destination.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/audiences.hpp"
#include "cli/table.hpp"

namespace penstock::cli {
namespace {

constexpr std::int64_t kNow = 1'790'000'000'000;  // 2026-09-21T14:13:20Z

AudiencesView sample() {
  AudiencesView view;
  view.pipeline = "engage-to-linkedin";
  view.now_ms = kNow;
  view.since_ms = kNow - 3 * 86'400'000LL;
  DestinationAudiences eu;
  eu.name = "linkedin_eu";
  eu.title = "LinkedIn Audiences";
  eu.explanation = "Why the numbers differ.";
  Audience trial;
  trial.mapping = trial.key = "trial_users";
  trial.name = "Trial users";
  trial.id = "2004301";
  trial.type = "USER";
  trial.status = "READY";
  trial.size = 1'234;
  trial.matched = 900;
  trial.input = 2'000;
  trial.twins = {"2004377"};
  trial.note = "There is another one.";
  trial.delivered = {12'400, 310, kNow - 180'000};
  Audience churn;
  churn.mapping = churn.key = churn.name = "churn_risk";
  churn.type = "USER";
  churn.status = "NOT_CREATED";
  eu.audiences = {trial, churn};
  DestinationAudiences us;
  us.name = "linkedin_us";
  us.title = "LinkedIn Audiences";
  us.status = {StatusCode::authorization, "there is no login"};
  Audience unknown;
  unknown.mapping = "trial_us";
  us.audiences = {unknown};
  view.destinations = {eu, us};
  return view;
}

}  // namespace

TEST_CASE("Audiences are a table that fits a terminal, with what is to know below it") {
  const std::string text = audiences_text(sample());
  CHECK(text ==
        R"(engage-to-linkedin: audiences of linkedin_eu (LinkedIn Audiences)

  audience     key          id       type    status        size     matched, 7 days   added  removed  last delivery
  Trial users  trial_users  2004301  people  ready        1,234  900 of 2,000 (45%)  12,400      310      3 min ago
  churn_risk   churn_risk   -        people  not created      -                   -       0        0          never

  Trial users: There is another one. With the same key: 2004377.

engage-to-linkedin: audiences of linkedin_us (LinkedIn Audiences)

  audience  mapping   key  id  type  status  size  matched, 7 days  added  removed  last delivery
  trial_us  trial_us  -    -   -     -          -                -      0        0          never

  It could not be asked: there is no login

  Size and matched are the destination's own counts (- where it tells none). Added, removed and last delivery are what
  it accepted from this pipeline since 2026-09-18T14:13:20Z.
  Why the numbers differ.
)");
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) CHECK(line.size() <= Table::kWidth);
}

TEST_CASE("An audience that several mappings fill is one row that names them") {
  AudiencesView view = sample();
  view.destinations[0].audiences[0].also = {"trial_left"};
  CHECK_THAT(audiences_text(view), Catch::Contains("trial_users, trial_left"));
  const auto json = nlohmann::json::parse(audiences_json(view));
  const auto& audience = json["destinations"][0]["audiences"][0];
  CHECK(audience["mapping"] == "trial_users");
  CHECK(audience["mappings"] == std::vector<std::string>{"trial_users", "trial_left"});
}

TEST_CASE("In the JSON of audiences what a destination does not tell is null") {
  const auto json = nlohmann::json::parse(audiences_json(sample()));
  const auto& trial = json["destinations"][0]["audiences"][0];
  CHECK(trial["size"] == 1'234);
  CHECK(trial["match_rate"] == Approx(0.45));
  CHECK(trial["twins"] == nlohmann::json{"2004377"});
  CHECK(trial["delivered"]["added"] == 12'400);
  CHECK(trial["delivered"]["last"] == "2026-09-21T14:10:20Z");
  const auto& churn = json["destinations"][0]["audiences"][1];
  for (const char* unknown : {"id", "size", "matched_7_days", "input_7_days", "match_rate", "note"})
    CHECK(churn[unknown].is_null());
  CHECK(churn["delivered"]["last"].is_null());
  CHECK(json["destinations"][0]["problem"].is_null());
  CHECK(json["destinations"][1]["problem"] == "there is no login");
  CHECK(json["counted_since"] == "2026-09-18T14:13:20Z");
}

TEST_CASE("What is to know of several audiences alike is said once") {
  AudiencesView view = sample();
  for (Audience& audience : view.destinations[0].audiences) {
    audience.twins.clear();
    audience.note = "LinkedIn shows no size below 300.";
  }
  CHECK_THAT(
      audiences_text(view),
      Catch::Contains("\n\n  Trial users, churn_risk: LinkedIn shows no size below 300.\n\n"));
}

TEST_CASE("Names that a destination gives cannot move the cursor") {
  AudiencesView view = sample();
  view.destinations[0].audiences[0].name = "Trial\x1b[2Jusers";
  view.destinations[0].audiences[0].note = "a\nb";
  const std::string text = audiences_text(view);
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(text.find("a\nb") == std::string::npos);
}

}  // namespace penstock::cli
