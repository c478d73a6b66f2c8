// What the `auth` commands share: which connection is meant, and what is known of its tokens.
#pragma once

#include <string>
#include <vector>

#include "cli/arguments.hpp"
#include "model/pipeline_config.hpp"
#include "model/status.hpp"
#include "services/credentials.hpp"
#include "services/token_set.hpp"
#include "services/token_store.hpp"

namespace penstock::cli {

// The pipeline of the arguments; shows what is wrong with the manifest.
[[nodiscard]] Result<PipelineConfig> load_config(const Arguments& arguments);

// The one that the arguments name, or the only one that has an OAuth login.
[[nodiscard]] Result<const ConnectionConfig*> chosen_connection(const PipelineConfig& config,
                                                                const Arguments& arguments);
[[nodiscard]] services::LoginPlace login_place(const PipelineConfig& config,
                                               const ConnectionConfig& connection);
// As people type it: "penstock auth login PIPELINE CONNECTION".
[[nodiscard]] std::string auth_command_line(const char* verb, const PipelineConfig& config,
                                            const ConnectionConfig& connection);

// How a connection stands.
struct AuthState {
  std::string connection;
  std::string plugin;
  services::TokenSet tokens;
  Status fault;  // why the stored tokens cannot be read
  bool can_renew = false;
  bool action_needed = false;
  std::string advice;  // what to do, or that there is nothing to do
};
[[nodiscard]] AuthState auth_state(const PipelineConfig& config, const ConnectionConfig& connection,
                                   unsigned warn_days, std::int64_t now_ms);
[[nodiscard]] std::string auth_text(const std::vector<AuthState>& states, std::int64_t now_ms);
[[nodiscard]] std::string auth_json(const std::vector<AuthState>& states);

// Puts tokens that a person gave in the place of those that are there.
[[nodiscard]] Status replace_tokens(const PipelineConfig& config,
                                    const ConnectionConfig& connection,
                                    const services::TokenSet& tokens);

// Whether replace_tokens() can work, before a person does something that works only once.
[[nodiscard]] Status check_token_place(const PipelineConfig& config,
                                       const ConnectionConfig& connection);

// Asks the plugin who tokens that were just stored belong to, and keeps that beside them. Says on
// stderr when it cannot be found out. [may-block]
void remember_member(const Arguments& arguments, const PipelineConfig& config,
                     const ConnectionConfig& connection, const services::TokenSet& tokens);

// What the last run says about logins that the tokens themselves do not show, such as access that
// was revoked. Nothing where the pipeline has not run.
[[nodiscard]] Status add_words_of_run(const PipelineConfig& config, std::vector<AuthState>& states);

// A login over the browser, until there are tokens. [may-block]
[[nodiscard]] Result<services::TokenSet> log_in(const Arguments& arguments,
                                                const PipelineConfig& config,
                                                const ConnectionConfig& connection);

// The words for a refusal that came back from the authorize URL.
[[nodiscard]] std::string explain_refusal(const std::string& error, const std::string& description,
                                          const ConnectionConfig& connection);

}  // namespace penstock::cli
