#!/usr/bin/env bash
# Guards the installed layout: a plugin built only from an installed prefix, with nothing but gcc, loads and runs.
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

printf '{"type":"track","n":1}\n{"type":"track","n":2}\n' >"$work/events.ndjson"
cat >"$work/pipeline.yaml" <<YAML
version: 1
name: copy
state_dir: state
source: {type: file, path: events.ndjson}
destinations:
  copy:
    plugin: my_plugin
    settings: {path: "$work/out.jsonl"}
    mappings:
      everything: {action: append}
YAML
"$prefix/bin/penstock" run "$work/pipeline.yaml" --plugin-dir "$work/plugins" >"$work/report" 2>"$work/log" ||
  { cat "$work/log" >&2; fail "run with the new plugin"; }
cmp "$work/events.ndjson" "$work/out.jsonl" || fail "the plugin wrote something else"
echo "a plugin built from the installed prefix loads and runs"
