"""The cases: who asks, how, and what its output has to hold. All of it is data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Final

UNITS: Final = ("php8.2-fpm", "nginx", "supervisor")
URL: Final = "https://staging.example.com/health"
AT_ONCE: Final = 20
"""Hosts at the same time, for every tool."""
PAGE: Final = f"curl -sS -o /dev/null -w '%{{http_code}}' {URL}"
QUESTION: Final = f"echo $(systemctl is-active {' '.join(UNITS)}; {PAGE})"
_CURE: Final = f"systemctl restart {UNITS[0]}; until curl -fsS -o /dev/null {URL}; do sleep 0.02; done; echo served"


class State(Enum):
    """The state of the host."""

    HEALTHY = "healthy"
    STOPPED = "php-fpm stopped"


@dataclass(frozen=True)
class Expected:
    """The end of a right answer: the exit status, and a pattern that the output holds for each host."""

    pattern: str
    exit_code: int = 0
    times: int = 1
    """The number of times for each host."""


@dataclass(frozen=True)
class Case:
    """One program with its arguments. Words in braces are filled in by `places.Target`."""

    name: str
    asks: str
    argv: tuple[str, ...]
    expected: Mapping[State, Expected]
    env: Mapping[str, str] = field(default_factory=dict)
    stays: bool = False
    """True if its connections outlive it, for the next run."""


def _says(healthy: str, stopped: str, *, stopped_code: int = 0) -> Mapping[State, Expected]:
    return {State.HEALTHY: Expected(healthy), State.STOPPED: Expected(stopped, stopped_code)}


_WORDS: Final = _says("active active active 200", "inactive active active 502")
_SSH: Final = ("xargs", "-a", "{hosts}", "-P", str(AT_ONCE), "-I{}", "ssh", "-F", "{ssh_config}")
_ANSIBLE: Final = MappingProxyType(
    {
        "ANSIBLE_PIPELINING": "True",
        "ANSIBLE_SSH_ARGS": "-F {ssh_config} -o ControlMaster=auto -o ControlPersist=600s",
        "ANSIBLE_SSH_CONTROL_PATH": "{sockets}/%%n-%%p-%%r",
        "ANSIBLE_SSH_CONTROL_PATH_DIR": "{sockets}",
        "ANSIBLE_FORKS": str(AT_ONCE),
        "ANSIBLE_TIMEOUT": "60",
        "ANSIBLE_HOME": "{work}/ansible",
        "ANSIBLE_LOCAL_TEMP": "{work}/ansible/tmp",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3",
        "ANSIBLE_LOCALHOST_WARNING": "False",
    }
)
_MITOGEN: Final = MappingProxyType(
    {
        **_ANSIBLE,
        "ANSIBLE_STRATEGY": "mitogen_linear",
        "ANSIBLE_STRATEGY_PLUGINS": "{mitogen}",
        "ANSIBLE_SSH_ARGS": "-F {ssh_config}",
    }
)
_PLAYBOOK: Final = ("{env}/ansible/bin/ansible-playbook", "-v", "-i", "{ansible_inventory}", "-e", f"url={URL}")
_PYINFRA: Final = ("{env}/pyinfra/bin/pyinfra", "--parallel", str(AT_ONCE), "{pyinfra_inventory}")
_REMEDIATE: Final = "{env}/remediate/bin/remediate"
_HOST_CAME_OUT: Final = '"verdict":"{}","exit_code":[0-9]+,"severity"'
_FABRIC: Final = ("{env}/fabric/bin/python", "{scripts}/fabric_check.py", "{hosts}", "{port}", "{key}")

SSH: Final = Case("ssh", "one `ssh HOST COMMAND` per host, by `xargs -P 20`", (*_SSH, "{}", QUESTION), _WORDS)
FABRIC: Final = Case("Fabric", "`Connection.run(COMMAND)`, one per host, in 20 threads", (*_FABRIC, QUESTION), _WORDS)
PYINFRA: Final = Case(
    "pyinfra",
    "the facts `SystemdStatus` of three units and `Command` with the curl of COMMAND",
    (*_PYINFRA, "{scripts}/pyinfra_check.py", "-y", "--data", f"page={PAGE}"),
    _says("True True True 200", "False True True 502"),
)
PYINFRA_EXEC: Final = Case(
    "pyinfra, one command", "`pyinfra exec -- COMMAND`", (*_PYINFRA, "exec", "--", QUESTION), _WORDS
)
_TASKS: Final = (r'"stdout": "active\\nactive\\nactive"|"status": 200', r'"stdout": "inactive\\n|"status": 502')
ANSIBLE: Final = Case(
    "Ansible",
    "a playbook of two tasks: `command: systemctl is-active` with three units, and `uri`. Pipelining, no facts, and a "
    "`ControlMaster` that is already connected",
    (*_PLAYBOOK, "{scripts}/check.yml"),
    {state: Expected(tasks, times=2) for state, tasks in zip(State, _TASKS, strict=True)},
    _ANSIBLE,
    stays=True,
)
ANSIBLE_RAW: Final = Case(
    "Ansible, one command",
    "`ansible -m raw -a COMMAND`, with the same settings",
    ("{env}/ansible/bin/ansible", "servers", "-i", "{ansible_inventory}", "-m", "raw", "-a", QUESTION),
    _WORDS,
    _ANSIBLE,
    stays=True,
)
MITOGEN: Final = Case(
    "Ansible with Mitogen",
    "the playbook of `Ansible`, with the strategy `mitogen_linear`. Mitogen opens its own connections in every run",
    ANSIBLE.argv,
    ANSIBLE.expected,
    _MITOGEN,
)
CHECK: Final = Case(
    "remediate, the same questions",
    "`remediate.run` of a playbook with three `Unit` and one `Site` as its symptoms, with `plan=True`",
    ("{env}/remediate/bin/python", "{scripts}/remediate_check.py", "{inventory}", URL),
    _says("True True True True", "False True True False", stopped_code=3),
)
APP_DOWN: Final = Case(
    "remediate check.app-down",
    "all that `check.app-down` asks: two pages, each from the host and from the controller, units, configurations, "
    "workers, queues, sockets, disk and logs. It judges the answers and writes its journal",
    (_REMEDIATE, "check.app-down", "--host", "servers", "--inventory", "{inventory}", "--json"),
    _says(_HOST_CAME_OUT.format("healthy"), _HOST_CAME_OUT.format("pending"), stopped_code=10),
)
SURVEY: Final = Case(
    "Fabric, the script of app-down",
    "`Connection.run` of the script that `check.app-down` sends to the host. Nothing judges the answers",
    (*_FABRIC, "{survey}"),
    _says("(?s)h001 .*round", "(?s)h001 .*round"),
)

FIX_SSH: Final = Case(
    "ssh, restart",
    "`ssh root@HOST` with `systemctl restart` and a loop of curl on the host",
    (*_SSH, "-l", "root", "{}", _CURE),
    {State.STOPPED: Expected("served")},
)
FIX_ANSIBLE: Final = Case(
    "Ansible, restart",
    "`systemd_service` with `state: restarted`, then `uri` until it is 200, as root",
    (*_PLAYBOOK, "{scripts}/fix.yml"),
    {State.STOPPED: Expected(r'"status": 200')},
    _ANSIBLE,
)
FIX: Final = Case(
    "remediate fix.app-down",
    "`fix.app-down --hold 0`: looks at everything, restarts PHP-FPM under its lock, and verifies it",
    (_REMEDIATE, "fix.app-down", "--host", "servers", "--inventory", "{inventory}", "--hold", "0", "--json"),
    {State.STOPPED: Expected(_HOST_CAME_OUT.format("fixed"))},
)

_PYTHON: Final = "{env}/fabric/bin/python"
_ENGINE: Final = "{env}/remediate/bin/python"
STARTS: Final = tuple(
    Case(name, "", argv, {State.HEALTHY: Expected(pattern, code)})
    for name, argv, pattern, code in (
        ("python, which does nothing", (_PYTHON, "-c", "pass"), "", 0),
        ("import of fabric", (_PYTHON, "-c", "import fabric"), "", 0),
        ("import of remediate's engine", (_ENGINE, "-c", "import remediate; remediate.run"), "", 0),
        ("remediate --version", (_REMEDIATE, "--version"), "remediate [0-9]", 0),
        ("remediate --list", (_REMEDIATE, "--list"), r"fix\.app-down", 0),
        ("remediate --help", (_REMEDIATE, "--help"), "(?i)usage", 0),
        ("remediate fix.app-down --help", (_REMEDIATE, "fix.app-down", "--help"), "--max-hosts", 0),
        ("remediate fix.app-down", (_REMEDIATE, "fix.app-down"), "--host", 2),
        ("remediate fix.app-down --nonsense", (_REMEDIATE, "fix.app-down", "--nonsense"), "--nonsense", 2),
    )
)
IMPORT_FABRIC: Final = STARTS[1]


@dataclass(frozen=True)
class Group:
    """Cases that are compared: run in turn, round after round, on the same hosts in the same state."""

    cases: tuple[Case, ...]
    rounds: int
    state: State = State.HEALTHY
    round_trip: int = 0
    """In milliseconds."""
    hosts: int = 1
    serving: bool = False
    """Measured is the time until the page is served again; PHP-FPM is stopped before each run."""


QUESTIONS: Final = (SSH, FABRIC, PYINFRA, PYINFRA_EXEC, ANSIBLE, ANSIBLE_RAW, MITOGEN, CHECK, APP_DOWN, SURVEY)
MANY: Final = (SSH, FABRIC, PYINFRA, ANSIBLE, MITOGEN, CHECK)
FIXES: Final = (FIX_SSH, FIX_ANSIBLE, FIX)
