// penstock/sdk/test_host.hpp - a host for unit tests: drives a plugin's hooks without a pipeline,
// checks that they keep the contract, and plays the destination over a scripted HTTP service.
// Everything is [any-thread], so that a test may send batches at once.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../abi.h"
#include "../ext/http.h"
#include "../ext/kv.h"
#include "../ext/notices.h"
#include "test_values.hpp"
#include "text.hpp"

namespace penstock {
namespace sdk {
namespace test {

struct Options {
  std::string destination = "test";
  bool offer_http = true;
  bool offer_kv = true;
  bool offer_notices = true;
  std::int64_t wall_ns = 1'790'000'000'000'000'000;  // 2026-09-21 in UTC
  std::int64_t send_timeout_ns =
      30'000'000'000;    // deadline of a batch, from the manual clock's now
  std::string mappings;  // the text of a JSON array: abi.h, penstock_config
};

// One instance of a plugin in a world that the test controls. Faults of the plugin against the
// contract are collected in faults(); a test ends with a check that there are none.
class TestHost {
 public:
  // Calls init. Throws std::runtime_error when it fails.
  TestHost(Hooks hooks, std::vector<TestAction> actions, Options options = {})
      : hooks_(hooks), actions_(std::move(actions)), options_(std::move(options)) {
    fill_tables();
    const HookResult result = try_init();
    if (result.code != PENSTOCK_OK) throw std::runtime_error("init failed: " + result.message);
  }
  ~TestHost() {
    if (descriptor_.plugin == nullptr) return;
    if (descriptor_.quiesce != nullptr) descriptor_.quiesce(descriptor_.plugin);
    descriptor_.destroy(descriptor_.plugin);
  }
  TestHost(const TestHost&) = delete;
  TestHost& operator=(const TestHost&) = delete;

  HookResult settings(const TestValues& settings) {
    std::vector<penstock_str> names;
    std::vector<penstock_value> values;
    for (const auto& [name, value] : settings) {
      names.push_back(str(name));
      values.push_back(value.c());
    }
    std::vector<std::vector<penstock_str>> field_names(actions_.size());
    std::vector<penstock_action> actions;
    for (std::size_t i = 0; i < actions_.size(); ++i) {
      for (const std::string& field : actions_[i].fields) field_names[i].push_back(str(field));
      actions.push_back({str(actions_[i].name), field_names[i].data(), field_names[i].size()});
    }
    const penstock_config config{sizeof(penstock_config),
                                 0,
                                 str(options_.destination),
                                 names.size(),
                                 names.data(),
                                 values.data(),
                                 actions.size(),
                                 actions.data(),
                                 str(options_.mappings)};
    penstock_error error = empty_error();
    const std::int32_t code = hooks_.settings(descriptor_.plugin, &config, &error);
    return result_of(code, error);
  }

  // Fields that are not named are absent.
  MapResult map(const TestValues& fields, std::uint32_t action = 0) {
    const std::vector<std::string>& names = actions_.at(action).fields;
    std::vector<penstock_value> values(names.size());
    for (const auto& [name, value] : fields) {
      std::size_t i = 0;
      while (i < names.size() && names[i] != name) ++i;
      if (i == names.size()) throw std::runtime_error("the action has no field \"" + name + "\"");
      values[i] = value.c();
    }
    MapResult result;
    Mapped mapped{this, &names, &result};
    const penstock_record record{sizeof(penstock_record), action, values.size(), values.data()};
    const penstock_emitter emitter{
        sizeof(penstock_emitter), 0, &mapped, &TestHost::on_element, &TestHost::on_warning,
        &TestHost::on_identifier};
    penstock_error error = empty_error();
    in_mapping() = true;
    const std::int32_t code = hooks_.mapping(descriptor_.plugin, &record, &emitter, &error);
    in_mapping() = false;
    static_cast<HookResult&>(result) = result_of(code, error);
    if ((code == PENSTOCK_OK) != result.emitted) {
      fault(result.emitted ? "mapping emitted an element but did not return OK"
                           : "mapping returned OK without an element");
    }
    if (code == PENSTOCK_REJECT && result.reason.empty())
      fault("mapping rejected without a reason");
    return result;
  }

  SendResult send(const std::vector<std::string>& payloads, const std::string& batch_key,
                  std::uint32_t attempt = 0, std::uint32_t action = 0) {
    SendResult result;
    result.outcomes.resize(payloads.size());
    std::vector<penstock_str> views;
    views.reserve(payloads.size());
    for (const std::string& payload : payloads) views.push_back(str(payload));
    Sent sent{this, &result, {}};
    penstock_batch batch{};
    batch.struct_size = sizeof batch;
    batch.action = action;
    batch.attempt = attempt;
    batch.batch_key = str(batch_key);
    batch.deadline_ns = monotonic_ns() + options_.send_timeout_ns;
    batch.n = views.size();
    batch.payloads = views.data();
    batch.ctx = &sent;
    batch.cancelled = [](void* ctx) -> std::uint32_t {
      return static_cast<Sent*>(ctx)->host->cancelled_.load() ? 1 : 0;
    };
    batch.report = &TestHost::on_report;
    penstock_error error = empty_error();
    const std::int32_t code = hooks_.send(descriptor_.plugin, &batch, &error);
    static_cast<HookResult&>(result) = result_of(code, error);
    return result;
  }

  HookResult check() {
    penstock_error error = empty_error();
    const std::int32_t code =
        hooks_.check(descriptor_.plugin, monotonic_ns() + options_.send_timeout_ns, &error);
    return result_of(code, error);
  }

  QueryResult query(std::string_view name, std::string_view arguments_json) {
    QueryResult result;
    Asked asked{this, &result, 0};
    penstock_query question{};
    question.struct_size = sizeof question;
    question.name = str(name);
    question.arguments = str(arguments_json);
    question.deadline_ns = monotonic_ns() + options_.send_timeout_ns;
    question.ctx = &asked;
    question.answer = [](void* ctx, penstock_str json) {
      auto& answered = *static_cast<Asked*>(ctx);
      answered.result->answer = view(json);
      if (++answered.answers > 1) answered.host->fault("query answered twice");
    };
    penstock_error error = empty_error();
    const std::int32_t code = hooks_.query(descriptor_.plugin, &question, &error);
    static_cast<HookResult&>(result) = result_of(code, error);
    if (code == PENSTOCK_OK && asked.answers == 0) fault("query returned OK without an answer");
    if (code != PENSTOCK_OK && asked.answers > 0) fault("query answered but did not return OK");
    return result;
  }

  // The destination: replies are used in order; when none is queued, the handler answers; without
  // one the connection is refused.
  void reply(HttpReply reply) {
    const std::lock_guard<std::mutex> lock(mutex_);
    replies_.push_back(std::move(reply));
  }
  void on_request(std::function<HttpReply(const HttpExchange&)> handler) {
    const std::lock_guard<std::mutex> lock(mutex_);
    handler_ = std::move(handler);
  }
  [[nodiscard]] std::vector<HttpExchange> requests() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return requests_;
  }
  [[nodiscard]] std::size_t replies_left() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return replies_.size();
  }

  // Both clocks go on together, and only so.
  void advance_ms(std::int64_t milliseconds) { elapsed_ns_ += milliseconds * 1'000'000; }
  [[nodiscard]] std::int64_t monotonic_ns() const { return kMonotonicStart + elapsed_ns_; }
  [[nodiscard]] std::int64_t wall_ns() const { return options_.wall_ns + elapsed_ns_; }
  void cancel_batches(bool cancelled = true) { cancelled_ = cancelled; }

  // What the plugin stored. Survives into another TestHost by set_stored.
  [[nodiscard]] std::map<std::string, std::string> stored() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::map<std::string, std::string> all;
    for (const auto& [key, entry] : stored_) all.emplace(key, entry.value);
    return all;
  }
  void set_stored(const std::map<std::string, std::string>& values) {
    const std::lock_guard<std::mutex> lock(mutex_);
    stored_.clear();
    for (const auto& [key, value] : values) stored_[key] = Stored{value, 1};
  }

  [[nodiscard]] std::vector<std::string> logs() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return logs_;
  }
  [[nodiscard]] std::vector<RaisedNotice> notices() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return raised_;
  }
  // What the plugin did that the contract forbids.
  [[nodiscard]] std::vector<std::string> faults() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return faults_;
  }

 private:
  static constexpr std::int64_t kMonotonicStart = 1'000'000'000;
  static constexpr std::size_t kMaxKeyBytes = 512;             // abi.h, penstock_element
  static constexpr std::size_t kMaxKvKeyBytes = 256;           // ext/kv.h
  static constexpr std::size_t kMaxKvValueBytes = 65536;       // ext/kv.h
  static constexpr std::size_t kMaxNoticeCodeBytes = 64;       // ext/notices.h
  static constexpr std::size_t kMaxNoticeMessageBytes = 1024;  // ext/notices.h

  struct Stored {
    std::string value;
    std::uint64_t version = 0;
  };
  struct Mapped {
    TestHost* host;
    const std::vector<std::string>* fields;
    MapResult* result;
  };
  struct Asked {
    TestHost* host;
    QueryResult* result;
    int answers;
  };
  struct Sent {
    TestHost* host;
    SendResult* result;
    std::mutex mutex;
  };

  static bool& in_mapping() {
    thread_local bool inside = false;
    return inside;
  }
  static penstock_error empty_error() {
    penstock_error error{};
    error.struct_size = sizeof error;
    return error;
  }
  static HookResult result_of(std::int32_t code, const penstock_error& error) {
    return HookResult{code, error.reason, error.field, error.message};
  }
  static TestHost& self(void* ctx) { return *static_cast<TestHost*>(ctx); }

  void fault(std::string text) {
    const std::lock_guard<std::mutex> lock(mutex_);
    faults_.push_back(std::move(text));
  }
  void check_key(const char* what, const std::string& key) {
    if (key.size() > kMaxKeyBytes) fault(std::string(what) + " is over 512 bytes");
    for (std::size_t i = 0; i < key.size();) {
      const std::size_t length = utf8_sequence(std::string_view(key).substr(i));
      if (length == 0) {
        fault(std::string(what) + " is no UTF-8");
        return;
      }
      i += length;
    }
  }

  HookResult try_init() {
    penstock_error error = empty_error();
    descriptor_.struct_size = sizeof descriptor_;
    const std::int32_t code = hooks_.init(&host_, &descriptor_, &error);
    if (code == PENSTOCK_OK && descriptor_.destroy == nullptr) fault("init left destroy NULL");
    return result_of(code, error);
  }

  void fill_tables() {
    host_.struct_size = sizeof host_;
    host_.abi_major = PENSTOCK_ABI_MAJOR;
    host_.abi_minor = PENSTOCK_ABI_MINOR;
    host_.ctx = this;
    host_.log_enabled = [](void*, std::int32_t) -> std::uint32_t { return 1; };
    host_.log = [](void* ctx, std::int32_t, penstock_str message) {
      const std::lock_guard<std::mutex> lock(self(ctx).mutex_);
      self(ctx).logs_.emplace_back(view(message));
    };
    host_.wall_ns = [](void* ctx) {
      if (in_mapping()) self(ctx).fault("mapping asked for the time");
      return self(ctx).wall_ns();
    };
    host_.monotonic_ns = [](void* ctx) { return self(ctx).monotonic_ns(); };
    host_.extension = [](void* ctx, const char* id) -> const void* {
      TestHost& host = self(ctx);
      if (host.options_.offer_http && std::string_view(id) == PENSTOCK_EXT_HTTP) return &host.http_;
      if (host.options_.offer_kv && std::string_view(id) == PENSTOCK_EXT_KV) return &host.kv_;
      if (host.options_.offer_notices && std::string_view(id) == PENSTOCK_EXT_NOTICES)
        return &host.notices_;
      return nullptr;
    };
    http_.struct_size = sizeof http_;
    http_.ctx = this;
    http_.execute = &TestHost::execute;
    kv_.struct_size = sizeof kv_;
    kv_.ctx = this;
    kv_.get = &TestHost::kv_get;
    kv_.put = &TestHost::kv_put;
    kv_.remove = &TestHost::kv_remove;
    notices_.struct_size = sizeof notices_;
    notices_.ctx = this;
    notices_.raise = &TestHost::on_notice;
  }

  static void on_element(void* ctx, const penstock_element* element) {
    Mapped& mapped = *static_cast<Mapped*>(ctx);
    if (mapped.result->emitted) mapped.host->fault("mapping emitted two elements for one record");
    mapped.result->emitted = true;
    mapped.result->payload = view(element->payload);
    mapped.result->batch_key = view(element->batch_key);
    mapped.result->coalesce_key = view(element->coalesce_key);
    mapped.host->check_key("the batch key", mapped.result->batch_key);
    mapped.host->check_key("the coalesce key", mapped.result->coalesce_key);
  }
  static void on_warning(void* ctx, penstock_str code, std::uint32_t field) {
    Mapped& mapped = *static_cast<Mapped*>(ctx);
    if (field >= mapped.fields->size()) {
      mapped.host->fault("mapping warned about a field that the action does not have");
      return;
    }
    mapped.result->warnings.emplace_back(view(code), (*mapped.fields)[field]);
  }
  static void on_identifier(void* ctx, penstock_str value, std::uint32_t field) {
    Mapped& mapped = *static_cast<Mapped*>(ctx);
    if (field >= mapped.fields->size()) {
      mapped.host->fault("mapping named an identifier of a field that the action does not have");
      return;
    }
    mapped.result->identifiers.emplace_back(view(value), (*mapped.fields)[field]);
  }
  static void on_report(void* ctx, std::uint64_t index, const penstock_outcome* outcome) {
    Sent& sent = *static_cast<Sent*>(ctx);
    const std::lock_guard<std::mutex> lock(sent.mutex);
    if (index >= sent.result->outcomes.size()) {
      sent.host->fault("send reported index " + std::to_string(index) + ", out of range");
      return;
    }
    SentOutcome& slot = sent.result->outcomes[static_cast<std::size_t>(index)];
    if (slot.reported) sent.host->fault("send reported index " + std::to_string(index) + " twice");
    slot = SentOutcome{true,
                       outcome->status,
                       outcome->remote_status,
                       outcome->retry_after_ms,
                       std::string(view(outcome->reason)),
                       std::string(view(outcome->message)),
                       outcome->flags};
  }

  static void on_notice(void* ctx, std::int32_t level, penstock_str code, penstock_str message) {
    TestHost& host = self(ctx);
    if (in_mapping()) host.fault("mapping raised a notice");
    if (level != PENSTOCK_LOG_WARNING && level != PENSTOCK_LOG_ERROR)
      host.fault("a notice is neither a warning nor an error");
    const bool too_long = code.size > kMaxNoticeCodeBytes || message.size > kMaxNoticeMessageBytes;
    if (code.size == 0 || message.size == 0) host.fault("a notice without code or message");
    if (too_long) host.fault("a notice beyond the limits");
    const std::lock_guard<std::mutex> lock(host.mutex_);
    host.raised_.push_back({level, std::string(view(code)), std::string(view(message))});
  }

  static std::int32_t fail(penstock_error* error, std::int32_t code, std::string_view message,
                           std::string_view reason = "test_host") {
    if (error != nullptr) {
      copy_text(error->reason, reason);
      copy_text(error->message, message);
    }
    return code;
  }

  static std::int32_t execute(void* ctx, const penstock_http_request* request,
                              void (*on_response)(void*, const penstock_http_response*), void* user,
                              penstock_error* error) {
    TestHost& host = self(ctx);
    if (in_mapping()) host.fault("mapping made an HTTP request");
    HttpExchange exchange;
    exchange.method = view(request->method);
    exchange.url = view(request->url);
    exchange.rate = view(request->rate);
    exchange.flags = request->flags;
    exchange.deadline_ns = request->deadline_ns;
    for (std::uint64_t i = 0; i < request->n_headers; ++i) {
      exchange.headers.emplace(view(request->headers[i].name), view(request->headers[i].value));
    }
    for (std::uint64_t i = 0; i < request->n_body; ++i) exchange.body += view(request->body[i]);

    std::optional<HttpReply> reply;
    std::function<HttpReply(const HttpExchange&)> handler;
    {
      const std::lock_guard<std::mutex> lock(host.mutex_);
      host.requests_.push_back(exchange);
      if (!host.replies_.empty()) {
        reply = std::move(host.replies_.front());
        host.replies_.pop_front();
      }
      handler = host.handler_;
    }
    if (!reply && handler) reply = handler(exchange);
    if (!reply) return fail(error, PENSTOCK_ERR_CONNECT, "the test scripted no reply");
    if (reply->result != PENSTOCK_OK)
      return fail(error, reply->result, reply->error, reply->error_reason);

    std::vector<penstock_header> headers;
    for (const auto& [name, value] : reply->headers) headers.push_back({str(name), str(value)});
    const penstock_http_response response{sizeof(penstock_http_response), reply->status,
                                          headers.size(), headers.data(), str(reply->body)};
    on_response(user, &response);
    return PENSTOCK_OK;
  }

  static std::int32_t kv_get(void* ctx, penstock_str key,
                             void (*sink)(void*, penstock_str, std::uint64_t), void* user,
                             penstock_error* error) {
    TestHost& host = self(ctx);
    Stored found;
    {
      const std::lock_guard<std::mutex> lock(host.mutex_);
      const auto it = host.stored_.find(std::string(view(key)));
      if (it == host.stored_.end()) return fail(error, PENSTOCK_ERR_NOT_FOUND, "no such key");
      found = it->second;
    }
    sink(user, str(found.value), found.version);
    return PENSTOCK_OK;
  }
  static std::int32_t kv_put(void* ctx, penstock_str key, penstock_str value,
                             std::uint64_t expected, penstock_error* error) {
    TestHost& host = self(ctx);
    if (key.size > kMaxKvKeyBytes || value.size > kMaxKvValueBytes) {
      host.fault("kv put beyond the limits");
      return fail(error, PENSTOCK_ERR_INVALID, "key or value too long");
    }
    const std::lock_guard<std::mutex> lock(host.mutex_);
    Stored& stored = host.stored_[std::string(view(key))];
    if (expected != PENSTOCK_KV_ANY && expected != stored.version) {
      if (stored.version == 0) host.stored_.erase(std::string(view(key)));
      return fail(error, PENSTOCK_ERR_CONFLICT, "another version");
    }
    stored.value = view(value);
    ++stored.version;
    return PENSTOCK_OK;
  }
  static std::int32_t kv_remove(void* ctx, penstock_str key, std::uint64_t expected,
                                penstock_error* error) {
    TestHost& host = self(ctx);
    const std::lock_guard<std::mutex> lock(host.mutex_);
    const auto it = host.stored_.find(std::string(view(key)));
    if (it == host.stored_.end()) return fail(error, PENSTOCK_ERR_NOT_FOUND, "no such key");
    if (expected != PENSTOCK_KV_ANY && expected != it->second.version) {
      return fail(error, PENSTOCK_ERR_CONFLICT, "another version");
    }
    host.stored_.erase(it);
    return PENSTOCK_OK;
  }

  Hooks hooks_;
  std::vector<TestAction> actions_;
  Options options_;
  penstock_host host_{};
  penstock_http http_{};
  penstock_kv kv_{};
  penstock_notices notices_{};
  penstock_descriptor descriptor_{};
  std::atomic<std::int64_t> elapsed_ns_{0};
  std::atomic<bool> cancelled_{false};

  mutable std::mutex mutex_;  // guards everything below
  std::deque<HttpReply> replies_;
  std::function<HttpReply(const HttpExchange&)> handler_;
  std::vector<HttpExchange> requests_;
  std::map<std::string, Stored> stored_;
  std::vector<std::string> logs_;
  std::vector<RaisedNotice> raised_;
  std::vector<std::string> faults_;
};

}  // namespace test
}  // namespace sdk
}  // namespace penstock
