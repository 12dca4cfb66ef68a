# Restore the newest dump into a database server that exists only for that, and count what came of it.
# Arguments: process id of who cleans up after this, directory to work in, pattern of the files, SQL that grants what a
# dump may do, SQL that writes the statements which count. Prints lines `word rest`; the last is `state` and what came
# of it, in one word and perhaps a reason. leave_nothing.sh ends what this starts, and removes the directory.
owner=$1; d=$2; pattern=$3; grants=$4; counting=$5; umask 077;
export HOME="$d" TMPDIR="$d/tmp";
say() { echo "state $*"; exit 0; };
look() { state=; parent=; read -r x x state parent x 2>/dev/null <"/proc/$1/stat"; };
room() { df -P -k -- "$d" | awk 'NR == 2 { print $4 }'; };
said() { grep -v '^ *$' "$1" | tail -n 1 | tr -cd '\40-\176' | cut -c 1-300; };
# From another session, since this one ends with all that it started.
last_resort='kill -9 "-$1"; for i in 1 2 3 4 5 6 7 8 9; do rm -rf -- "$2"; [ ! -e "$2" ] || sleep 0.5; done';
alone() { look "$$"; [ "$parent" != "$owner" ]; };
# It cleans up after itself as well: whoever watches may be ended while it does that, or may be gone by then.
leave() { trap '' EXIT; for each in $server $job; do kill -9 "$each" 2>/dev/null; done; rm -rf -- "$d" 2>/dev/null; ! alone || { setsid /bin/sh -c "$last_resort" sh "$$" "$d" & }; };
server=; job=; trap leave EXIT;
# Do something in the background, and stop when nobody is left to clean up, or the disk fills up. A link on which
# nothing is said for half an hour is cut by many a firewall, and whoever speaks learns that nobody listens any more.
watched() {
"$@" & job=$!; beat=0;
while look "$job" && [ "$state" != Z ]; do
! alone || exit 0;
beat=$((beat + 1)); [ "$((beat % 100))" != 0 ] || echo alive;
[ "$(room)" -ge 262144 ] || say no-room "less than 256 MiB were left";
sleep 0.2;
done;
wait "$job"; set -- "$?"; job=; return "$1";
};
[ "$(id -u)" != 0 ] || say root;
renice -n 19 -p "$$" >/dev/null 2>&1; ionice -c 3 -p "$$" 2>/dev/null;
folder=${pattern%%[*?]*}; folder=${folder%/*}; folder=${folder:-/};
case $(ls -d -- "$folder/." 2>&1) in "$folder/.") ;; *"No such file"*) say missing ;; *) say unreadable "$folder" ;; esac;
case $pattern in *[*?]*) [ -r "$folder" ] || say unreadable "$folder" ;; esac;
n=; IFS=; for f in $pattern; do [ ! -f "$f" ] || { [ -n "$n" ] && [ ! "$f" -nt "$n" ]; } || n=$f; done; unset IFS;
[ -n "$n" ] || say missing;
case $n in *[!A-Za-z0-9._/@%+=:,\ -]*) say odd-name ;; esac;
seen=$(stat -L -c '%Y %s' -- "$n"); now=$(date +%s); written=${seen% *};
echo "file $now $seen $n";
same() { [ "$(stat -L -c '%Y %s' -- "$n")" = "$seen" ] || say writing; };
[ "$((now - written))" -ge 120 ] || { sleep 3; same; };
# Who writes a dump may be waiting for the database: what is young is not called broken.
half() { [ "$((now - written))" -ge 120 ] || say writing; say "$@"; };
[ "${seen#* }" != 0 ] || half empty;
[ -r "$n" ] || say unreadable "$n";
exec 9<"$n"; flock -n 9; [ "$?" != 1 ] || say busy;
case $n in *.zip) kind=zip ;; *.gz) kind=gz ;; *.sql) kind=sql ;; *) say odd-kind ;; esac;
if [ "$kind" = zip ]; then
command -v unzip >/dev/null || say no-tool unzip;
unzip -Z1 "$n" >"$d/members" 2>"$d/said" || half damaged "$(said "$d/said")";
grep -E '^[A-Za-z0-9_][A-Za-z0-9._@/ -]*\.sql(\.gz)?$' "$d/members" >"$d/dumps"; grep '^db-dumps/' "$d/dumps" >"$d/chosen" || cp "$d/dumps" "$d/chosen";
case $(wc -l <"$d/chosen") in 1) read -r member <"$d/chosen" ;; 0) say no-dump ;; *) say several ;; esac;
case $member in *.gz) kind=zip-gz ;; esac;
fi;
unpacked() {
case $kind in
sql) cat -- "$n" ;;
gz) gzip -dc -- "$n" ;;
zip) unzip -p "$n" "$member" ;;
zip-gz) unzip -p "$n" "$member" | gzip -dc ;;
esac </dev/null || : >"$d/bad";
};
mkfifo "$d/through";
read_whole() { tail -c 400 <"$d/through" >"$d/tail" & unpacked 2>"$d/said" | tee "$d/through" | wc -c >"$d/size"; wait; };
watched read_whole; read -r size <"$d/size"; echo "sql $size";
! grep -qi password "$d/said" || say encrypted;
[ ! -e "$d/bad" ] || half damaged "$(said "$d/said")";
[ "$size" != 0 ] || half empty;
# mysqldump(1) ends with this line when it got to the end; --compact and --skip-comments leave out the first one, too.
unpacked 2>/dev/null | head -c 400 >"$d/head"; rm -f "$d/bad";
if grep -qa -e '^-- MariaDB dump' -e '^-- MySQL dump' "$d/head" && ! grep -qa '^-- Dump completed' "$d/tail"; then half truncated; fi;
! grep -qa '^-- MySQL dump' "$d/head" || echo mysql;
sed -n 's/^-- Dump completed on \([0-9]\{4\}-[0-9][0-9]-[0-9][0-9]\)  *\([0-9]\{1,2\}:[0-9][0-9]:[0-9][0-9]\)$/completed \1 \2/p' "$d/tail" | tail -n 1;
for tool in mariadbd mariadb mariadb-install-db prlimit; do command -v "$tool" >/dev/null || say no-tool "$tool"; done;
# Rows, their indexes, and the log of both; a new server alone takes 150 MiB.
need=$((size / 1024 * 3 + 524288)); free=$(room); [ "${free:-0}" -ge "$need" ] || say no-room "$free KiB are free, $need are wanted";
mkdir "$d/data" "$d/tmp" "$d/plugins" "$d/out";
printf '%s\n' "$grants" | sed 's/; */;\n/g' >"$d/init";
install() { mariadb-install-db --no-defaults --datadir="$d/data" --auth-root-authentication-method=normal --skip-test-db --innodb-log-file-size=32M >"$d/said" 2>&1; };
watched install || say no-start "$(said "$d/said")";
mariadbd --no-defaults --datadir="$d/data" --socket="$d/s" --pid-file="$d/pid" --log-error="$d/log" --tmpdir="$d/tmp"
--plugin-dir="$d/plugins" --secure-file-priv="$d/out" --init-file="$d/init" --skip-networking --skip-name-resolve
--local-infile=0 --event-scheduler=DISABLED --skip-log-bin --skip-symbolic-links --max-connections=8 --max-allowed-packet=1G
--innodb-buffer-pool-size=64M --innodb-log-file-size=32M --innodb-flush-log-at-trx-commit=0 --innodb-doublewrite=0
--key-buffer-size=8M --performance-schema=0 --character-set-server=utf8mb4 >/dev/null 2>&1 & server=$!;
# A dump can hold the client's own commands, and some of them start programs or write files: --binary-mode and --sandbox
# switch them off (mariadb(1)), and the kernel lets this client neither start a process nor write to a file.
sandbox=; ! mariadb --no-defaults --help 2>/dev/null | grep -q -e '--sandbox' || sandbox=--sandbox;
client() { prlimit --nproc=0 --fsize=0 -- mariadb --no-defaults --socket="$d/s" --user=restore --binary-mode $sandbox --batch --raw --skip-column-names --skip-reconnect --local-infile=0 --max-allowed-packet=1G --default-character-set=utf8mb4 "$@"; };
ask() { client --execute "$1" </dev/null 2>/dev/null; };
up() { tries=0; until ask 'select 1' | grep -q 1; do tries=$((tries + 1)); look "$server" && [ "$state" != Z ] && [ "$tries" -lt 300 ] || return 1; sleep 0.2; done; };
watched up || say no-start "$(said "$d/log")";
# Nobody may be left who could write files through the server, or give that right.
[ "$(ask "select count(*) from mysql.global_priv where user not in ('restore', 'mariadb.sys')")" = 0 ] || say no-start "its accounts could not be set up";
echo "server $(ask 'select version()')";
load() { { unpacked 2>/dev/null | client --database=restored 2>&1 >/dev/null || : >"$d/failed"; } | grep -a '^ERROR ' | tail -n 1 >"$d/error"; };
read -r began x </proc/uptime; watched load; read -r ended x </proc/uptime;
look "$server" && [ "$state" != Z ] || say died "$(said "$d/log")";
# The client says the whole statement first. What stands between quotes may be somebody's data, and what is near an
# error always is.
if [ -e "$d/failed" ]; then say broken "$(sed "s/ near '.*//; s/\([ (@]\)'.*'/\1'?'/" "$d/error" | tr -cd '\40-\176' | cut -c 1-300)"; fi;
[ ! -e "$d/bad" ] || say unreadable "$n"; same;
count() { { ask "$counting" || : >"$d/failed"; } | cat >"$d/statements"; { client <"$d/statements" 2>/dev/null || : >"$d/failed"; } | cat >"$d/counted"; };
watched count; [ ! -e "$d/failed" ] || say uncounted;
awk -v began="$began" -v ended="$ended" 'BEGIN { printf "took %.1f\n", ended - began }';
echo "tables $(wc -l <"$d/statements")";
awk '{ n += length($0) + 7; if (n > 28000) exit; print "table " $0 }' "$d/counted";
say restored;
