// Guards the loading of plugins: each way in which a library can be wrong has a message that names
// it and says what to do.
#include <dlfcn.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "plugin/instance.hpp"
#include "plugin/library.hpp"

using namespace penstock;
using namespace penstock::plugin;
namespace fs = std::filesystem;

namespace {

const std::string kDirectory = PENSTOCK_BAD_PLUGINS_DIR;

std::string library_path(const std::string& defect) {
  return kDirectory + "/" + defect + ".so";
}

PluginManifest manifest_for(const std::string& library) {
  PluginManifest manifest;
  manifest.path = "/etc/penstock/bad.yaml";
  manifest.name = "bad";
  manifest.abi_major = PENSTOCK_ABI_MAJOR;
  manifest.abi_minor = PENSTOCK_ABI_MINOR;
  manifest.abi_location = {manifest.path, 5, 6};
  manifest.library = library;
  manifest.library_location = {manifest.path, 6, 10};
  manifest.hooks = {"plugin_init", "plugin_settings", "plugin_mapping",
                    "plugin_send", "plugin_check",    "plugin_query"};
  InputSpec key;
  key.name = "api_key";
  key.secret = true;
  manifest.settings.push_back(key);
  return manifest;
}

DestinationConfig destination_with(PluginManifest manifest) {
  DestinationConfig destination;
  destination.name = "eu";
  destination.location = {"pipeline.yaml", 12, 3};
  destination.plugin = std::make_shared<const PluginManifest>(std::move(manifest));
  SettingValue account;
  account.name = "ad_account_id";
  account.location = {"pipeline.yaml", 15, 22};
  account.present = true;
  account.text = "0";
  SettingValue key;
  key.name = "api_key";
  key.location = {"pipeline.yaml", 16, 22};
  key.present = true;
  key.text = "hunter2-hunter2";
  destination.settings = {account, key};
  return destination;
}

const penstock_host kHost = {sizeof(penstock_host),
                             PENSTOCK_ABI_MAJOR,
                             PENSTOCK_ABI_MINOR,
                             nullptr,
                             nullptr,
                             nullptr,
                             nullptr,
                             nullptr,
                             nullptr};

Status create(const DestinationConfig& destination) {
  return Instance::create(destination, &kHost).status();
}

int& ends_of(const std::string& defect) {
  void* handle = dlopen(library_path(defect).c_str(), RTLD_NOW | RTLD_NOLOAD);
  REQUIRE(handle != nullptr);
  auto* ends = static_cast<int*>(dlsym(handle, "plugin_ends"));
  REQUIRE(ends != nullptr);
  dlclose(handle);  // the loader still holds it
  return *ends;
}

}  // namespace

TEST_CASE("A sound plugin loads, answers its hooks, and is quiesced and destroyed once") {
  auto created = Instance::create(destination_with(manifest_for(library_path("none"))), &kHost);
  INFO(created.status().message());
  REQUIRE(created.ok());
  std::unique_ptr<Instance> instance = std::move(created).value();
  penstock_error error;
  std::memset(&error, 0x55, sizeof error);
  CHECK(instance->map({}, {}, error) == PENSTOCK_SKIP);
  CHECK(error.message[0] == '\0');
  CHECK(instance->send({}, error) == PENSTOCK_OK);
  CHECK(instance->has_check());
  CHECK(instance->check(0).ok());
  int& ends = ends_of("none");
  const int before = ends;
  instance.reset();
  CHECK(ends - before == 256 + 1);
}

TEST_CASE("Each defect of a plugin is named, with its file and what to do") {
  struct Case {
    const char* defect;
    StatusCode code;
    std::vector<std::string> says;
  };
  const std::vector<Case> cases = {
      {"wrong_abi_major",
       StatusCode::configuration,
       {"/etc/penstock/bad.yaml:5:6: ", "built for plugin ABI 7.0", "has 1.0", "Rebuild"}},
      {"init_fails",
       StatusCode::configuration,
       {"pipeline.yaml:12:3", "could not start for destination eu", "needs penstock.fax/1"}},
      {"init_fails_silently", StatusCode::internal, {"the plugin gave no reason (status -3)"}},
      {"missing_send",
       StatusCode::configuration,
       {"does not export the send hook \"plugin_send\"", "/etc/penstock/bad.yaml", "visibility"}},
      {"no_destroy", StatusCode::internal, {"has no destroy function", "plugin_init"}},
      {"no_instance", StatusCode::internal, {"has no instance"}},
      {"settings_refused",
       StatusCode::configuration,
       {"pipeline.yaml:15:22: ",
        "refused the setting ad_account_id of destination eu: must not be zero"}},
      {"settings_unknown_status",
       StatusCode::internal,
       {"pipeline.yaml:12:3", "the plugin gave no reason", "77 is no status"}},
      {"settings_unterminated",
       StatusCode::configuration,
       {"refused the settings", std::string(383, 'Z')}},
      {"settings_shows_secret",
       StatusCode::configuration,
       {"pipeline.yaml:16:22: ", "api_key of destination eu: [secret] is\\nnot accepted"}},
      {"unresolved_symbol",
       StatusCode::configuration,
       {"cannot be loaded", "undefined symbol: function_that_nobody_defined", "-z,defs"}},
  };
  for (const Case& one : cases) {
    DYNAMIC_SECTION(one.defect) {
      const Status status = create(destination_with(manifest_for(library_path(one.defect))));
      INFO(status.message());
      CHECK(status.code() == one.code);
      for (const std::string& words : one.says)
        CHECK_THAT(status.message(), Catch::Contains(words));
      CHECK_THAT(status.message(),
                 !Catch::Contains("hunter2") && !Catch::Contains("Bad file descriptor"));
    }
  }
}

TEST_CASE(
    "A plugin that fails in settings is destroyed; one that fails in init is not touched again") {
  CHECK_FALSE(create(destination_with(manifest_for(library_path("settings_refused")))).ok());
  int& after_settings = ends_of("settings_refused");
  const int before = after_settings;
  CHECK_FALSE(create(destination_with(manifest_for(library_path("settings_refused")))).ok());
  CHECK(after_settings - before == 256 + 1);
  CHECK_FALSE(create(destination_with(manifest_for(library_path("init_fails")))).ok());
  CHECK(ends_of("init_fails") == 0);
}

TEST_CASE("Statuses that no hook may return come back as they are, with terminated texts") {
  auto created = Instance::create(
      destination_with(manifest_for(library_path("hooks_return_garbage"))), &kHost);
  REQUIRE(created.ok());
  penstock_error error;
  CHECK((*created)->map({}, {}, error) == 1234);
  CHECK(std::string(error.message) == std::string(383, 'B'));
  CHECK((*created)->send({}, error) == PENSTOCK_REJECT);
  CHECK(std::string(error.message) == std::string(383, 'B'));
  const CheckResult checked = (*created)->check(0);
  CHECK(checked.code == StatusCode::internal);
  CHECK_THAT(checked.message, Catch::Contains("-99 is no status"));
}

TEST_CASE("A plugin's answer to a query is copied, and its refusal is told in its own words") {
  auto created = Instance::create(destination_with(manifest_for(library_path("none"))), &kHost);
  REQUIRE(created.ok());
  REQUIRE((*created)->has_query());
  const auto answer = (*created)->query("audiences", "{}", 0);
  REQUIRE(answer.ok());
  CHECK(*answer == "{}");

  created =
      Instance::create(destination_with(manifest_for(library_path("query_misbehaves"))), &kHost);
  REQUIRE(created.ok());
  const Status refused = (*created)->query("refused", "{}", 0).status();
  CHECK(refused.code() == StatusCode::authorization);
  CHECK(refused.message() == "log in, [secret]");
}

TEST_CASE("A plugin that does not answer a query exactly once is at fault") {
  auto created =
      Instance::create(destination_with(manifest_for(library_path("query_misbehaves"))), &kHost);
  REQUIRE(created.ok());
  const auto fault = [&](const char* name) {
    const Status status = (*created)->query(name, "{}", 0).status();
    CHECK(status.code() == StatusCode::internal);
    CHECK_THAT(status.message(), Catch::Contains("plugin bad is at fault") &&
                                     Catch::Contains("asked for \"" + std::string(name) + "\""));
    return status.message();
  };
  CHECK_THAT(fault("none"), Catch::Contains("returned OK without an answer"));
  CHECK_THAT(fault("twice"), Catch::Contains("answered 2 times instead of once"));
  CHECK_THAT(fault("failed"), Catch::Contains("answered, but returned the error -2"));
  CHECK_THAT(fault("too_long"), Catch::Contains("16777217 bytes, and 16777216 are the most"));
}

TEST_CASE("The JSON setting null reaches the plugin as null, and a list as its JSON text") {
  DestinationConfig destination = destination_with(manifest_for(library_path("settings_typed")));
  SettingValue& value = destination.settings[0];
  value.type = ValueType::json;
  const auto type_seen = [&](const char* json) {
    value.text = json;
    return create(destination).message();
  };
  CHECK_THAT(type_seen("null"), Catch::EndsWith("type " + std::to_string(PENSTOCK_NULL)));
  CHECK_THAT(type_seen("[1]"), Catch::EndsWith("type " + std::to_string(PENSTOCK_JSON)));
}

TEST_CASE("A manifest that claims an ABI of another kind is refused before its library is opened") {
  PluginManifest manifest = manifest_for("/nowhere/at-all.so");
  std::tie(manifest.abi_major, manifest.abi_minor) =
      GENERATE(table<std::uint32_t, std::uint32_t>({{2, 0}, {0, 9}}));
  const Status status = create(destination_with(manifest));
  CHECK(status.code() == StatusCode::configuration);
  CHECK_THAT(status.message(),
             Catch::StartsWith("/etc/penstock/bad.yaml:5:6: ") &&
                 Catch::Contains("this Penstock has 1.0; its library was not opened"));
}

TEST_CASE("A plugin for a later minor ABI is loaded, and may do without what is not there") {
  PluginManifest manifest = manifest_for(library_path("none"));
  manifest.abi_minor = PENSTOCK_ABI_MINOR + 1;
  CHECK(create(destination_with(manifest)).ok());
}

TEST_CASE("A file that cannot be a library is refused by what it is") {
  std::string name = (fs::temp_directory_path() / "penstock-plugin-XXXXXX").string();
  REQUIRE(mkdtemp(name.data()) != nullptr);
  const fs::path directory = name;
  std::ofstream(directory / "text.so") << "#!/bin/sh\n";
  std::ofstream(directory / "empty.so") << "";
  std::ofstream(directory / "cut.so") << "\177ELF\2\1\1";
  fs::create_directory(directory / "directory.so");
  const auto refusal = [&](const fs::path& path) {
    const Status status = create(destination_with(manifest_for(path.string())));
    CHECK(status.code() == StatusCode::configuration);
    CHECK_THAT(status.message(), Catch::StartsWith("/etc/penstock/bad.yaml:6:10: ") &&
                                     Catch::Contains(path.string()));
    return status.message();
  };
  CHECK_THAT(refusal(directory / "text.so"), Catch::Contains("is no shared object"));
  CHECK_THAT(refusal(directory / "empty.so"), Catch::Contains("is no shared object"));
  CHECK_THAT(refusal(directory / "cut.so"), Catch::Contains("cannot be loaded"));
  CHECK_THAT(refusal(directory / "directory.so"), Catch::Contains("is no file"));
  CHECK_THAT(refusal(directory / "missing.so"),
             Catch::Contains("does not exist. The directory " + directory.string() +
                             " holds cut.so, directory.so, empty.so, text.so."));
  CHECK_THAT(refusal(directory / "no" / "missing.so"),
             Catch::Contains("There is no directory " + (directory / "no").string()));
  fs::remove_all(directory);
}

TEST_CASE("A misspelt hook is answered with the exported name that comes nearest") {
  PluginManifest manifest = manifest_for(library_path("none"));
  manifest.hooks.mapping = "plugin_maping";
  const Status status = create(destination_with(manifest));
  CHECK_THAT(status.message(), Catch::Contains("mapping hook \"plugin_maping\"") &&
                                   Catch::Contains("plugin_mapping\"?"));
}

TEST_CASE("A library that is asked for twice is one library") {
  const auto first = Library::open(library_path("none"));
  const auto second = Library::open(library_path("none"));
  REQUIRE(first.ok());
  REQUIRE(second.ok());
  CHECK(first.value() == second.value());
}
