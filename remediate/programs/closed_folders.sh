# Tell which of the folders that Laravel writes to its user cannot write, and which files in them. Argument: where artisan is.
# One a line: missing or closed, owner, group, mode, and the path below the application; nothing where all is well.
cd -- "$1" || exit 1; [ -f artisan ] || { echo "there is no artisan in $1" >&2; exit 1; };
for folder in storage/framework/views storage/logs bootstrap/cache storage/framework/cache storage/framework/sessions; do
if [ ! -e "$folder" ]; then
case $folder in storage/framework/cache|storage/framework/sessions) ;; *) echo "missing - - - $folder" ;; esac;
elif [ ! -w "$folder" ] || [ ! -x "$folder" ]; then stat -L -c "closed %U %G %a %n" -- "$folder";
else case $folder in storage/logs) name="laravel*.log" ;; *) name="*.php" ;; esac;
find -H "$folder" -maxdepth 1 -type f -name "$name" ! -writable -printf "closed %u %g %m %p\n" | head -n 3;
fi;
done;
