#include "segment_store.hpp"

#include <nlohmann/json.hpp>
#include <penstock/sdk/json_writer.hpp>

#include "sha256.hpp"

namespace penstock::linkedin {

SegmentState SegmentStore::load(const AudienceId& audience) const {
  SegmentState state;
  const sdk::KvEntry entry = kv_.get(key_of(audience));
  if (entry.result != PENSTOCK_OK) {
    if (entry.result != PENSTOCK_ERR_NOT_FOUND) warn("reading a segment's id", entry.error);
    return state;
  }
  const nlohmann::json stored = nlohmann::json::parse(entry.value, nullptr, false);
  if (!stored.is_object()) {
    warn("reading a segment's id", "the stored text is no JSON object; LinkedIn is asked instead");
    return state;
  }
  const auto number = [&stored](const char* name) {
    const auto it = stored.find(name);
    return it != stored.end() && it->is_number_integer() ? it->get<std::int64_t>() : 0;
  };
  const auto id = stored.find("id");
  if (id != stored.end() && id->is_string()) state.id = id->get<std::string>();
  state.created_ms = number("created_ms");
  state.creating_ms = number("creating_ms");
  return state;
}

void SegmentStore::save(const AudienceId& audience, const SegmentState& state) const {
  std::string text;
  sdk::JsonWriter json(text);
  json.begin_object();
  json.member("audience", audience.key);
  json.member("id", state.id);
  json.key("created_ms");
  json.integer(state.created_ms);
  json.key("creating_ms");
  json.integer(state.creating_ms);
  json.end_object();
  const sdk::KvResult result = kv_.put(key_of(audience), text);
  if (result.result != PENSTOCK_OK) warn("storing a segment's id", result.error);
}

void SegmentStore::forget(const AudienceId& audience) const {
  const sdk::KvResult result = kv_.remove(key_of(audience));
  if (result.result != PENSTOCK_OK && result.result != PENSTOCK_ERR_NOT_FOUND) {
    warn("forgetting a segment's id", result.error);
  }
}

// Hashed, because a key of the store may be shorter than an audience key.
std::string SegmentStore::key_of(const AudienceId& audience) const {
  // With the URL in it: an id of a test server means nothing to LinkedIn.
  const Sha256Hex hash = sha256_hex(settings_.api_url + "\n" + audience.key);
  const std::string type = audience.type == AudienceType::user ? "" : "COMPANY/";
  return "segment/" + settings_.ad_account_id + "/" + settings_.source_platform + "/" + type +
         std::string(hash.data(), hash.size());
}

void SegmentStore::warn(std::string_view what, std::string_view why) const {
  host_.log(PENSTOCK_LOG_WARNING, std::string(what) + ": " + std::string(why));
}

}  // namespace penstock::linkedin
