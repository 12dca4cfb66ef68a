# Print the last lines of nginx's error logs. Argument: how many lines of each.
# Only what has the form of such a line leaves a file, so neither an access log nor what a link leads to is shown.
lines=$1; stamp="^[0-9]{4}/[0-9]{2}/[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} \[[a-z]+\] ";
find /var/log/nginx -maxdepth 2 -type f ! -name "*.gz" ! -name "*.[0-9]*" ! -name "*access*" -printf "%T@ %p\n" | sort -rn | head -n 20 |
while read -r time file; do
told=$(tail -c 65536 -- "$file" | grep -aE "$stamp" | tail -n "$lines" | cut -c 1-600);
[ -n "$told" ] || [ ! -s "$file" ] || continue;
printf "%s\n" "== $file" "$told";
done | head -n 150;
