// A request and a reply, apart from any transport, and LinkedIn's way of writing errors.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace linkedin_sandbox {

struct HttpRequest {
  std::string method;
  std::string target;                          // as sent: path and query, still percent-encoded
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  std::uint64_t connection = 0;  // counts the connections of a server

  // Empty when there is no such header. name: lower case.
  [[nodiscard]] const std::string& header(const std::string& name) const;
};

// What the transport does with the connection, beside sending the reply.
enum class ConnectionEnd {
  keep,      // as the client asked
  close,     // after the reply, which does not announce it
  truncate,  // after half of the reply
  reset,     // no byte of the reply is sent, the client sees a reset
};

struct HttpReply {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string content_type = "application/json";
  std::string body;
  ConnectionEnd end = ConnectionEnd::keep;
};

using HttpHandler = std::function<HttpReply(const HttpRequest&)>;

// The parts of a request target.
struct Target {
  std::vector<std::string> path;             // segments, still encoded: composite keys need that
  std::map<std::string, std::string> query;  // decoded; the last of equal names wins

  [[nodiscard]] static Target parse(std::string_view target);
  // nullptr when absent.
  [[nodiscard]] const std::string* parameter(const std::string& name) const;
};

// Percent-encoding undone, "+" read as a space when `form`. A broken escape stays as it is.
[[nodiscard]] std::string decode_percent(std::string_view text, bool form = false);
// The fields of an application/x-www-form-urlencoded body or of a query.
[[nodiscard]] std::map<std::string, std::string> parse_form(std::string_view text);

[[nodiscard]] HttpReply json_reply(int status, const nlohmann::json& body);
// The plain envelope: status, serviceErrorCode (left out when 0), code (left out when empty),
// message.
[[nodiscard]] HttpReply error_reply(int status, std::int64_t service_error_code,
                                    const std::string& code, const std::string& message);

}  // namespace linkedin_sandbox
