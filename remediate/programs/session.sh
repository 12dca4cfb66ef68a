# Run one of two programs in SQL about one session of the database. Arguments: the SQL, and the client's option that
# sets its variables. Input: the session's id, user, and the second since 1970 in which what it is at began; only
# digits and what a user's name may hold, so that they can be nothing but values there.
read -r id user started more;
case $id:$started in *[!0-9:]* | :* | *: | *:*:*) echo "a session is an id, a user and a second" >&2; exit 64 ;; esac;
case $user:$more in *[!A-Za-z0-9_.:-]* | :* | *:?*) echo "a session is an id, a user and a second" >&2; exit 64 ;; esac;
tries=0;
# While all connections are in use this account has one more, but who else asks for one takes that for a moment.
until said=$(
/usr/bin/mariadb --no-defaults --batch --raw --skip-column-names --delimiter=%%
"$2, @id = $id, @user = '$user', @started = $started" --execute "$1" 2>&1 </dev/null
); do
tries=$((tries + 1));
case $said in *"ERROR 1040 "* | *" 1040 - "*) [ "$tries" -ge 20 ] || { sleep 0.2; continue; } ;; esac;
printf '%s\n' "$said" >&2; exit 1;
done;
printf '%s\n' "$said";
