// A small HTTP client for the tests of the simulated LinkedIn API: real sockets, one connection
// kept alive per client.
#pragma once

#include <curl/curl.h>

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

struct Answer {
  long status = 0;  // 0: no complete reply came
  CURLcode failure = CURLE_OK;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  long new_connections = 0;

  [[nodiscard]] nlohmann::json json() const { return nlohmann::json::parse(body, nullptr, false); }
};

class SandboxClient {
 public:
  explicit SandboxClient(std::uint16_t port);
  ~SandboxClient();
  SandboxClient(const SandboxClient&) = delete;
  SandboxClient& operator=(const SandboxClient&) = delete;

  // What every request to the API carries; a test changes or erases entries.
  std::map<std::string, std::string> headers = {{"Authorization", "Bearer sandbox-token"},
                                                {"LinkedIn-Version", "202608"},
                                                {"X-Restli-Protocol-Version", "2.0.0"}};

  Answer request(const std::string& method, const std::string& target, const std::string& body = {},
                 const std::map<std::string, std::string>& more_headers = {});
  Answer get(const std::string& target) { return request("GET", target); }
  // A POST of JSON; method: the X-RestLi-Method, none when empty.
  Answer post(const std::string& target, const nlohmann::json& body,
              const std::string& method = {});
  Answer post_form(const std::string& target, const std::string& form);

  // Creates a segment in account 1 and gives its id; fails the test when that does not work.
  std::string create_segment(const std::string& source_segment_id,
                             const std::string& type = "USER");
  Answer write_users(const std::string& segment, const std::vector<nlohmann::json>& elements);

 private:
  CURL* curl_;
  std::string base_;
};

// {"action":..., "userIds":[{"idType":"GOOGLE_AID","idValue":value}]}
[[nodiscard]] nlohmann::json user(const std::string& action, const std::string& value);
[[nodiscard]] nlohmann::json segment_body(const std::string& source_segment_id,
                                          const std::string& type = "USER");
// The status of each element of a batch reply.
[[nodiscard]] std::vector<int> element_statuses(const Answer& answer);
