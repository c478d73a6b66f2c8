// penstock/sdk/test_values.hpp - what a test gives to a plugin's hooks, and what it gets back. See
// test_host.hpp.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "../abi.h"
#include "text.hpp"

namespace penstock {
namespace sdk {
namespace test {

// Field value or setting that owns its text.
class TestValue {
 public:
  TestValue() { value_.type = PENSTOCK_ABSENT; }
  TestValue(const char* text) : TestValue(std::string(text)) {}
  TestValue(std::string text) : text_(std::move(text)) { value_.type = PENSTOCK_STRING; }
  TestValue(bool value) {
    value_.type = PENSTOCK_BOOL;
    value_.as.i64 = value ? 1 : 0;
  }
  TestValue(int value) : TestValue(static_cast<std::int64_t>(value)) {}
  TestValue(std::int64_t value) {
    value_.type = PENSTOCK_I64;
    value_.as.i64 = value;
  }
  TestValue(std::uint64_t value) {
    value_.type = PENSTOCK_U64;
    value_.as.u64 = value;
  }
  TestValue(double value) {
    value_.type = PENSTOCK_F64;
    value_.as.f64 = value;
  }
  static TestValue null() {
    TestValue value;
    value.value_.type = PENSTOCK_NULL;
    return value;
  }
  static TestValue json(std::string text) {
    TestValue value(std::move(text));
    value.value_.type = PENSTOCK_JSON;
    return value;
  }

  // Borrows the text of this object, so never of a temporary one.
  penstock_value c() const&& = delete;
  [[nodiscard]] penstock_value c() const& {
    penstock_value value = value_;
    if (value.type == PENSTOCK_STRING || value.type == PENSTOCK_JSON) value.as.str = str(text_);
    return value;
  }

 private:
  penstock_value value_{};
  std::string text_;
};

using TestValues = std::vector<std::pair<std::string, TestValue>>;

struct TestAction {
  std::string name;
  std::vector<std::string> fields;
};

// The hooks under test.
struct Hooks {
  penstock_init_fn init = nullptr;
  penstock_settings_fn settings = nullptr;
  penstock_mapping_fn mapping = nullptr;
  penstock_send_fn send = nullptr;
  penstock_check_fn check = nullptr;
  penstock_query_fn query = nullptr;
};

#define PENSTOCK_TEST_HOOKS(prefix)                                                                \
  (::penstock::sdk::test::Hooks{prefix##_init, prefix##_settings, prefix##_mapping, prefix##_send, \
                                nullptr, nullptr})

// A hook's code and what it wrote about a failure.
struct HookResult {
  std::int32_t code = PENSTOCK_OK;
  std::string reason;
  std::string field;
  std::string message;
};

// What query gave back.
struct QueryResult : HookResult {
  std::string answer;  // the text of a JSON object, if code is OK
};

// What the plugin raised through penstock.notices/1.
struct RaisedNotice {
  std::int32_t level = PENSTOCK_LOG_WARNING;
  std::string code;
  std::string message;
};

struct MapResult : HookResult {
  bool emitted = false;
  std::string payload;
  std::string batch_key;
  std::string coalesce_key;
  std::vector<std::pair<std::string, std::string>> warnings;     // code, field name
  std::vector<std::pair<std::string, std::string>> identifiers;  // value, field name
};

struct SentOutcome {
  bool reported = false;  // false: the host would call it UNKNOWN
  std::uint32_t status = PENSTOCK_UNKNOWN;
  std::int32_t remote_status = 0;
  std::int64_t retry_after_ms = -1;
  std::string reason;
  std::string message;
  std::uint32_t flags = 0;  // PENSTOCK_OUTCOME_...
};

struct SendResult : HookResult {
  std::vector<SentOutcome> outcomes;  // one per payload
};

// What the plugin asked the destination.
struct HttpExchange {
  std::string method;
  std::string url;
  std::string rate;
  std::string body;  // all parts
  std::uint32_t flags = 0;
  std::int64_t deadline_ns = 0;
  std::multimap<std::string, std::string> headers;  // names as the plugin wrote them
};

// What the destination answers.
struct HttpReply {
  std::int32_t result = PENSTOCK_OK;  // ERR_CONNECT, ERR_TRANSPORT ...: no answer
  std::int32_t status = 200;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string error_reason = "test_host";                    // without an answer
  std::string error = "as the test scripted";

  static HttpReply failure(std::int32_t result) {
    HttpReply reply;
    reply.result = result;
    return reply;
  }
  static HttpReply failure(std::int32_t result, std::string reason, std::string message) {
    HttpReply reply = failure(result);
    reply.error_reason = std::move(reason);
    reply.error = std::move(message);
    return reply;
  }
};

}  // namespace test
}  // namespace sdk
}  // namespace penstock
