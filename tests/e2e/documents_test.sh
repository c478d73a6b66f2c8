#!/usr/bin/env bash
# Guards the documents that hold generated parts: they say what the program says.
#   documents_test.sh PENSTOCK SOURCE_DIR
set -euo pipefail
penstock=$1
source=$2
document=$source/docs/linkedin.md
expected=$("$penstock" plugin describe "$source/manifests/linkedin_audiences.yaml" --format markdown)
found=$(sed -n '/^<!-- generated: penstock plugin describe linkedin_audiences/,/^<!-- end generated -->/p' "$document" | sed '1d;$d')
[ -n "$found" ] || { echo "FAILED: $document has no generated part" >&2; exit 1; }
# Blank lines round the block do not matter.
trim() { sed -e '/./,$!d' | sed -e ':a' -e '/^\n*$/{$d;N;ba' -e '}'; }
diff <(trim <<<"$expected") <(trim <<<"$found") ||
  { echo "FAILED: docs/linkedin.md is out of step; put in the output of: penstock plugin describe linkedin_audiences --format markdown" >&2; exit 1; }
echo "the generated part of docs/linkedin.md is in step"

# Every code that the plugin or a check may give is explained. What the manifest names is no code, and these are none
# either, or are shown by a command at once, with a sentence.
none="account_audiences audience_not_created created_ms creating_ms invalid_arguments invalid_mapping member_not_told old_name rename_refused unknown_action
  segment_id test_member unknown_query until_ms"
for word in $(cat "$source"/plugins/linkedin_audiences/*.[ch]pp "$source"/host/src/checking.cpp "$source"/host/src/notice_board.cpp |
    grep -oE '"[a-z]+(_[a-z]+)+"' | tr -d '"' | sort -u); do
  grep -q "$word" "$source/manifests/linkedin_audiences.yaml" || grep -qF "\`$word\`" "$document" ||
    grep -qw "$word" <<<"$none" ||
    { echo "FAILED: docs/linkedin.md does not say what $word is" >&2; exit 1; }
done
echo "docs/linkedin.md explains every code"
