# Tell who has big files open for writing on file systems that are full. Argument: percent from which on one is full.
# One file a line: pid, its parent, unit, user, command, whether the file is deleted, KiB, KiB more two seconds later,
# and the path. Only what the kernel says of each open file is read, never what stands in one.
limit=$1;
full=$(df -l --output=pcent,target | awk -v limit="$limit" '
NR > 1 && $1 ~ /^[0-9]+%$/ && $1 + 0 >= limit { sub(/^ *[0-9]+% /, ""); print }');
[ -n "$full" ] || exit 0;
devices=$(printf "%s\n" "$full" | awk '
FNR == NR { device[$5] = $3; next }
$0 in device { print device[$0] }' /proc/self/mountinfo - | sort -u | tr "\n" " ");
held=$(find /proc/[0-9]*/fd -maxdepth 1 -type l -perm -200 -exec stat -L -c "%d:%i %b %h %n %F" {} + 2>/dev/null |
awk '$5 == "regular" && $2 >= 2048 && seen[$1]++ < 3 { print $2, $3, $4 }' | sort -rn | head -n 100);
[ -n "$held" ] || exit 0;
sleep 2;
printf "%s\n" "$held" | while read -r blocks links file; do
process=${file%/fd/*};
mount=$(sed -n "s/^mnt_id:[^0-9]*//p" "$process/fdinfo/${file##*/}" 2>/dev/null);
device=$(awk -v id="$mount" '$1 == id { print $3 }' "$process/mountinfo" 2>/dev/null);
case " $devices" in *" ${device:-none} "*) ;; *) continue ;; esac;
now=$(stat -L -c %b "$file" 2>/dev/null) || continue;
path=$(readlink -- "$file" | tr -c "[:print:]\n" "?" | tr "\n" "?") || continue;
state=there; [ "$links" -gt 0 ] || { state=deleted; path=${path%\?}; path="${path% (deleted)}?"; };
unit=$(awk -F / '/^0::\// || /:name=systemd:\// { u = "";
for (i = 2; i <= NF; i++) if ($i ~ /\.service$/) u = u ~ /^user@[^\/]*$/ ? u "/" $i : $i;
if (u != "") unit = u } END { print unit == "" ? "-" : unit }' "$process/cgroup" 2>/dev/null | tr -c "A-Za-z0-9:_.@/\134\n-" "?");
name=$(tr -c "A-Za-z0-9_.:@/+-" "?" <"$process/comm" 2>/dev/null); name=${name%\?};
parent=$(sed -n "s/^PPid:[^0-9]*//p" "$process/status" 2>/dev/null);
owner=$(stat -c %U "$process" 2>/dev/null) || continue;
printf "%s %s %s %s %s %s %s %s %s\n" "${process#/proc/}" "${parent:-0}" "${unit:--}" "$owner" "${name:-?}" "$state"
"$((blocks / 2))" "$(((now - blocks) / 2))" "${path%\?}";
done;
