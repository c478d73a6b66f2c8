#!/usr/bin/env bash
# Guards the installed layout: plugins built only from an installed prefix, with nothing but gcc or with its CMake package, load and run.
#   installed_prefix_test.sh BUILD_DIR SOURCE_DIR [EXTRA_CFLAGS...]
set -euo pipefail
build=$1
source=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix
fail() { echo "FAILED: $*" >&2; exit 1; }

cmake --install "$build" --prefix "$prefix" >/dev/null
for file in bin/penstock include/penstock/abi.h include/penstock/ext/http.h include/penstock/ext/kv.h include/penstock/sdk/plugin.hpp \
  lib/penstock/plugins/jsonl_file.so lib/penstock/plugins/jsonl_file.yaml \
  lib/penstock/plugins/linkedin_audiences.so lib/penstock/plugins/linkedin_audiences.yaml; do
  [ -e "$prefix/$file" ] || fail "$file was not installed"
done
find "$prefix" -name 'penstock*onfig.cmake' | grep -q . || fail "the CMake package was not installed"

# The plugins of the prefix are found by the penstock of the prefix, without being told where.
listed=$("$prefix/bin/penstock" plugin list)
grep -q "$prefix/lib/penstock/plugins/linkedin_audiences.yaml" <<<"$listed" || fail "plugin list shows: $listed"

# A sibling plugin: the teaching example under another name.
mkdir "$work/plugins"
sed 's/jsonl_file/my_plugin/g' "$source/plugins/jsonl_file/jsonl_file.c" >"$work/my_plugin.c"
sed 's/jsonl_file/my_plugin/g' "$source/manifests/jsonl_file.yaml" >"$work/plugins/my_plugin.yaml"
gcc -std=c99 -Wall -Wextra -pedantic -Werror -shared -fPIC -I "$prefix/include" "$@" "$work/my_plugin.c" -o "$work/plugins/my_plugin.so"

# The same example and one of the C++ SDK, each with the CMake package of the prefix.
mkdir "$work/package"
sed 's/my_plugin/packaged/g' "$work/my_plugin.c" >"$work/package/packaged.c"
sed 's/my_plugin/packaged/g' "$work/plugins/my_plugin.yaml" >"$work/package/packaged.yaml"
sed 's/my_plugin/sdk_plugin/g' "$work/plugins/my_plugin.yaml" >"$work/package/sdk_plugin.yaml"
cat >"$work/package/sdk_plugin.cpp" <<'CPP'
#include <fstream>
#include <penstock/sdk/plugin.hpp>

namespace sdk = penstock::sdk;

class SdkPlugin {
 public:
  explicit SdkPlugin(const sdk::Host&) {}
  std::int32_t settings(const sdk::Config& config, const sdk::Error& error) {
    path_ = config.find("path").text();
    sdk::FieldBinder fields(config.action(0));
    record_ = fields.bind("record");
    return fields.result(error);
  }
  std::int32_t mapping(const sdk::Record& record, const sdk::Emitter& emitter, const sdk::Error&) const {
    emitter.element(record[record_].as_json().value_or(""), "file", "");
    return PENSTOCK_OK;
  }
  std::int32_t send(const sdk::Batch& batch, const sdk::Error&) {
    std::ofstream file(path_, std::ios::app);
    for (std::uint64_t i = 0; i < batch.size(); ++i) {
      const penstock_str line = batch.payload(i);
      file.write(line.data, static_cast<std::streamsize>(line.size)) << '\n';
    }
    batch.report_all({PENSTOCK_DELIVERED, 0, -1, "", ""});
    return PENSTOCK_OK;
  }

 private:
  std::string path_;
  sdk::Field record_;
};

PENSTOCK_PLUGIN(sdk_plugin, SdkPlugin)
CPP
cat >"$work/package/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.22)
project(packaged C CXX)
find_package(penstock REQUIRED)
penstock_add_plugin(packaged SOURCES packaged.c MANIFEST packaged.yaml)
penstock_add_plugin(sdk_plugin SOURCES sdk_plugin.cpp MANIFEST sdk_plugin.yaml)
CMAKE
{ cmake -G Ninja -S "$work/package" -B "$work/package/build" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_FLAGS="$*" -DCMAKE_CXX_FLAGS="$*" &&
  cmake --build "$work/package/build"; } >"$work/package.log" 2>&1 || { cat "$work/package.log" >&2; fail "the CMake package"; }
grep -q "Checking the manifest of sdk_plugin" "$work/package.log" || fail "the installed penstock did not check the manifests"

printf '{"type":"track","n":1}\n{"type":"track","n":2}\n' >"$work/events.ndjson"
for plugin in my_plugin packaged sdk_plugin; do
  rm -rf "$work/state" "$work/out.jsonl"
  cat >"$work/pipeline.yaml" <<YAML
version: 1
name: copy
state_dir: state
source: {type: file, path: events.ndjson}
destinations:
  copy:
    plugin: $plugin
    settings: {path: "$work/out.jsonl"}
    mappings:
      everything: {action: append}
YAML
  "$prefix/bin/penstock" run "$work/pipeline.yaml" --plugin-dir "$work/plugins" --plugin-dir "$work/package/build/plugins" \
    >"$work/report" 2>"$work/log" || { cat "$work/log" >&2; fail "run with $plugin"; }
  cmp "$work/events.ndjson" "$work/out.jsonl" || fail "$plugin wrote something else"
done
echo "plugins built from the installed prefix load and run"
