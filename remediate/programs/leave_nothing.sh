# Run a program that is given a directory of its own, and leave neither that directory nor a process of it behind: when
# it ends, when it takes too long, and when whoever waits for its answer is gone. It has a session of its own, so that
# what ends the caller's process group does not end who cleans up.
# Arguments: the caller's process id, the program, two texts for it, where the directory is made, seconds, and one more
# argument for the program, which gets the id of this process, the directory, that argument and the two texts.
# Prints `late` when it was ended for that.
owner=$1; program=$2; first=$3; second=$4; place=$5; left=$6; asked=$7; umask 077; export LC_ALL=C;
trap 'owner=nobody' HUP INT TERM;
read -r id </proc/sys/kernel/random/uuid && d=$place/remediate-$id && mkdir -m 700 -- "$d" || { echo "state no-place $place"; exit 0; };
setsid /bin/sh -c "$program" sh "$$" "$d" "$asked" "$first" "$second" & w=$!;
# A shell's own `read`: looking costs no process. proc(5): the third field of stat is the state, the fourth the parent.
look() { state=; parent=; read -r x x state parent x 2>/dev/null <"/proc/$1/stat"; };
read -r now x </proc/uptime; end=$((${now%.*} + left));
while look "$w" && [ "$state" != Z ]; do
look "$$"; [ "$parent" = "$owner" ] || break;
read -r now x </proc/uptime; [ "${now%.*}" -lt "$end" ] || { printf '\nlate\n'; break; };
sleep 0.2;
done;
# Its group's id cannot be anybody else's yet: nobody has waited for the one that leads it.
kill -9 "-$w" 2>/dev/null; wait "$w" 2>/dev/null;
tries=0; while rm -rf -- "$d" 2>/dev/null; [ -e "$d" ] && [ "$tries" -lt 50 ]; do tries=$((tries + 1)); sleep 0.1; done;
