# List what the main process of a unit has started, and whether that was before the configuration in use was written.
# Arguments: directory of artisan, unit. Prints `pid start fresh|stale user directory arguments` a process, the same text
# as long as nothing happens to them.
file=$1/bootstrap/cache/config.php;
[ -f "$file" ] || file=$1/.env;
written=$(stat --dereference --printf=%.9Y -- "$file") || exit 3;
main=$(systemctl show -P MainPID -- "$2") || exit 3;
hertz=$(getconf CLK_TCK);
below() { for each in $(pgrep -P "$1"); do echo "$each"; below "$each"; done; };
[ "$main" != 0 ] || exit 0;
for p in $(below "$main"); do
began=$(sed 's/^.*) //' "/proc/$p/stat" 2>/dev/null | cut -d ' ' -f 20); [ -n "$began" ] || continue;
read -r up rest </proc/uptime; now=$(date +%s.%N);
state=$(awk -v now="$now" -v up="$up" -v began="$began" -v hertz="$hertz" -v written="$written" 'BEGIN { print (up - began / hertz > now - written) ? "stale" : "fresh" }');
printf '%s %s %s %s %s ' "$p" "$began" "$state" "$(stat --printf=%U "/proc/$p" 2>/dev/null || echo -)" "$(readlink -n "/proc/$p/cwd" 2>/dev/null | tr ' \n' '__' | grep . || echo -)";
tr '\0\n' '  ' <"/proc/$p/cmdline" 2>/dev/null; echo;
done;
