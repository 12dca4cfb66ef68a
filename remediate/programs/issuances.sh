# List the certificates that certbot was issued: of each lineage the newest, and all of the last eight days, since an
# authority counts by the week. Prints `seconds since 1970 lineage number` a certificate; nothing where certbot never was.
[ -d /etc/letsencrypt/archive ] || exit 0;
oldest=$(($(date +%s) - 691200));
find /etc/letsencrypt/archive -path '/etc/letsencrypt/archive/*/cert*.pem' -printf '%T@ %h %f\n' | awk -v oldest="$oldest" '
{ at = int($1); lineage = $2; sub(/.*\//, "", lineage); number = $3; gsub(/[^0-9]/, "", number);
if (number + 0 > newest[lineage] + 0) { newest[lineage] = number; moment[lineage] = at };
if (at >= oldest) print at, lineage, number }
END { for (lineage in newest) if (moment[lineage] < oldest) print moment[lineage], lineage, newest[lineage] }';
