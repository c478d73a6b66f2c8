// Guards where plugins are looked for, and what is said of those that are found.
#include "config/discovery.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "config_fixture.hpp"

namespace penstock::config::test {
namespace {

TEST_CASE("Plugin directories are the given ones, the variable's, then the installed one") {
  const TemporaryDirectory a;
  const TemporaryDirectory b;
  const auto found =
      plugin_directories({a.path()}, b.path() + "::" + a.path(), "/no/such/installed");
  REQUIRE(found.ok());
  CHECK(*found == std::vector<std::string>{a.path(), b.path(), a.path(), "/no/such/installed"});
}

TEST_CASE("A plugin directory that a person named must be there") {
  const auto found = plugin_directories({"/no/such/dir"}, "/no/such/other", "");
  REQUIRE_FALSE(found.ok());
  CHECK(found.status().message() ==
        "--plugin-dir names /no/such/dir, which is no directory; give one that holds NAME.yaml and "
        "NAME.so of "
        "plugins\nPENSTOCK_PLUGIN_PATH names /no/such/other, which is no directory; give one that "
        "holds NAME.yaml "
        "and NAME.so of plugins");
}

TEST_CASE("Plugins are listed with what is wrong with them and what takes their place") {
  const TemporaryDirectory first;
  const TemporaryDirectory second;
  first.write("audiences.yaml", kAudiences);
  first.write("audiences.so", "");
  first.write("files.yaml", kFiles);
  first.write("notes.txt", "x");
  second.write("audiences.yaml", kAudiences);
  second.write("audiences.so", "");
  second.write("broken.yaml", "manifest: 1\n");
  const auto found = find_plugins({first.path(), second.path(), first.path(), "/no/such/place"});
  REQUIRE(found.size() == 4);
  CHECK(found[0].name == "audiences");
  CHECK(found[0].manifest != nullptr);
  CHECK(found[0].shadowed_by.empty());
  CHECK(found[1].shadowed_by == found[0].manifest_path);
  CHECK(found[2].name == "broken");
  CHECK(found[2].manifest == nullptr);
  CHECK(found[2].error.find("hooks is missing") != std::string::npos);
  CHECK(found[3].name == "files");
  CHECK(found[3].error == "its library " + first.path() + "/files.so is not there");
}

}  // namespace
}  // namespace penstock::config::test
