"""Listings of sudo, and what a login may run by them."""

HEAD = """ops
none

Matching Defaults entries for ops on web1:
    env_reset, mail_badpass, secure_path=/usr/local/sbin\\:/usr/local/bin\\:/usr/sbin\\:/usr/bin\\:/sbin\\:/bin, use_pty

User ops may run the following commands on web1:
"""
LISTING = (
    HEAD
    + """
Sudoers entry:
    RunAsUsers: root
    Options: !authenticate
    Commands:
\t/usr/bin/systemctl restart nginx
\t/usr/sbin/nginx -t
\t/usr/bin/id ""

Sudoers entry:
    RunAsUsers: root
    Options: authenticate
    Commands:
\t/usr/bin/systemctl stop *

Sudoers entry:
    RunAsUsers: forge, !root
    Options: !authenticate
    Timeout: 20
    Commands:
\t/usr/bin/php ^artisan [a-z\\:]+$
\t/usr/bin/tail -n [0-9]* /var/log/*.log

Sudoers entry:
    RunAsUsers: root
    Options: !authenticate
    Commands:
\t/usr/bin/printf %s c\\:d\\=e\\*f\\?g\\[h\\]i\\!j\\#k"l(m)n o y^z
\t/opt/tools/
\tsha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 /usr/bin/true
"""
)
EVERYTHING = (
    HEAD
    + """
Sudoers entry:
    RunAsUsers: ALL
    RunAsGroups: ALL
    Options: !authenticate
    Commands:
\tALL
\t!/usr/bin/passwd
\t!/usr/bin/su ""
"""
)
