// Who a login belongs to: asked of the plugin once, and kept beside the tokens.
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/auth.hpp"
#include "cli/commands.hpp"
#include "pipeline.hpp"

namespace penstock::cli {
namespace {

// A login has succeeded without it, and a person waits.
constexpr std::chrono::seconds kIdentityTimeout{15};
// Of an id or name that is kept.
constexpr std::size_t kMaxMemberBytes = 200;

std::string member_word(const nlohmann::json& identity, const char* name) {
  const auto found = identity.find(name);
  if (found == identity.end() || !found->is_string()) return {};
  std::string word = found->get<std::string>();
  return word.size() <= kMaxMemberBytes ? word : std::string();
}

// Of the first destination of the connection that can be asked. An empty id: none can.
Result<services::Member> ask_identity(const Arguments& arguments,
                                      const ConnectionConfig& connection) {
  ASSIGN_OR_RETURN(const config::LoadOptions options, load_options(arguments));
  Diagnostics diagnostics;
  ASSIGN_OR_RETURN(
      const std::unique_ptr<Pipeline> pipeline,
      Pipeline::load(arguments.pipelines.front(), options, Pipeline::State::beside, diagnostics));
  for (std::uint32_t d = 0; d < pipeline->config().destinations.size(); ++d) {
    plugin::Instance* instance = pipeline->instance(d);
    if (pipeline->config().destinations[d].connection != connection.name || instance == nullptr ||
        !instance->has_query())
      continue;
    const std::int64_t deadline_ns =
        pipeline->clock().monotonic_ns() + std::chrono::nanoseconds(kIdentityTimeout).count();
    ASSIGN_OR_RETURN(const std::string answer, instance->query("identity", "{}", deadline_ns));
    const auto identity = nlohmann::json::parse(answer, nullptr, false);
    if (!identity.is_object())
      return Status{StatusCode::internal, "the plugin's answer is no JSON object"};
    return services::Member{member_word(identity, "id"), member_word(identity, "name")};
  }
  return services::Member{};
}

Status keep_member(const PipelineConfig& config, const ConnectionConfig& connection,
                   const services::TokenSet& tokens, const services::Member& member) {
  const services::TokenStore store(config.state_dir, connection.name);
  ASSIGN_OR_RETURN(const services::TokenLock lock, store.lock([] { return false; }));
  ASSIGN_OR_RETURN(std::optional<services::TokenSet> stored, store.load());
  // A run may have renewed the tokens meanwhile; another login is somebody else's.
  if (!stored || stored->since_ms != tokens.since_ms) return {};
  stored->member = member;
  return store.save(*stored, lock);
}

}  // namespace

void remember_member(const Arguments& arguments, const PipelineConfig& config,
                     const ConnectionConfig& connection, const services::TokenSet& tokens) {
  Result<services::Member> member = ask_identity(arguments, connection);
  Status status = member.status();
  if (member.ok() && member->id.empty()) return;
  if (member.ok()) status = keep_member(config, connection, tokens, *member);
  if (status.ok()) return;
  std::fprintf(stderr,
               "penstock: the tokens are stored; who they belong to could not be found out: %s\n",
               status.message().c_str());
}

}  // namespace penstock::cli
