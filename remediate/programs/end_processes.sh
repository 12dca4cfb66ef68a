# End processes by identity: only those that still have the start time that was seen. Arguments: seconds to wait, and
# what to do about those that are left then: `wait` fails, `kill` forces them, `leave` only says who they are, so that
# what comes after it is done for the others. One that a signal has stopped goes on, or it would never hear of it. Input: one `pid:start time in clock ticks` a line.
set -f; left=$1; then=$2; all=$(cat);
began() { sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20; };
state() { sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 1; };
alive() { for each in $all; do case $each in *[!0-9:]* | :* | *:) continue ;; esac; p=${each%%:*}; [ "$(began "$p")" = "${each#*:}" ] && [ "$(state "$p")" != Z ] && echo "$p"; done; };
for p in $(alive); do kill -TERM "$p"; kill -CONT "$p" 2>/dev/null; done;
while [ -n "$(alive)" ] && [ "$left" -gt 0 ]; do left=$((left - 1)); sleep 1; done;
if [ "$then" = kill ]; then for p in $(alive); do kill -KILL "$p"; done; sleep 0.2; fi;
[ -z "$(alive)" ] || { echo "still there:" $(alive) >&2; [ "$then" = leave ] || exit 1; };
