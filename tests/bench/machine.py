"""The machine that measures, in a few words, and the moment."""

import os
import platform
import re
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path


def machine() -> dict[str, str]:
    """Return what its speed depends on."""
    names = re.findall(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    memory = re.search(r"^MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text(), re.MULTILINE)
    ssh = subprocess.run(("ssh", "-V"), capture_output=True, text=True, check=False).stderr.partition(",")[0].strip()
    return {
        "processor": f"{os.cpu_count()} x {names[0] if names else platform.machine()}",
        "memory": f"{int(memory[1]) / 1024**2:.0f} GiB" if memory else "unknown",
        "system": f"{platform.freedesktop_os_release().get('PRETTY_NAME', '')}, Linux {platform.release()}",
        "Python": platform.python_version(),
        "ssh": ssh,
    }


def busy(seconds: float = 3) -> float:
    """Return the share of the cores that is in use while this process waits."""

    def ticks() -> tuple[int, int]:
        _, *counted = Path("/proc/stat").read_text().partition("\n")[0].split()
        user, nice, system, idle, waiting = map(int, counted[:5])
        return user + nice + system, user + nice + system + idle + waiting

    used, total = ticks()
    time.sleep(seconds)
    used_then, total_then = ticks()
    return round((used_then - used) / max(1, total_then - total), 3)


def now() -> str:
    """Return the date."""
    return f"{datetime.now(UTC):%Y-%m-%d}"


def commit(root: Path) -> str:
    """Return the commit that is measured, and whether it is changed."""

    def git(*words: str) -> str:
        return subprocess.run(("git", *words), cwd=root, capture_output=True, text=True, check=False).stdout.strip()

    changed = " with changes" if git("status", "--porcelain", "--untracked-files=no") else ""
    return (git("rev-parse", "--short", "HEAD") or "unknown") + changed
