// Guards the C++ SDK: the JSON writer, text at the boundary, views of records, and trampolines that
// let nothing out.
#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <new>
#include <stdexcept>

#include <nlohmann/json.hpp>
#include <penstock/sdk/json_writer.hpp>
#include <penstock/sdk/notices.hpp>
#include <penstock/sdk/plugin.hpp>
#include <penstock/sdk/test_host.hpp>

namespace sdk = penstock::sdk;
namespace test = penstock::sdk::test;

namespace {

// Does what the setting "fault" says, in the hook that it names.
class Faulty {
 public:
  explicit Faulty(const sdk::Host& host) : host_(host), notices_(host) {}

  std::int32_t settings(const sdk::Config& config, const sdk::Error& error) {
    hook_ = config.find("hook").text();
    fault_ = config.find("fault").text();
    if (hook_ == "settings") commit();
    if (hook_ == "long_error") return error.invalid("x", std::string(500, 'a') + "\xC3\xA9");
    return PENSTOCK_OK;
  }
  std::int32_t mapping(const sdk::Record& record, const sdk::Emitter& emitter,
                       const sdk::Error& error) const {
    if (hook_ == "mapping") commit();
    if (hook_ == "twice") emitter.element("a", "b", "c");
    if (hook_ == "silent") return PENSTOCK_OK;
    if (hook_ == "time") (void)host_.wall_ns();
    if (hook_ == "notice") notices_.raise(PENSTOCK_LOG_WARNING, "late", "It is late.");
    if (hook_ == "skip_with_element") {
      emitter.element("a", "b", "c");
      return PENSTOCK_SKIP;
    }
    if (hook_ == "reject_without_reason") return error.reject("", "", "");
    emitter.element(record[sdk::Field{0}].text(), hook_ == "long_key" ? std::string(513, 'k') : "b",
                    "c");
    return PENSTOCK_OK;
  }
  std::int32_t send(const sdk::Batch& batch, const sdk::Error&) {
    if (hook_ == "send") commit();
    for (std::uint64_t i = 0; i < batch.size(); ++i) batch.report_delivered(i, 200);
    if (hook_ == "report_twice") batch.report_delivered(0, 200);
    if (hook_ == "report_beyond") batch.report_delivered(batch.size(), 200);
    return PENSTOCK_OK;
  }
  std::int32_t check(std::int64_t, const sdk::Error&) {
    if (hook_ == "check") commit();
    return PENSTOCK_OK;
  }
  std::int32_t query(std::string_view name, std::string_view arguments, std::int64_t deadline_ns,
                     std::string& answer, const sdk::Error& error) {
    if (hook_ == "query") commit();
    answer = "{\"left_ns\":" + std::to_string(deadline_ns - host_.monotonic_ns()) + ",\"got\":";
    answer.append(arguments).append("}");
    if (name == "audiences") return PENSTOCK_OK;
    notices_.raise(PENSTOCK_LOG_ERROR, "odd_question", "Somebody asked what nobody knows.");
    return error.fail(PENSTOCK_ERR_UNSUPPORTED, "unknown_query", {}, "no such question");
  }

 private:
  void commit() const {
    if (fault_ == "std") throw std::runtime_error("jane@example.com");
    if (fault_ == "memory") throw std::bad_alloc();
    if (fault_ == "int") throw 42;
  }
  sdk::Host host_;
  sdk::Notices notices_;
  std::string hook_, fault_;
};

}  // namespace

PENSTOCK_PLUGIN_WITH_CHECK_AND_QUERY(faulty, Faulty)

namespace {

test::Hooks faulty_hooks() {
  test::Hooks hooks = PENSTOCK_TEST_HOOKS(faulty);
  hooks.check = faulty_check;
  hooks.query = faulty_query;
  return hooks;
}

std::string json_of(std::string_view text) {
  std::string out;
  sdk::JsonWriter(out).string(text);
  return out;
}

}  // namespace

TEST_CASE("nothing that a hook throws gets out of it") {
  for (const char* const fault : {"std", "memory", "int"}) {
    for (const char* const hook : {"settings", "mapping", "send", "check", "query"}) {
      CAPTURE(fault, hook);
      test::TestHost host(faulty_hooks(), {{"a", {"f"}}});
      test::HookResult result = host.settings({{"hook", hook}, {"fault", fault}});
      if (std::string(hook) == "mapping") result = host.map({});
      if (std::string(hook) == "send") result = host.send({"x"}, "b");
      if (std::string(hook) == "check") result = host.check();
      if (std::string(hook) == "query") result = host.query("audiences", "{}");
      CHECK(result.code == PENSTOCK_ERR_INTERNAL);
      CHECK_FALSE(result.message.empty());
      CHECK(result.message.find("jane") == std::string::npos);
    }
  }
}

TEST_CASE("the test host names each breach of the contract") {
  struct Case {
    const char* hook;
    const char* fault;
  };
  const Case cases[] = {{"twice", "mapping emitted two elements"},
                        {"silent", "mapping returned OK without an element"},
                        {"time", "mapping asked for the time"},
                        {"notice", "mapping raised a notice"},
                        {"skip_with_element", "mapping emitted an element but did not return OK"},
                        {"reject_without_reason", "mapping rejected without a reason"},
                        {"long_key", "the batch key is over 512 bytes"},
                        {"report_twice", "send reported index 0 twice"},
                        {"report_beyond", "send reported index 1, out of range"}};
  for (const Case& c : cases) {
    CAPTURE(c.hook);
    test::TestHost host(faulty_hooks(), {{"a", {"f"}}});
    (void)host.settings({{"hook", c.hook}});
    (void)host.map({{"f", "x"}});
    (void)host.send({"x"}, "b");
    REQUIRE(host.faults().size() == 1);
    CHECK(host.faults()[0].find(c.fault) == 0);
  }
}

TEST_CASE("a query gives its answer when it succeeds, and only then") {
  test::TestHost host(faulty_hooks(), {{"a", {"f"}}});
  const test::QueryResult known = host.query("audiences", "{\"x\":1}");
  CHECK(known.code == PENSTOCK_OK);
  CHECK(known.answer == "{\"left_ns\":30000000000,\"got\":{\"x\":1}}");
  const test::QueryResult unknown = host.query("weather", "{}");
  CHECK(unknown.code == PENSTOCK_ERR_UNSUPPORTED);
  CHECK(unknown.reason == "unknown_query");
  CHECK(unknown.answer.empty());
  CHECK(host.faults().empty());
}

TEST_CASE("a notice reaches the host, and none is raised where the host has no such service") {
  test::TestHost host(faulty_hooks(), {{"a", {"f"}}});
  (void)host.query("weather", "{}");
  REQUIRE(host.notices().size() == 1);
  CHECK(host.notices()[0].level == PENSTOCK_LOG_ERROR);
  CHECK(host.notices()[0].code == "odd_question");
  test::Options without;
  without.offer_notices = false;
  test::TestHost small(faulty_hooks(), {{"a", {"f"}}}, without);
  CHECK(small.query("weather", "{}").code == PENSTOCK_ERR_UNSUPPORTED);
  CHECK(small.notices().empty());
}

TEST_CASE("a host of another ABI, or a smaller one, is refused") {
  penstock_host host{};
  penstock_descriptor out{};
  penstock_error error{};
  error.struct_size = sizeof error;
  out.struct_size = sizeof out;
  host.struct_size = sizeof host;
  host.abi_major = PENSTOCK_ABI_MAJOR + 1;
  CHECK(faulty_init(&host, &out, &error) == PENSTOCK_ERR_UNSUPPORTED);
  CHECK(error.message[0] != '\0');
  host.abi_major = PENSTOCK_ABI_MAJOR;
  host.struct_size = 16;
  CHECK(faulty_init(&host, &out, nullptr) == PENSTOCK_ERR_UNSUPPORTED);
  host.struct_size = sizeof host;
  out.struct_size = 8;
  CHECK(faulty_init(&host, &out, &error) == PENSTOCK_ERR_UNSUPPORTED);
  CHECK(out.plugin == nullptr);
}

TEST_CASE("a message that does not fit is cut between characters") {
  char buffer[6];
  const std::pair<const char*, const char*> cases[] = {{"abc", "abc"},
                                                       {"abcdef", "abcde"},
                                                       {"abcdé", "abcd"},
                                                       {"ab\xF0\x9F\x98\x80", "ab"},
                                                       {"", ""}};
  for (const auto& [text, expected] : cases) {
    sdk::copy_text(buffer, text);
    CHECK(std::string(buffer) == expected);
  }
  test::TestHost host(faulty_hooks(), {{"a", {"f"}}});
  CHECK(host.settings({{"hook", "long_error"}}).message == std::string(383, 'a'));
}

TEST_CASE("JSON text reads back as what was written, whatever the bytes") {
  const std::string cases[] = {"",
                               "plain",
                               "quote \" backslash \\ slash /",
                               std::string("nul \0 inside", 12),
                               "\b\f\n\r\t\x1f\x7f",
                               "Zoë 日本 \xF0\x9F\x98\x80",
                               "12345678\"",
                               "1234567\"8",
                               std::string(1000, 'x') + "\n"};
  for (const std::string& text : cases) {
    CAPTURE(text);
    CHECK(nlohmann::json::parse(json_of(text)).get<std::string>() == text);
  }
  for (int byte = 0; byte < 0x80; ++byte) {
    for (std::size_t at = 0; at < 12; ++at) {
      std::string text(12, 'x');
      text[at] = static_cast<char>(byte);
      CHECK(nlohmann::json::parse(json_of(text)).get<std::string>() == text);
    }
  }
}

TEST_CASE("each byte that is no part of a character becomes U+FFFD") {
  const std::string r = "\xEF\xBF\xBD";
  const std::pair<std::string, std::string> cases[] = {
      {"a\xFFz", "a" + r + "z"},
      {"\x80", r},
      {"\xC3", r},
      {"\xC0\xAF", r + r},                  // overlong
      {"\xE0\x80\xAF", r + r + r},          // overlong
      {"\xED\xA0\x80", r + r + r},          // a surrogate
      {"\xF4\x90\x80\x80", r + r + r + r},  // above U+10FFFF
      {"\xE2\x82", r + r},
      {"\xE2\x82\xAC\xE2", "\xE2\x82\xAC" + r}};
  for (const auto& [text, expected] : cases) CHECK(json_of(text) == '"' + expected + '"');
}

TEST_CASE("structures get their commas, numbers their shortest text") {
  std::string out = "> ";
  sdk::JsonWriter json(out);
  json.begin_object();
  json.member("a", "b");
  json.key("list");
  json.begin_array();
  json.integer(std::numeric_limits<std::int64_t>::min());
  json.unsigned_integer(std::numeric_limits<std::uint64_t>::max());
  json.number(0.1);
  json.number(std::numeric_limits<double>::infinity());
  json.boolean(true);
  json.null();
  json.begin_object();
  json.end_object();
  json.end_array();
  json.key("raw");
  json.raw("[1]");
  json.end_object();
  CHECK(
      out ==
      R"(> {"a":"b","list":[-9223372036854775808,18446744073709551615,0.1,null,true,null,{}],"raw":[1]})");
}

TEST_CASE("a getter of another type than the value's gives nothing") {
  const test::TestValue five_text("5"), five(5), beyond_i64(std::uint64_t{1} << 63), absent;
  const penstock_value text = five_text.c(), number = five.c(), big = beyond_i64.c(),
                       nothing = absent.c();
  CHECK(sdk::Value(text).as_string() == "5");
  CHECK_FALSE(sdk::Value(text).as_i64());
  CHECK(sdk::Value(number).as_i64() == 5);
  CHECK(sdk::Value(number).as_u64() == 5U);
  CHECK(sdk::Value(number).as_f64() == 5.0);
  CHECK_FALSE(sdk::Value(number).as_bool());
  CHECK_FALSE(sdk::Value(big).as_i64());
  CHECK(sdk::Value(big).as_u64() == std::uint64_t{1} << 63);
  CHECK(sdk::Value(nothing).empty());
  CHECK(sdk::Value(nothing).text().empty());
}

TEST_CASE("a field beyond the record's values is absent") {
  const penstock_record record{sizeof(penstock_record), 0, 0, nullptr};
  CHECK(sdk::Record(record)[sdk::Field{3}].empty());
  CHECK(sdk::Record(record)[sdk::Field{}].empty());
}
