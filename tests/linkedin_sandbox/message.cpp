#include "message.hpp"

namespace linkedin_sandbox {
namespace {

int hex_digit(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

// Calls take(part) for each part between separators.
template <typename Take>
void split(std::string_view text, char separator, Take take) {
  while (true) {
    const std::size_t end = text.find(separator);
    take(text.substr(0, end));
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

const std::string& HttpRequest::header(const std::string& name) const {
  static const std::string none;
  const auto found = headers.find(name);
  return found == headers.end() ? none : found->second;
}

Target Target::parse(std::string_view target) {
  Target parsed;
  const std::size_t question = target.find('?');
  split(target.substr(0, question), '/', [&](std::string_view segment) {
    if (!segment.empty()) parsed.path.emplace_back(segment);
  });
  if (question != std::string_view::npos) parsed.query = parse_form(target.substr(question + 1));
  return parsed;
}

const std::string* Target::parameter(const std::string& name) const {
  const auto found = query.find(name);
  return found == query.end() ? nullptr : &found->second;
}

std::string decode_percent(std::string_view text, bool form) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high >= 0 && low >= 0) {
        decoded += static_cast<char>(high * 16 + low);
        i += 2;
        continue;
      }
    }
    decoded += form && text[i] == '+' ? ' ' : text[i];
  }
  return decoded;
}

std::map<std::string, std::string> parse_form(std::string_view text) {
  std::map<std::string, std::string> pairs;
  split(text, '&', [&](std::string_view pair) {
    if (pair.empty()) return;
    const std::size_t equals = pair.find('=');
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
    pairs[decode_percent(pair.substr(0, equals), true)] = decode_percent(value, true);
  });
  return pairs;
}

HttpReply json_reply(int status, const nlohmann::json& body) {
  HttpReply reply;
  reply.status = status;
  // Text from a request may be echoed: bytes that are not UTF-8 must not make the dump throw.
  reply.body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return reply;
}

HttpReply error_reply(int status, std::int64_t service_error_code, const std::string& code,
                      const std::string& message) {
  nlohmann::json body = {{"status", status}, {"message", message}};
  if (service_error_code != 0) body["serviceErrorCode"] = service_error_code;
  if (!code.empty()) body["code"] = code;
  return json_reply(status, body);
}

}  // namespace linkedin_sandbox
