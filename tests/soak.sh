#!/bin/sh
# Repeats for hours what CI tries a few times, and writes what came of it beside the commit: docs/soak.md.
# Usage: soak.sh COMMAND…, which runs Python with its arguments. SOAK_TESTS in the environment names some tests only.
set -eu
began=$(date +%s)
commit=$(git rev-parse --short HEAD)
[ -z "$(git status --porcelain --untracked-files=no)" ] || commit="$commit, with changes that are not committed"
record=docs/soak.md
{
  echo "# Soak"
  echo
  echo "What \`make soak\` found: the tests that kill at random moments, many times over${SOAK_TESTS:+, of $SOAK_TESTS}. Commit $commit, $(date -u +%F)."
  echo
  echo '```'
} > "$record.new"
code=0
SOAK=1 "$@" -m pytest -m soak -n 3 -q -rPfE --timeout 7200 --durations=0 --durations-min=1 ${SOAK_TESTS-} > "$record.log" 2>&1 || code=$?
cat "$record.log"
grep -E '^soak: |^[0-9.]+s call|^FAILED|^ERROR|^[0-9]+ (passed|failed)' "$record.log" | sed 's/ in [0-9.]*s.*//' >> "$record.new"
rm -f "$record.log"
{ echo '```'; echo; echo "$(($(date +%s) - began)) seconds, exit status $code."; } >> "$record.new"
mv "$record.new" "$record"
exit "$code"
