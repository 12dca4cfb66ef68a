#!/bin/sh
# Gets the programs that the unit tests run, where they are missing: sshd, curl, ss, PHP, a PostgreSQL server, a
# browser of 100 MB, which only Debian has as a package. As root, or through sudo -n, they are installed with the start
# of services forbidden. Otherwise sshd is unpacked into .tools (as an ordinary user it needs no system account), and
# tests of PHP, PostgreSQL and the browser are skipped where these are missing.
set -eu

needed=
optional=
lacks() { ! command -v "$1" >/dev/null 2>&1 && [ ! -x "/usr/sbin/$1" ]; }
lacks sshd && [ ! -x .tools/sshd/usr/sbin/sshd ] && needed="$needed openssh-server"
lacks ssh-keygen && needed="$needed openssh-client"
lacks curl && needed="$needed curl"
lacks ss && needed="$needed iproute2"
lacks openssl && needed="$needed openssl"
lacks perl && needed="$needed perl"
lacks php && optional="$optional php-cli php-curl"
lacks initdb && ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 && optional="$optional postgresql"
python3 -c 'import ensurepip' 2>/dev/null || optional="$optional python3-venv"
browser=chromium-headless-shell
for name in chromium-headless-shell chromium chromium-browser google-chrome; do
  lacks "$name" || browser=
done
optional="$optional${browser:+ $browser}"
[ -n "$needed$optional" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
  [ -z "$optional" ] || echo "tests are skipped for want of:$optional" >&2
  [ -z "$needed" ] || {
    echo "the tests need these programs, by their Debian names; install them here:$needed" >&2
    exit 1
  }
  exit 0
fi
as_root=unknown
if [ "$(id -u)" = 0 ]; then
  as_root=
elif sudo -n true 2>/dev/null; then
  as_root="sudo -n"
fi
if [ "$as_root" != unknown ]; then
  echo "== getting programs for the tests:$needed$optional"
  forbid=/usr/sbin/policy-rc.d
  if [ ! -e "$forbid" ]; then
    # dash runs no EXIT trap when a signal ends it.
    trap '$as_root rm -f "$forbid"' EXIT
    trap 'exit 130' INT TERM HUP
    printf '#!/bin/sh\nexit 101\n' | $as_root tee "$forbid" >/dev/null
    $as_root chmod 755 "$forbid"
  fi
  apt="$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=120"
  $apt update >/dev/null
  if [ -n "$browser" ] && ! apt-cache show "$browser" >/dev/null 2>&1; then
    echo "tests are skipped for want of: $browser, which is no package of this system" >&2
    optional=${optional% "$browser"}
    [ -n "$needed$optional" ] || exit 0
  fi
  # shellcheck disable=SC2086  # a list of packages
  $apt install --no-install-recommends $needed $optional >/dev/null
  if [ -d /run/systemd/system ]; then
    new=
    case "$needed " in *" openssh-server "*) new="ssh.service ssh.socket" ;; esac
    case "$optional " in *" postgresql "*) new="$new postgresql.service" ;; esac
    for unit in $new; do # one by one: not every release has each
      $as_root systemctl disable --quiet "$unit" 2>/dev/null || true
    done
  fi
  exit 0
fi
[ -z "$optional" ] || echo "tests are skipped for want of:$optional" >&2
case " $needed " in
*" openssh-server "*)
  mkdir -p .tools/sshd/packages
  if (
    cd .tools/sshd/packages
    libraries=
    for name in libwrap0 libwtmpdb0; do # what it needs differs: Debian 13 has the second one
      ! apt-cache show "$name" >/dev/null 2>&1 || libraries="$libraries $name"
    done
    # shellcheck disable=SC2086  # a list of packages
    apt-get download -q openssh-server $libraries >/dev/null && for package in *.deb; do
      dpkg -x "$package" .. || exit
    done
  ); then
    needed=$(printf '%s' "$needed" | sed 's/ openssh-server//')
  fi
  ;;
esac
[ -z "$needed" ] || {
  echo "the tests need more programs: run sudo apt-get install$needed, then this again" >&2
  exit 1
}
