"""Layers of the stand-in images: folders that are made once, from Debian, PyPI and npm packages."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from hubstack.cluster.model import ClusterError, PackageError

DEBIAN = "bookworm"
"""The release whose Python, 3.11, the stand-ins run on."""
NODE_JS = "22.23.3"
"""configurable-http-proxy needs 20 or newer, and that release of Debian has an older one."""
JOVYAN = 1000
"""User and group id of the person in the upstream images."""
_PACKAGES = (
    "ca-certificates curl git iptables libstdc++6 procps python3 python3-pip sqlite3 tini"  # as Debian names them
)
_UNNEEDED = ("man", "locale", "doc", "info")
_BUILD_SECONDS = 1800
AWAITER = Path(__file__).with_name("awaiter.py")
"""What the layer `awaiter` holds."""
REQUIREMENTS = Path(__file__).with_name("requirements")
"""What is installed into which layer."""


def base(folder: Path) -> None:
    """A small Debian with Python and the user jovyan."""
    exclude = [f"--dpkgopt=path-exclude=/usr/share/{each}/*" for each in _UNNEEDED]
    _run(
        ["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", f"--include={','.join(_PACKAGES.split())}",
         '--aptopt=Acquire::Languages "none"', "--dpkgopt=force-unsafe-io", *exclude, DEBIAN, str(folder)]
    )  # fmt: skip
    for pattern in ("var/lib/apt/lists/*", "var/cache/apt/*", "var/cache/debconf/*", "dev/*"):
        for each in folder.glob(pattern):
            shutil.rmtree(each) if each.is_dir() and not each.is_symlink() else each.unlink()
    with (folder / "etc/passwd").open("a") as users:
        users.write(f"jovyan:x:{JOVYAN}:{JOVYAN}::/home/jovyan:/bin/bash\n")
    with (folder / "etc/group").open("a") as groups:
        groups.write(f"jovyan:x:{JOVYAN}:\n")
    for home in ("home/jovyan", "srv/jupyterhub"):
        (folder / home).mkdir(parents=True, exist_ok=True)
        os.chown(folder / home, JOVYAN, JOVYAN)


def python_packages(folder: Path, lower: Path, requirements: Path) -> None:
    """PyPI packages.

    Arguments:
        folder: the layer.
        lower: folder of the finished layer below it, made by `base`.
        requirements: a requirements file.
    """
    with _root(lower, folder) as root:
        (root / "tmp/requirements.txt").write_bytes(requirements.read_bytes())
        _run(
            ["chroot", str(root), "/usr/bin/python3", "-m", "pip", "install", "--quiet", "--no-cache-dir",
             "--break-system-packages", "--root-user-action=ignore", "--prefer-binary",
             "--disable-pip-version-check", "-r", "/tmp/requirements.txt"]
        )  # fmt: skip
        shutil.rmtree(root / "tmp")
        (root / "tmp").mkdir()
        (root / "tmp").chmod(0o1777)


def proxy(folder: Path, version: str) -> None:
    """configurable-http-proxy and the Node.js that it runs on, both from npm."""
    prefix = folder / "usr/local"
    prefix.mkdir(parents=True)
    arch = {"x86_64": "x64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    quiet = ("--silent", "--no-audit", "--no-fund", "--ignore-scripts")
    _run(
        ["npm", "install", *quiet, "--global", "--prefix", str(prefix),
         f"configurable-http-proxy@{version}", f"node-linux-{arch}@{NODE_JS}"]
    )  # fmt: skip
    node = prefix / "lib/node_modules" / f"node-linux-{arch}"
    (prefix / "bin").mkdir(exist_ok=True)
    (prefix / "bin/node").unlink(missing_ok=True)
    shutil.copy2(node / "bin/node", prefix / "bin/node")
    shutil.rmtree(node)


def program(folder: Path, path: Path) -> None:
    """One program in /usr/local/bin, named like the file up to its version: kube-scheduler-1.30 is kube-scheduler."""
    target = folder / "usr/local/bin"
    target.mkdir(parents=True)
    shutil.copy2(path, target / path.name.rpartition("-")[0])


def awaiter(folder: Path) -> None:
    """Our own program with the options of the chart's image-awaiter; only mode helm has a Job that runs it."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy2(AWAITER, folder / "image-awaiter")
    (folder / "image-awaiter").chmod(0o755)


@contextlib.contextmanager
def _root(lower: Path, upper: Path) -> Iterator[Path]:
    """Mount a layer being built on top of a finished one, with this machine's way to the package index."""
    work, root = upper.with_name(f"{upper.name}.work"), upper.with_name(f"{upper.name}.root")
    for each in (upper, work, root):
        each.mkdir(parents=True, exist_ok=True)
    _run(["mount", "-t", "overlay", "overlay", "-o", f"lowerdir={lower},upperdir={upper},workdir={work}", str(root)])
    mounts = [root]
    try:
        (root / "tmp").mkdir(exist_ok=True)
        for file in ("/etc/resolv.conf", "/etc/hosts", "/etc/ssl/certs/ca-certificates.crt", "/etc/pip.conf"):
            target = root / file.lstrip("/")
            if not Path(file).exists():
                continue
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                target.touch()
            _run(["mount", "--bind", file, str(target)])
            mounts.append(target)
        yield root
    finally:
        for each in reversed(mounts):
            _run(["umount", "--lazy", str(each)])
        root.rmdir()
        shutil.rmtree(work, ignore_errors=True)


def _run(command: Sequence[str]) -> None:
    """Run a program of the build; its last words become the error.

    Raises:
        PackageError: it failed; what the recipes run is after packages, and hardly fails for another reason.
        ClusterError: the program is not there.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_BUILD_SECONDS, check=False)
    except FileNotFoundError:
        raise ClusterError(f"the program {command[0]} is needed to build images, and is not on PATH") from None
    except subprocess.TimeoutExpired:
        raise PackageError(f"{command[0]} did not end within {_BUILD_SECONDS} s") from None
    if done.returncode:
        words = (done.stderr or done.stdout).strip().splitlines()[-6:]
        raise PackageError("\n  ".join([f"building images: {command[0]} failed:", *words]))
