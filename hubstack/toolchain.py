"""External programs, from the mirror into the user's cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console

from hubstack import project

ARCHIVES = {
    "pulumi": "pulumi-v3.259.0",
    "pulumi-resource-kubernetes": "pulumi-resource-kubernetes-v4.32.0",
    "pulumi-resource-random": "pulumi-resource-random-v4.21.1",
    "helm": "helm-v3.20.2",
    "etcd": "kubernetes-v1.36.1",
    "kube-apiserver": "kubernetes-v1.36.1",
    "kube-controller-manager": "kubernetes-v1.36.1",
    "kube-scheduler": "kubernetes-v1.36.1",
    "kwok": "kwok-v0.8.0",
}


class ToolchainError(Exception):
    """A program cannot be had; says which, why, and how to supply it."""


class Tools(Mapping[str, Path]):
    """Path of each program."""

    def __init__(self, paths: dict[str, Path]) -> None:
        self._paths = paths

    def __getitem__(self, name: str) -> Path:
        return self._paths[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    def environment(self) -> dict[str, str]:
        folders = list(dict.fromkeys(str(path.parent) for path in self._paths.values()))
        return {"PATH": os.pathsep.join([*folders, os.environ.get("PATH", "")])}

    def pulumi_home(self, home: Path) -> None:
        for name, path in self._paths.items():
            if name.startswith("pulumi-resource-"):
                folder = home / "plugins" / ARCHIVES[name].removeprefix("pulumi-")
                folder.mkdir(parents=True, exist_ok=True)
                link = folder / name
                if not link.exists():
                    link.symlink_to(path)


def ensure(names: Sequence[str], *, progress: Console | None = None) -> Tools:
    wanted = sorted({ARCHIVES[name] for name in names})
    with ThreadPoolExecutor() as pool:
        folders = dict(zip(wanted, pool.map(lambda archive: _unpack(archive, progress), wanted), strict=True))
    paths = {}
    for name in names:
        folder = folders[ARCHIVES[name]]
        paths[name] = folder / name if (folder / name).is_file() else folder / "pulumi" / name
    return Tools(paths)


def _unpack(archive: str, progress: Console | None) -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hubstack" / "tools"
    target = cache / archive
    if target.is_dir():
        return target
    mirror = project.mirror()
    file = mirror / "toolchain" / f"{archive}-linux-amd64.tar.xz" if mirror else None
    if file is None or not file.is_file():
        raise ToolchainError(f"{archive} cannot be supplied: not in the mirror")
    sums = dict(reversed(line.split()) for line in (file.parent / "SHA256SUMS").read_text().splitlines())
    if hashlib.sha256(file.read_bytes()).hexdigest() != sums[file.name]:
        raise ToolchainError(f"{archive}: wrong checksum")
    if progress is not None:
        progress.print(f"unpacking {archive}")
    cache.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=cache, prefix=".partial-"))
    with tarfile.open(file) as content:
        content.extractall(temporary, filter="data")
    try:
        temporary.rename(target)
    except OSError:
        shutil.rmtree(temporary)
    return target
