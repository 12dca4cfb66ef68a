"""Commands that run a reviewed program, directly or through the helper."""

from typing import Final

from remediate.core.command import Run
from remediate.core.program_text import program_text

PROBES: Final = "remediate.probes.php"
PROGRAMS: Final = "remediate.programs"


def run_php(
    php: str,
    name: str,
    *arguments: str,
    package: str = PROGRAMS,
    user: str,
    seconds: float,
    stdin: str | None = None,
    options: tuple[str, ...] = (),
) -> Run:
    """Return the command that runs one of our PHP programs as the application's user.

    `php` is the name of the PHP that runs it, for example php8.3; `package` is the Python package that holds it.
    """
    words = (f"/usr/bin/{php}", *options, "-r", program_text(package, f"{name}.php"), "--")
    return Run.of(*words, user=user, seconds=seconds, stdin=stdin).helped(name.replace("_", "-"), *arguments)


def run_shell(name: str, *arguments: str, user: str | None, seconds: float, stdin: str | None = None) -> Run:
    """Return the command that runs one of our shell programs."""
    words = ("/bin/sh", "-c", program_text(PROGRAMS, f"{name}.sh"), "sh")
    return Run.of(*words, user=user, seconds=seconds, stdin=stdin).helped(name.replace("_", "-"), *arguments)


def run_artisan(php: str, path: str, command: str, *, user: str, seconds: float) -> Run:
    """Return the command that runs an artisan command of an application, as its user."""
    asked = Run.of(f"/usr/bin/{php}", user=user, seconds=seconds)
    return asked.helped("artisan", f"{path}/artisan", command, "--no-ansi")
