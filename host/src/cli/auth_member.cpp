// Who a login belongs to: asked of the plugin once, and kept beside the tokens.
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/auth.hpp"
#include "cli/commands.hpp"
#include "cli/table.hpp"
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

// The pipeline with the new tokens, and the first destination of the connection that can be asked.
struct Asked {
  std::unique_ptr<Pipeline> pipeline;
  plugin::Instance* instance = nullptr;  // null: none can

  [[nodiscard]] Result<nlohmann::json> ask(const char* name) const {
    const std::int64_t deadline_ns =
        pipeline->clock().monotonic_ns() + std::chrono::nanoseconds(kIdentityTimeout).count();
    ASSIGN_OR_RETURN(const std::string answer, instance->query(name, "{}", deadline_ns));
    auto json = nlohmann::json::parse(answer, nullptr, false);
    if (!json.is_object())
      return Status{StatusCode::internal, "the plugin's answer is no JSON object"};
    return json;
  }
};

Result<Asked> load_to_ask_about(const Arguments& arguments, const ConnectionConfig& connection) {
  ASSIGN_OR_RETURN(const config::LoadOptions options, load_options(arguments));
  Diagnostics diagnostics;
  Asked asked;
  ASSIGN_OR_RETURN(asked.pipeline, Pipeline::load(arguments.pipelines.front(), options,
                                                  Pipeline::State::beside, diagnostics));
  for (std::uint32_t d = 0; d < asked.pipeline->config().destinations.size(); ++d) {
    plugin::Instance* instance = asked.pipeline->instance(d);
    if (asked.pipeline->config().destinations[d].connection != connection.name ||
        instance == nullptr || !instance->has_query())
      continue;
    asked.instance = instance;
    break;
  }
  return Result<Asked>(std::move(asked));
}

Result<services::Member> ask_identity(const Asked& asked) {
  ASSIGN_OR_RETURN(const nlohmann::json identity, asked.ask("identity"));
  return services::Member{member_word(identity, "id"), member_word(identity, "name")};
}

// The accounts that the login can be used for, for the choice of the one that the manifest names.
// A plugin need not know any.
void show_accounts(const Asked& asked) {
  const Result<nlohmann::json> answer = asked.ask("accounts");
  if (!answer.ok()) {
    // A plugin that does not know the question.
    if (answer.status().code() == StatusCode::configuration) return;
    tell("penstock: the accounts of this login could not be listed: " + answer.status().message());
    return;
  }
  const auto accounts = answer->find("accounts");
  if (accounts == answer->end() || !accounts->is_array()) return;
  constexpr auto kText = Table::Align::left;
  Table table({"account", "name", "role", ""}, {kText, kText, kText, kText});
  for (const nlohmann::json& account : *accounts) {
    if (!account.is_object()) continue;
    const auto word = [&](const char* name) {
      const std::string text = member_word(account, name);
      return text.empty() ? std::string("-") : printable(text);
    };
    const auto says = [&](const char* name) {
      const auto found = account.find(name);
      return found != account.end() && found->is_boolean() && found->get<bool>();
    };
    std::string note = says("configured") ? "the one in the manifest" : "";
    if (!says("usable")) note += note.empty() ? "role too low" : ", role too low";
    table.row({word("id"), word("name"), word("role"), note});
  }
  if (accounts->empty()) {
    const auto note = answer->find("note");
    std::fprintf(stderr, "%s\n",
                 note != answer->end() && note->is_string()
                     ? printable(note->get<std::string>()).c_str()
                     : "The member who logged in has a role on no account.");
    return;
  }
  std::fprintf(stderr, "Accounts that this login has a role on:\n%s", table.text("  ").c_str());
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
  const Result<Asked> asked = load_to_ask_about(arguments, connection);
  Status status = asked.status();
  if (asked.ok()) {
    if (asked->instance == nullptr) return;
    const Result<services::Member> member = ask_identity(*asked);
    status = member.status();
    if (member.ok() && !member->id.empty())
      status = keep_member(config, connection, tokens, *member);
    show_accounts(*asked);
  }
  if (status.ok()) return;
  tell("penstock: the tokens are stored; who they belong to could not be found out: " +
       status.message());
}

}  // namespace penstock::cli
