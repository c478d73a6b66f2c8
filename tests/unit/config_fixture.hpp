// Two plugins and a good pipeline of one of them, as files that tests change.
#pragma once

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <system_error>

#include "config/pipeline.hpp"

namespace penstock::config::test {

namespace fs = std::filesystem;

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (fs::temp_directory_path() / "penstock-config-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code leftover;  // a directory that stays behind fails no test
    fs::remove_all(path_, leftover);
  }
  [[nodiscard]] std::string path() const { return path_.string(); }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name) << text;
    return (path_ / name).string();
  }

 private:
  fs::path path_;
};

inline const std::string kAudiences = R"(manifest: 1
name: audiences
title: Audiences
version: 0.1.0
abi: "1.0"
library: audiences.so
hooks: {init: s_init, settings: s_settings, mapping: s_mapping, send: s_send}
connection: {type: oauth2, authorize_url: https://example.com/authorize, token_url: https://example.com/token}
limits: {mappings: 2, rates: {users: {requests: 600, per: 60s}}}
settings:
  account: {label: Account ID, description: Digits., type: string, required: true, pattern: '[0-9]+'}
  mode: {label: Mode, type: string, choices: [A, B], default: A}
  wait: {label: Wait, type: duration, default: 5s}
  key: {label: Key, type: string, secret: true, min_length: 5, required_if: {mode: [B]}}
actions:
  sync:
    title: Sync
    default_trigger: 'event = "Audience Entered" and properties.audience_key = "{audience}"'
    batch: {max_records: 5000, max_bytes: 4MiB, max_age: 10s}
    rate: users
    own_trigger_with: [mode]
    hints: {segment: write audience}
    fields:
      audience: {label: Audience, type: string, required: true, literal: true, trim: true}
      title: {label: Title, type: string, literal: true, trim: true}
      mode: {label: Mode, type: string, aliases: [__their_mode], choices: [add, delete], hints: {ADD_ALL: write add}}
      held: {label: Held, type: string, consent: true}
      email: {label: Email, type: string, default: $.traits.email}
)";

inline const std::string kFiles = R"(manifest: 1
name: files
title: Files
version: 0.1.0
abi: "1.0"
library: files.so
hooks: {init: f_init, settings: f_settings, mapping: f_mapping, send: f_send}
actions:
  append: {title: Append, fields: {record: {label: Record, type: json, required: true}}}
  replace: {title: Replace, fields: {}}
)";

inline const std::string kGood = R"(version: 1
name: test
state_dir: state
source: {type: file, path: events.ndjson}
queue: {type: disk, max_bytes: 10GiB}
connections:
  main: {plugin: audiences, client_id: me, client_secret: "${env:SECRET}", rates: {users: {requests: 9, per: 1s}}}
destinations:
  eu:
    plugin: audiences
    connection: main
    settings: {account: "123", wait: 2s}
    batch: {max_records: 100}
    mappings:
      trial: {fields: {audience: trial_users}}
      own:
        enabled: false
        trigger: 'type = "track"'
        fields: {audience: x, email: $.email}
)";

class Fixture {
 public:
  Fixture() {
    directory_.write("audiences.yaml", kAudiences);
    directory_.write("files.yaml", kFiles);
    options.plugin_dirs = {directory_.path()};
    options.environment = [this](const std::string& name) -> std::optional<std::string> {
      const auto found = variables.find(name);
      if (found == variables.end()) return std::nullopt;
      return found->second;
    };
  }
  Result<PipelineConfig> load(const std::string& text) {
    diagnostics = Diagnostics();
    return load_pipeline_text(text, "/p/pipeline.yaml", options, diagnostics);
  }
  // The good pipeline with one piece replaced by another.
  static std::string with(const std::string& piece, const std::string& replacement) {
    std::string text = kGood;
    const std::size_t at = text.find(piece);
    REQUIRE(at != std::string::npos);
    return text.replace(at, piece.size(), replacement);
  }
  [[nodiscard]] std::string directory() const { return directory_.path(); }

  LoadOptions options;
  std::map<std::string, std::string> variables{{"SECRET", "hunter2"}};
  Diagnostics diagnostics;

 private:
  TemporaryDirectory directory_;
};

}  // namespace penstock::config::test
