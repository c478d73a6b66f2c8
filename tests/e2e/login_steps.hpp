// What tests of logins do: pipelines that can log in at the sandbox, and the person at the browser.
#pragma once

#include <string>
#include <vector>

#include "crowd.hpp"

namespace penstock::e2e {

inline constexpr char kBothTokens[] =
    "    access_token: \"${env:ACCESS:-sandbox-token}\"\n"
    "    refresh_token: \"${env:REFRESH:-sandbox-refresh-token}\"\n";

// A pipeline whose connection can log in at the sandbox. `tokens` and `further`: lines of the
// connection; without a redirect_uri in them there is one with a port that is free.
std::string write_login_pipeline(const Workspace& workspace,
                                 const linkedin_sandbox::Sandbox& sandbox, const Crowd& crowd,
                                 const CrowdPipeline& options, const std::string& tokens,
                                 const std::string& further = "");

[[nodiscard]] std::size_t token_requests(const linkedin_sandbox::Sandbox& sandbox);

// What a browser does with "http://127.0.0.1:PORT/...": one GET. Returns the whole answer.
std::string browse(const std::string& url, const std::string& host = "localhost");
// An open connection to where the URL leads, on which nothing was said; to be closed.
int connect_to(const std::string& url);
// The word behind the mark, or "".
[[nodiscard]] std::string word_after(const std::string& text, const std::string& mark);
// The address that a running `auth login` prints.
std::string login_address(const Process& login);
// `auth login` with a person who follows the address that it prints.
Finished log_in(const Workspace& workspace, const std::string& pipeline,
                const std::string& timeout = "60s");

// No token or secret of these tests stands in this text.
void check_no_secrets(const std::string& text);

}  // namespace penstock::e2e
