"""The hub image's Python packages, in a virtual environment of the user's cache."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from hubstack import project

RUNNER = Path(__file__).with_name("runner.py")
"""The program that executes configuration files."""

REQUIREMENTS = project.ROOT / "hubstack" / "cluster" / "node" / "requirements" / "hub.txt"
"""JupyterHub, spawner and authenticators at the versions of the hub image of chart 4.4.0."""


CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hubstack"
"""The user's cache, as it is when tests start: `tests.programs` may then set one that goes with the run."""


class Unavailable(Exception):
    """The packages cannot be installed here; says why."""


@cache
def python() -> Path:
    """The interpreter that has the hub's packages; installed at first use, which takes half a minute.

    Raises:
        Unavailable: the package index cannot be reached.
    """
    digest = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = CACHE / f"hub-packages-{digest}"
    interpreter = folder / "bin" / "python"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "hub-packages.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / ".complete").is_file():
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", folder], check=True, capture_output=True)
            command = [
                interpreter,
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "-r",
                REQUIREMENTS,
            ]
            done = subprocess.run(command, check=False, capture_output=True, text=True)
            if done.returncode:
                last = (done.stderr.strip().splitlines() or ["pip failed"])[-1]
                raise Unavailable(f"the hub's packages cannot be installed: {last}")
            (folder / ".complete").touch()
    return interpreter
