# List what the main process of a unit has started, and whether that was before the configuration in use was written.
# Arguments: directory of artisan, unit. Prints `pid start fresh|stale user directory arguments` a process, the same text
# as long as nothing happens to them. The directory is that of the artisan that it was started with, if its path is
# absolute, otherwise where it works. It is given as it was asked for when it is the same one, or another release of it:
# a path to the current release is a symbolic link, and older workers stay where they were started. Other applications
# may stand beside it: a release is in a folder of that name, or shares .env or storage with ours.
file=$1/bootstrap/cache/config.php;
[ -f "$file" ] || file=$1/.env;
written=$(stat --dereference --printf=%.9Y -- "$file") || exit 3;
unit=$2;
[ "$unit" != supervisor.service ] || [ "$(systemctl show --value -p LoadState -- "$unit")" != not-found ] || unit=supervisord.service;
main=$(systemctl show --value -p MainPID -- "$unit") || exit 3;
hertz=$(getconf CLK_TCK);
real=$(readlink -f -- "$1");
releases=; [ ! -L "$1" ] || releases=${real%/*};
shared() {
case $releases in */releases) return 0 ;; esac;
for part in .env storage; do
[ ! -e "$1/$part" ] || [ "$(readlink -f -- "$1/$part")" != "$(readlink -f -- "$real/$part")" ] || return 0;
done;
return 1;
};
below() { for each in $(pgrep -P "$1"); do echo "$each"; below "$each"; done; };
place() {
home=${3%%/artisan *}; home=${home##*[ \'\"]};
case $3 in *"$home/artisan "*) ;; *) home= ;; esac;
case $home in
/*) home=$(readlink -f -- "$home") || home=-; ;;
*) home=$(readlink "/proc/$1/cwd" 2>/dev/null) || home=-; home=${home%" (deleted)"}; ;;
esac;
if [ "$home" = "$real" ] || [ -n "$releases" ] && [ "${home%/*}" = "$releases" ] && shared "$home"; then home=$2; fi;
printf %s "$home" | tr ' \n' '__';
};
[ "$main" != 0 ] || exit 0;
for p in $(below "$main"); do
began=$(sed 's/^.*) //' "/proc/$p/stat" 2>/dev/null | cut -d ' ' -f 20); [ -n "$began" ] || continue;
read -r up rest </proc/uptime; now=$(date +%s.%N);
state=$(awk -v now="$now" -v up="$up" -v began="$began" -v hertz="$hertz" -v written="$written" 'BEGIN { print (up - began / hertz > now - written) ? "stale" : "fresh" }');
arguments=$(tr '\0\n' '  ' 2>/dev/null <"/proc/$p/cmdline");
printf '%s %s %s %s %s %s\n' "$p" "$began" "$state" "$(stat --printf=%U "/proc/$p" 2>/dev/null || echo -)" "$(place "$p" "$1" "$arguments")" "$arguments";
done;
