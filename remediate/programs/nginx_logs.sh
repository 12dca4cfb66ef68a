# Print the last lines of nginx's error logs. Argument: how many lines of each.
# Only what has the form of such a line leaves a file, so neither an access log nor what a link leads to is shown.
lines=$1;
find /var/log/nginx -maxdepth 2 -type f ! -name "*.gz" ! -name "*.[0-9]*" ! -name "*access*" -printf "%T@ %p\n" | sort -rn | head -n 20 |
while read -r time file; do
told=$(tail -c 65536 -- "$file" | awk -v lines="$lines" '
/^[0-9][0-9][0-9][0-9]\/[0-9][0-9]\/[0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9] \[[a-z]+\] / { kept[n++ % lines] = substr($0, 1, 600) }
END { for (i = n > lines ? n - lines : 0; i < n; i++) print kept[i % lines] }');
[ -n "$told" ] || [ ! -s "$file" ] || continue;
printf "%s\n" "== $file" "$told";
done | head -n 150;
