#include "api.hpp"

#include <nlohmann/json.hpp>

namespace penstock::linkedin {
namespace {

constexpr std::string_view kProtocolVersion = "2.0.0";

}  // namespace

void Errand::limit(sdk::HttpRequest& request) const {
  if (batch_ != nullptr) {
    request.on_behalf_of(*batch_);
  } else {
    request.deadline(deadline_ns_);
  }
}

void add_headers(sdk::HttpRequest& request, const Settings& settings) {
  request.header("LinkedIn-Version", settings.api_version)
      .header("X-Restli-Protocol-Version", kProtocolVersion)
      .header("Accept", "application/json")
      .authorize();
}

std::string text_of(const nlohmann::json& object, const char* name) {
  if (!object.is_object()) return {};
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

std::string percent_encode(std::string_view text) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                            (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
    if (unreserved) {
      encoded += c;
    } else {
      encoded += '%';
      encoded += kDigits[byte >> 4];
      encoded += kDigits[byte & 0x0F];
    }
  }
  return encoded;
}

std::string account_urn(const Settings& settings) {
  return "urn:li:sponsoredAccount:" + settings.ad_account_id;
}

sdk::HttpResponse Api::get(const std::string& path, const Errand& errand) const {
  const std::string url = settings_.api_url + path;
  sdk::HttpRequest request("GET", url);
  add_headers(request, settings_);
  errand.limit(request);
  return http_.execute(request);
}

sdk::HttpResponse Api::post(const std::string& path, const std::string& body,
                            std::string_view method, const Errand& errand) const {
  const std::string url = settings_.api_url + path;
  sdk::HttpRequest request("POST", url);
  add_headers(request, settings_);
  request.header("Content-Type", "application/json").body_part(sdk::str(body));
  if (!method.empty()) request.header("X-RestLi-Method", method);
  errand.limit(request);
  return http_.execute(request);
}

}  // namespace penstock::linkedin
