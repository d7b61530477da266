"""configurable-http-proxy from npm, in the user's cache."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from pathlib import Path

from tests.parity.hub_configuration.environment import CACHE

_QUICKLY = (
    "--no-audit",
    "--no-fund",
    "--loglevel",
    "error",
    "--fetch-retries",
    "1",
    "--fetch-retry-mintimeout",
    "1000",
)
"""Nothing but the package, and no minute of trying where the registry cannot be reached."""


class Unavailable(Exception):
    """The proxy cannot be installed here; says why."""


def programs(version: str) -> Path:
    """The folder with the program ``configurable-http-proxy``; installed at first use.

    Arguments:
        version: the package's version: the tag of the chart's proxy image.

    Raises:
        Unavailable: there is no npm, or the registry cannot be reached.
    """
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise Unavailable("the proxy needs Node.js: there is no node or npm on PATH")
    folder = CACHE / f"configurable-http-proxy-{version}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "configurable-http-proxy.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / ".complete").is_file():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            command = [npm, "install", "--prefix", folder, *_QUICKLY]
            package = f"configurable-http-proxy@{version}"
            done = subprocess.run([*command, package], check=False, capture_output=True, text=True)
            if done.returncode:
                said = [line.removeprefix("npm error ") for line in done.stderr.splitlines() if " error " in line]
                raise Unavailable(f"{package} cannot be installed: {'; '.join(said[:3]) or 'npm failed'}")
            (folder / ".complete").touch()
    return folder / "node_modules" / ".bin"
