#!/bin/bash
# Runs as root inside the booted builder container: turns a Debian with packages into an application host.
# What needs running services (schema, first certificate) is done here once; the stopped container is committed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
app=/home/forge/agency-platform
domain=staging.example.com

say() { echo "stage: $*"; }

as_forge() { setpriv --reuid forge --regid forge --init-groups env HOME=/home/forge "$@"; }

secret() { openssl rand -hex 16; }

users() {
    useradd --create-home --shell /bin/bash --groups www-data forge
    # No password will ever match, yet the account is not "locked", which sshd would refuse for keys too.
    usermod --password '*' forge
    useradd --system --no-create-home --shell /usr/sbin/nologin pebble
    chmod 755 /home/forge
    install -d -m 700 -o forge -g forge /home/forge/.ssh
    install -d -m 750 -o forge -g forge /var/backups/agency
}

files() {
    # A clone made under another umask has other modes.
    chmod -R u=rwX,go=rX "$here/rootfs"
    cp -R "$here/rootfs/." /
    chmod 755 /usr/sbin/php-fpm8.1 /usr/local/sbin/pebble-ready /usr/local/sbin/agency-queue-metrics
    install -d /usr/lib/php/8.1 /var/www/letsencrypt
    install -m 755 /usr/sbin/php-fpm8.2 /usr/lib/php/8.1/php-fpm8.1
    ln -s php8.2 /usr/bin/php8.1
    cp /etc/php/8.2/fpm/php.ini /etc/php/8.1/fpm/php.ini
    phpenmod -v 8.2 agency

    cp -R "$here/app" "$app"
    install -d "$app/bootstrap/cache" "$app/storage/app" "$app/storage/logs" \
        "$app/storage/framework/cache/data" "$app/storage/framework/sessions" "$app/storage/framework/views"
    chown -R forge:forge "$app"
    chmod -R u=rwX,g=rX,o=rX "$app"
    chmod 755 "$app/artisan"
    # A login session's audit id cannot be set in a container that was itself started from one.
    sed -i 's/^session *required *pam_loginuid.so/session optional pam_loginuid.so/' /etc/pam.d/sshd
}

units() {
    systemctl disable --quiet --now apt-daily.timer apt-daily-upgrade.timer certbot.timer dpkg-db-backup.timer \
        e2scrub_all.timer fstrim.timer logrotate.timer phpsessionclean.timer e2scrub_reap.service
    systemctl disable --quiet man-db.timer 2> /dev/null || true
    # What watches is there for whoever starts monitoring.target; a rehearsal should not pay for it.
    systemctl disable --quiet --now prometheus prometheus-alertmanager prometheus-node-exporter \
        prometheus-blackbox-exporter prometheus-mysqld-exporter 2> /dev/null
    rm -rf /var/lib/prometheus/metrics2/* /var/lib/prometheus/alertmanager/*
    # Nobody sits at this machine's console.
    systemctl mask --quiet console-getty.service getty@tty1.service
    systemctl daemon-reload
    systemctl enable --quiet pebble.service ssh-host-key.service
    systemctl disable --quiet php8.1-fpm.service
}

pebble_tls() {
    local work
    work=$(mktemp -d)
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj '/CN=staging pebble CA' \
        -keyout "$work/ca.key" -out /usr/local/share/ca-certificates/pebble-tls.crt 2> /dev/null
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=localhost' \
        -keyout /etc/pebble/tls.key -out "$work/tls.csr" 2> /dev/null
    openssl x509 -req -in "$work/tls.csr" -CA /usr/local/share/ca-certificates/pebble-tls.crt -CAkey "$work/ca.key" \
        -days 3650 -extfile <(echo 'subjectAltName=DNS:localhost,IP:127.0.0.1') -out /etc/pebble/tls.pem 2> /dev/null
    chown pebble:pebble /etc/pebble/tls.key
    # Kept, so that faults can issue certificates that are trusted and wrong in one way only: expired, another name.
    install -m 600 "$work/ca.key" /etc/pebble/ca.key
    chmod 600 /etc/pebble/tls.key
    rm -rf "$work"
    update-ca-certificates > /dev/null
}

environment() {
    local db_password redis_password
    db_password=$(secret)
    redis_password=$(secret)
    install -m 640 -o forge -g forge /dev/stdin "$app/.env" <<ENV
APP_NAME="Agency Platform"
APP_ENV=staging
APP_KEY=
APP_DEBUG=false
APP_URL=https://$domain

LOG_CHANNEL=single
FLARE_KEY=$(secret)

DB_CONNECTION=mysql
DB_HOST=127.0.0.1
DB_PORT=3306
DB_DATABASE=agency
DB_USERNAME=agency
DB_PASSWORD=$db_password

REDIS_HOST=127.0.0.1
REDIS_PASSWORD=$redis_password
REDIS_PORT=6379
REDIS_DB=0
REDIS_CACHE_DB=1

CACHE_DRIVER=redis
SESSION_DRIVER=redis
QUEUE_CONNECTION=redis

STRIPE_WEBHOOK_SECRET=whsec_$(secret)
ENV
    printf '\nrequirepass %s\n' "$redis_password" >> /etc/redis/redis.conf
    systemctl restart redis-server mariadb
    mariadb <<SQL
CREATE DATABASE agency CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
CREATE USER agency@'127.0.0.1' IDENTIFIED BY '$db_password', agency@localhost IDENTIFIED BY '$db_password';
GRANT ALL ON agency.* TO agency@'127.0.0.1', agency@localhost;
CREATE USER prometheus@localhost IDENTIFIED VIA unix_socket;
SQL
}

application() {
    cd "$app"
    as_forge php8.2 artisan key:generate --force
    as_forge php8.2 artisan migrate --force
    as_forge php8.2 artisan config:cache
    # Or the first two visitors compile a page at once, and one of them gets half of it: a blank 200.
    as_forge php8.2 artisan view:cache
}

certificate() {
    rm -f /etc/nginx/sites-enabled/default
    ln -s ../sites-available/brochure /etc/nginx/sites-enabled/brochure
    ln -s ../sites-available/ingest /etc/nginx/sites-enabled/ingest
    # The site names a certificate that does not exist yet: until it does, only its challenge path is served.
    cat > /etc/nginx/sites-enabled/first-certificate <<NGINX
server {
    listen 80 default_server;
    server_name $domain;
    location /.well-known/acme-challenge/ { root /var/www/letsencrypt; }
}
NGINX
    systemctl restart nginx pebble
    certbot certonly --quiet --non-interactive --webroot --webroot-path /var/www/letsencrypt \
        --cert-name "$domain" --domain "$domain"
    rm /etc/nginx/sites-enabled/first-certificate
    ln -s ../sites-available/agency-platform /etc/nginx/sites-enabled/agency-platform
}

prove() {
    systemctl restart php8.2-fpm supervisor
    systemctl reload nginx
    curl --silent --show-error --fail --retry 20 --retry-delay 0 --retry-all-errors --output /dev/null \
        "https://$domain/health"
    curl --silent --show-error --fail "https://$domain/" | grep -q 'Agency Platform'
    curl --silent --fail --header 'Host: brochure.example.com' http://127.0.0.1/ | grep -q Brochure
    # Also so that they can be stopped: a worker that supervisor signals while forking it misses the signal.
    # shellcheck disable=SC2016  # the inner shell expands it, again at each turn
    timeout 20 sh -c 'until [ "$(supervisorctl status | grep -c RUNNING)" = 2 ]; do sleep 0.2; done'
}

forget() {
    systemctl stop supervisor nginx php8.2-fpm
    redis-cli -a "$(sed -n 's/^REDIS_PASSWORD=//p' "$app/.env")" --no-auth-warning flushall > /dev/null
    journalctl --quiet --relinquish-var
    rm -rf /var/log/journal/* "$app"/storage/logs/* "$app"/storage/framework/sessions/*
    rm -rf /var/log/letsencrypt/* /var/log/supervisor/* /var/log/apt/* /var/log/dpkg.log /var/log/php*.log
    rm -f /etc/ssh/ssh_host_*
    # Empty, not absent: systemd then makes a new one at boot and does not take the boot for a first one.
    : > /etc/machine-id
    rm -f /var/lib/dbus/machine-id
    rm -rf "$here"
}

say "users and files"
users
files
say "units and certificate authority"
units
pebble_tls
say "database, redis, application"
environment
application
say "first certificate"
certificate
say "check of the whole"
prove
say "clean-up"
forget
