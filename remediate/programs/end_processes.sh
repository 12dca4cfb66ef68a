# End processes by identity: only those that still have the start time that was seen. Arguments: seconds to wait, and
# `kill` to force what is left then. Input: one `pid:start time in clock ticks` a line.
left=$1; force=$2; all=$(cat);
began() { sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20; };
state() { sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 1; };
alive() { for each in $all; do p=${each%%:*}; [ "$(began "$p")" = "${each#*:}" ] && [ "$(state "$p")" != Z ] && echo "$p"; done; };
for p in $(alive); do kill -TERM "$p"; done;
while [ -n "$(alive)" ] && [ "$left" -gt 0 ]; do left=$((left - 1)); sleep 1; done;
if [ "$force" = kill ]; then for p in $(alive); do kill -KILL "$p"; done; sleep 0.2; fi;
[ -z "$(alive)" ] || { echo "still there:" $(alive) >&2; exit 1; };
