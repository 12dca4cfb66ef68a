# Ask supervisor's daemon over its own socket, without supervisorctl, which reads a configuration from wherever it is
# started and loads plugins that stand there. Arguments: `status`, or `start` and a group.
# Prints `group:name STATE pid N, uptime SECONDS` a process; of one that stops, its pid only. Exit status: 3 when the daemon does not answer, 1 when it
# refuses. The socket and the password for it stand in the daemon's own configuration.
for file in /etc/supervisor/supervisord.conf /etc/supervisord.conf; do [ ! -r "$file" ] || break; done;
value() { awk -v part="$1" -v key="$2" '
/^\[/ { at = $0 ~ ("^\\[" part "\\]") }
at && $0 ~ ("^" key "[ \t]*=") { sub(/^[^=]*=[ \t]*/, ""); sub(/[ \t]+;.*$/, ""); sub(/[ \t]+$/, ""); print; exit }' "$file"; };
socket=$(value unix_http_server file); user=$(value supervisorctl username); word=$(value supervisorctl password);
case $socket in /*) ;; *) echo "supervisor: $file names no socket" >&2; exit 1 ;; esac;
quoted() { printf %s "$1" | sed 's/[\\"]/\\&/g'; };
ask() { { [ -z "$user" ] || printf 'user = "%s:%s"\n' "$(quoted "$user")" "$(quoted "$word")"; } | curl -q --noproxy '*' --silent --show-error --fail --max-time "$1" --unix-socket "$socket" --header 'Content-Type: text/xml' --data-binary "<methodCall><methodName>supervisor.$2</methodName><params>$3</params></methodCall>" --config - http://localhost/RPC2; };
given=; limit=6; method=getAllProcessInfo;
[ "$1" = status ] || { method=startProcessGroup; limit=55; given="<param><value><string>$2</string></value></param><param><value><boolean>1</boolean></value></param>"; };
answer=$(ask "$limit" "$method" "$given" 2>&1); code=$?;
case $code in 0) ;; 7) echo "supervisor: refused connection" >&2; exit 3 ;; *) printf '%s\n' "supervisor: $answer" >&2; exit 1 ;; esac;
case $answer in *SHUTDOWN_STATE*) echo "supervisor: it is shutting down" >&2; exit 3 ;; *'<fault>'*) printf '%s\n' "$answer" | sed -n 's/.*<string>\(.*\)<\/string>.*/supervisor: \1/p' >&2; exit 1 ;; esac;
printf '%s\n' "$answer" | awk -v method="$method" '
/^<name>/ { key = $0; gsub(/<[^>]*>/, "", key) }
/^<value><(int|string)>/ { text = $0; gsub(/<[^>]*>/, "", text); gsub(/&lt;/, "<", text); gsub(/&gt;/, ">", text); gsub(/&amp;/, "\\&", text); found[key] = text }
/^<\/struct>/ {
state = found["statename"]; if (state == "" && found["status"] != 80) { failed = 1; print found["group"] ":" found["name"] ": " found["description"] >"/dev/stderr" };
if (state == "RUNNING") print found["group"] ":" found["name"], state, "pid " found["pid"] ", uptime " found["now"] - found["start"];
else if (state == "STOPPING" && found["pid"] > 0) print found["group"] ":" found["name"], state, "pid " found["pid"];
else if (state != "") print found["group"] ":" found["name"], state, found["spawnerr"] != "" ? found["spawnerr"] : found["description"];
split("", found) }
END { exit failed }';
