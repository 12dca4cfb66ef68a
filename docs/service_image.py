"""Builds the image of the service from docs/container/Containerfile: `make service-image`."""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from remediate.errors import RemediateError
from remediate.rehearsal.checkout import LABEL, Checkout
from remediate.rehearsal.container import ContainerEngine, find_engine
from remediate.rehearsal.image import DEBIAN, import_debian, pull
from remediate.rehearsal.machine import plain_flags
from remediate.rehearsal.stages import Clock, Progress

CHECKOUT: Final = Path(__file__).resolve().parents[1]
CONTAINER: Final = CHECKOUT / "docs/container"
PYTHON: Final = "3.11"
"""The version of Python in Debian bookworm, the base."""
_PACKAGES: Final = ("python3", "openssh-client")


def build_service_image(engine: ContainerEngine, checkout: Checkout, progress: Progress) -> str:
    """Build the image of this checkout, and return its name. Raises ConfigurationError and StagingError."""
    clock = Clock(progress)
    labels = {LABEL: "service", **checkout.labels}
    base = DEBIAN if pull(engine, clock) else _base(engine, checkout, clock)
    reference = f"localhost/remediate-service:{checkout.identity}"
    # Podman's own format has no health check.
    form = ("--format", "docker") if engine.machine.engine == "podman" else ()
    flags = (*plain_flags(engine.machine), *form, *(f"--label={key}={value}" for key, value in labels.items()))
    named = ("-t", reference, "-f", str(CONTAINER / "Containerfile"), "--build-arg", f"BASE={base}")
    with TemporaryDirectory(prefix="remediate-service-") as context:
        clock.say("collecting the locked packages")
        subprocess.run(("sh", CONTAINER / "packages.sh", PYTHON, f"{context}/packages"), check=True, timeout=600)
        clock.say("building the image")
        engine.call("build", *flags, *named, context, timeout=900)
    clock.say(f"ready: {reference}")
    return reference


def _base(engine: ContainerEngine, checkout: Checkout, clock: Clock) -> str:
    """Return a Debian that was made here, with everything that the image needs of it."""
    reference = f"localhost/remediate-service-base:{checkout.identity}"
    if not engine.has_image(reference):
        import_debian(engine, reference, _PACKAGES, {LABEL: "service-base", **checkout.labels}, clock)
    return reference


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Build it; return an exit code."""
    try:
        build_service_image(find_engine(), Checkout(CHECKOUT / ".staging"), _say)
    except (RemediateError, subprocess.SubprocessError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
