#!/bin/sh
# A whole incident in six typed commands: a host is broken, and found out about, mended, told about and learned from.
# Usage: demo-incident.sh DIRECTORY-OF-PROGRAMS. What it leaves is kept in docs/examples/incident/.
set -u

programs=$1
checkout=$(cd "$(dirname "$0")/.." && pwd)
examples=$checkout/docs/examples/incident
work=$checkout/.staging/demo-incident
typed=0
watcher=

say() { printf '%s\n' "$*" | tee -a "$work/transcript.txt"; }

fail() {
  echo "the demo went wrong: $*" >&2
  exit 1
}

end() { [ -z "$watcher" ] || kill "$watcher" 2>/dev/null; }
trap end EXIT

# What a person types; the first word is the exit code that it has to end with.
expect() {
  wanted=$1
  shift
  typed=$((typed + 1))
  say ""
  line="\$ remediate"
  for word in "$@"; do
    case $word in *" "*) line="$line \"$word\"" ;; *) line="$line $word" ;; esac
  done
  say "$line"
  "$programs/remediate" "$@" >"$work/out.txt" 2>&1
  code=$?
  tee -a "$work/transcript.txt" <"$work/out.txt"
  [ "$code" -eq "$wanted" ] || fail "exit $code, expected $wanted"
}

# What the service that watches says by itself, without anybody typing.
until_announced() {
  say ""
  say "(incident.watch, which runs as a service, a while later:)"
  tries=0
  until grep "DUE  .*$1" "$work/watch.txt" >"$work/out.txt"; do
    tries=$((tries + 1))
    [ "$tries" -lt 600 ] || fail "nothing was announced about: $1"
    sleep 0.5
  done
  tail -n 1 "$work/out.txt" | tee -a "$work/transcript.txt"
}

rm -rf "$work"
mkdir -p "$work"
cp "$examples/pyproject.toml" "$work/"
ln -s "$checkout/inventories" "$work/inventories"
export REMEDIATE_STATE_DIR="$work/state" LOGNAME=ana
unset REMEDIATE_JOURNAL

cd "$checkout" || exit 1
"$programs/invoke" staging.up || fail "no staging host"
"$programs/invoke" staging.break --fault php-fpm-stopped || fail "nothing is broken"
cd "$work" || exit 1
"$programs/remediate" incident.watch --every 1 >"$work/watch.txt" 2>&1 &
watcher=$!

expect 10 triage --host staging
expect 0 incident.declare --detected monitoring --source "uptime check" --first-alert 1m --send
incident=$(sed -n 's/.*   incident \([0-9a-f-]*\)   commander .*/\1/p' "$work/out.txt")
[ -n "$incident" ] || fail "the declaration does not name its incident"
expect 0 fix.app-down --host staging --incident "$incident"
until_announced "an update is due"
expect 0 incident.update --eta "in a few minutes" --send
until_announced "call in Tech Lead"
expect 0 incident.escalate --send
expect 0 incident.resolve --send
say ""
say "($typed commands were typed. What they left: the timeline, the messages, the status page, the post-mortem.)"

"$programs/remediate" incident.timeline --markdown >"$work/timeline.md" || fail "no timeline"
"$programs/remediate" incident.timeline --json >"$work/incident.json" || fail "no document"
# Where it was done is nobody's business.
for file in transcript.txt timeline.md incident.json watch.txt; do
  sed "s|$work/||g; s|$work||g; s|$checkout/||g" "$work/$file" >"$examples/$file"
done
cp "$work"/incidents/*.md "$examples/post-mortem.md"
cp "$work/state/messages.txt" "$examples/messages.txt"
rm -rf "$examples/status-page"
cp -r "$work/status-page" "$examples/status-page"
printf '\nKept in docs/examples/incident/. The staging host is still up; make clean removes it.\n'
