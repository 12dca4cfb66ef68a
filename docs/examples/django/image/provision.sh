#!/bin/sh
# Runs as root in a Debian with the packages of packages.txt, before its first boot: makes the host of the shop of it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)

# The login of remediate. No password will ever match, yet the account is not "locked", which sshd would refuse.
useradd --create-home --shell /bin/bash forge
usermod --password '*' forge
install -d -m 700 -o forge -g forge /home/forge/.ssh
useradd --system --home-dir /srv/shop --shell /usr/sbin/nologin shop

# The application.
install -d /srv/shop
cp -R "$here/app/." /srv/shop
install -d -o shop -g shop /srv/shop/data
install -m 640 -g shop /dev/null /srv/shop/secret
openssl rand -hex 32 > /srv/shop/secret
cd /srv/shop
as_shop() { setpriv --reuid shop --regid shop --init-groups env DJANGO_SETTINGS_MODULE=shop.settings PYTHONPATH=. "$@"; }
as_shop python3 -m django migrate --run-syncdb --verbosity 0

# A certificate that this host trusts, as a visitor trusts the real one. The authority's file is what remediate reads.
install -d /etc/ssl/shop
cd /etc/ssl/shop
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj '/CN=shop staging CA' \
    -keyout ca.key -out /usr/local/share/ca-certificates/shop-staging.crt 2> /dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=staging.example.com' \
    -keyout privkey.pem -out site.csr 2> /dev/null
echo 'subjectAltName=DNS:staging.example.com' > names
openssl x509 -req -in site.csr -CA /usr/local/share/ca-certificates/shop-staging.crt -CAkey ca.key -CAcreateserial \
    -days 3650 -extfile names -out fullchain.pem 2> /dev/null
rm -f ca.key site.csr names ./*.srl
update-ca-certificates > /dev/null 2>&1

rm -f /etc/nginx/sites-enabled/default
cp "$here/nginx/shop" /etc/nginx/sites-available/shop
ln -s ../sites-available/shop /etc/nginx/sites-enabled/shop

cat > /etc/ssh/sshd_config.d/staging.conf <<'SSH'
HostKey /etc/ssh/ssh_host_ed25519_key
AllowUsers forge
PasswordAuthentication no
UseDNS no
SSH
rm -f /etc/ssh/ssh_host_*
# A login session's audit id cannot be set in a container that was itself started from one.
sed -i 's/^session *required *pam_loginuid.so/session optional pam_loginuid.so/' /etc/pam.d/sshd

cp "$here"/units/*.service /usr/lib/systemd/system/
systemctl enable --quiet shop-web shop-worker ssh-host-key nginx redis-server ssh
systemctl mask --quiet console-getty.service getty@tty1.service
for timer in apt-daily apt-daily-upgrade dpkg-db-backup e2scrub_all fstrim; do
    systemctl disable --quiet "$timer.timer" 2> /dev/null || true
done
# Empty, not absent: systemd then makes a new one at boot and does not take the boot for a first one.
: > /etc/machine-id
rm -rf "$here"
