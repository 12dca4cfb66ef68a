"""Writes a host's installer: helper, database account and sudoers file."""

import shlex
from collections.abc import Sequence
from typing import Final

from remediate.core.command import ROOT, Run
from remediate.core.helper import helper
from remediate.core.host import Host
from remediate.core.program_text import HELPER
from remediate.privileges.sudoers import PATH, render
from remediate.programs.database import ACCOUNT, create_account

_HEAD: Final = """\
# Installs what remediate may do on {name}. Run it there as root: it can be run again at any time.
set -eu
umask 077
[ "$(id -u)" = 0 ] || {{ echo "this has to run as root" >&2; exit 1; }}
keep() {{ # mode, path: install standard input, whole or not at all
rm -f -- "$2.new"
cat > "$2.new"
chown root:root "$2.new"
chmod "$1" "$2.new"
}}
"""
_HELPER: Final = """\
install -d -o root -g root -m 0755 {folder}
open=$(find / {parents} -maxdepth 0 \\( ! -user root -o -perm /022 \\) -print)
[ -z "$open" ] || {{ echo "nothing was installed: others than root can write $open" >&2; exit 1; }}
keep 0755 {path} <<'END_OF_HELPER'
{text}END_OF_HELPER
mv -f {path}.new {path}
for old in {folder}/helper-*; do [ "$old" = {path} ] || rm -f -- "$old"; done
"""
_ACCOUNT: Final = """\
id -u {account} >/dev/null 2>&1 || useradd --system --no-create-home --shell /usr/sbin/nologin {account}
{client} --batch --execute {sql} || echo "the database account could not be made: make it when the server runs" >&2
"""
_RULES: Final = """\
keep 0440 {path} <<'END_OF_RULES'
{text}END_OF_RULES
visudo -c -q -f {path}.new || {{ rm -f {path}.new; echo "sudo does not take these rules" >&2; exit 1; }}
mv -f {path}.new {path}
"""


def script(host: Host, user: str, commands: Sequence[Run], *, timeouts: bool = True) -> str:
    """Return a shell script that installs everything for one host and SSH user, root included.

    Raises ValueError for a command that cannot be allowed safely.
    """
    parts = [_HEAD.format(name=host.name)]
    if any(run.user == ACCOUNT for run in commands):
        parts.append(_ACCOUNT.format(account=ACCOUNT, client="mariadb", sql=shlex.quote(create_account())))
    if user != ROOT:
        helped = [run for run in commands if run.user != user]
        folder = HELPER.rpartition("/")[0]
        parents = f"{folder.rpartition('/')[0]} {folder}"
        parts.append(_HELPER.format(folder=folder, parents=parents, path=HELPER, text=helper(helped)))
        rules = render(host, user, commands, timeouts=timeouts)
        # sudo ignores files with a dot in their name, so these rules do not count before the rename.
        parts.append(_RULES.format(path=PATH, text=rules))
    return "".join(parts)
