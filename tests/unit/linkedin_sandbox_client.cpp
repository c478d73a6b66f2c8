#include "linkedin_sandbox_client.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cctype>

namespace {

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* answer) {
  static_cast<Answer*>(answer)->body.append(data, size * count);
  return size * count;
}

std::size_t take_header(char* data, std::size_t size, std::size_t count, void* answer) {
  const std::string line(data, size * count);
  const std::size_t colon = line.find(": ");
  if (colon != std::string::npos) {
    std::string name = line.substr(0, colon);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
    static_cast<Answer*>(answer)->headers[name] =
        line.substr(colon + 2, line.find_last_not_of("\r\n") - colon - 1);
  }
  return size * count;
}

constexpr long kTimeoutMs = 60'000;  // sanitizers on a busy machine

}  // namespace

SandboxClient::SandboxClient(std::uint16_t port)
    : curl_(curl_easy_init()), base_("http://127.0.0.1:" + std::to_string(port)) {}

SandboxClient::~SandboxClient() {
  curl_easy_cleanup(curl_);
}

Answer SandboxClient::request(const std::string& method, const std::string& target,
                              const std::string& body,
                              const std::map<std::string, std::string>& more_headers) {
  Answer answer;
  curl_slist* list = nullptr;
  for (const auto& from : {headers, more_headers}) {
    for (const auto& [name, value] : from) {
      list = curl_slist_append(list, (name + ": " + value).c_str());
    }
  }
  curl_easy_reset(curl_);  // keeps the connection
  curl_easy_setopt(curl_, CURLOPT_URL, (base_ + target).c_str());
  curl_easy_setopt(curl_, CURLOPT_HTTPHEADER, list);
  curl_easy_setopt(curl_, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl_, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(curl_, CURLOPT_TIMEOUT_MS, kTimeoutMs);
  curl_easy_setopt(curl_, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(curl_, CURLOPT_WRITEDATA, &answer);
  curl_easy_setopt(curl_, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(curl_, CURLOPT_HEADERDATA, &answer);
  if (method == "POST" || !body.empty()) {
    curl_easy_setopt(curl_, CURLOPT_POSTFIELDS, body.data());
    curl_easy_setopt(curl_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  }
  curl_easy_setopt(curl_, CURLOPT_CUSTOMREQUEST, method.c_str());
  answer.failure = curl_easy_perform(curl_);
  if (answer.failure == CURLE_OK) curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &answer.status);
  curl_easy_getinfo(curl_, CURLINFO_NUM_CONNECTS, &answer.new_connections);
  curl_slist_free_all(list);
  return answer;
}

Answer SandboxClient::post(const std::string& target, const nlohmann::json& body,
                           const std::string& method) {
  std::map<std::string, std::string> more = {{"Content-Type", "application/json"}};
  if (!method.empty()) more["X-RestLi-Method"] = method;
  return request("POST", target, body.dump(), more);
}

Answer SandboxClient::post_form(const std::string& target, const std::string& form) {
  return request("POST", target, form, {{"Content-Type", "application/x-www-form-urlencoded"}});
}

std::string SandboxClient::create_segment(const std::string& source_segment_id,
                                          const std::string& type) {
  const Answer answer = post("/rest/dmpSegments", segment_body(source_segment_id, type));
  REQUIRE(answer.status == 201);
  return answer.headers.at("x-restli-id");
}

Answer SandboxClient::write_users(const std::string& segment,
                                  const std::vector<nlohmann::json>& elements) {
  return post("/rest/dmpSegments/" + segment + "/users", {{"elements", elements}}, "BATCH_CREATE");
}

nlohmann::json user(const std::string& action, const std::string& value) {
  return {{"action", action}, {"userIds", {{{"idType", "GOOGLE_AID"}, {"idValue", value}}}}};
}

nlohmann::json segment_body(const std::string& source_segment_id, const std::string& type) {
  return {{"account", "urn:li:sponsoredAccount:1"},
          {"name", "Name of " + source_segment_id},
          {"sourcePlatform", "DIRECT_API"},
          {"sourceSegmentId", source_segment_id},
          {"type", type},
          {"destinations", {{{"destination", "LINKEDIN"}}}}};
}

std::vector<int> element_statuses(const Answer& answer) {
  std::vector<int> statuses;
  const nlohmann::json body = answer.json();
  for (const auto& element : body.at("elements")) statuses.push_back(element.at("status"));
  return statuses;
}
