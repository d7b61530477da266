"""Stand-ins for the upstream images, for machines that reach no image registry.

They carry the upstream names, so that a stack needs no other values, and hold the same programs at the same versions
on another base: Debian, PyPI and npm packages. They are built once, into the user's cache.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from hubstack.cluster.model import ClusterError
from hubstack.cluster.node import layers

_PATH = "PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
_PYTHON = (_PATH, "LANG=C.UTF-8", "HOME=/home/jovyan", "NB_USER=jovyan", f"NB_UID={layers.JOVYAN}", "SHELL=/bin/bash")
_TAR = "application/vnd.oci.image.layer.v1.tar"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Image:
    """One image: its full name, its layers from the lowest, and how its containers start by default."""

    name: str
    layers: tuple[str, ...]
    config: Mapping[str, Any]


def images() -> list[Image]:
    """The images that the chart's default values name, but for those of automatic HTTPS certificates."""
    from chart.values import ChartValues

    values = ChartValues()

    def name(image: Any) -> str:
        return f"{image.name}:{image.tag}"

    pause = {name(values.pre_puller.pause.image), name(values.scheduling.user_placeholder.image)}
    return [
        Image(
            name(values.hub.image),
            ("base", "hub"),
            {"User": "jovyan", "Env": _PYTHON, "WorkingDir": "/srv/jupyterhub", "Entrypoint": ["tini", "--"],
             "Cmd": ["jupyterhub", "--config", "/usr/local/etc/jupyterhub/jupyterhub_config.py"]},
        ),
        Image(
            name(values.singleuser.image),
            ("base", "singleuser"),
            {"User": "jovyan", "Env": _PYTHON, "WorkingDir": "/home/jovyan", "Entrypoint": ["tini", "--"],
             "Cmd": ["jupyter", "lab"]},
        ),
        Image(
            name(values.proxy.chp.image),
            ("base", "proxy"),
            {"User": "65534", "Env": [_PATH, "NODE_ENV=production"], "WorkingDir": "/srv",
             "Entrypoint": ["configurable-http-proxy"]},
        ),
        Image(name(values.singleuser.network_tools.image), ("base",), {"Env": [_PATH], "Cmd": ["/bin/sh"]}),
        Image(name(values.pre_puller.hook.image), ("base", "awaiter"), {"Env": [_PATH]}),
        Image(
            name(values.scheduling.user_scheduler.image),
            ("base", "scheduler"),
            {"Env": [_PATH], "Entrypoint": ["/usr/local/bin/kube-scheduler"]},
        ),
        *(
            Image(each, ("base",), {"Env": [_PATH], "User": "65535:65535",
                                    "Entrypoint": ["tini", "--", "sleep", "infinity"]})
            for each in sorted(pause | {PAUSE})
        ),
    ]  # fmt: skip


def builders(folder: Path, scheduler: Path) -> dict[str, Callable[[Path], None]]:
    """What fills the layers of the stand-ins.

    Args:
        folder: that of the store.
        scheduler: program that the user-scheduler's image holds.
    """
    from chart.values import ChartValues

    lower = folder / "layers" / "base"
    return {
        "base": layers.base,
        "hub": partial(layers.python_packages, lower=lower, requirements=layers.REQUIREMENTS / "hub.txt"),
        "singleuser": partial(layers.python_packages, lower=lower, requirements=layers.REQUIREMENTS / "singleuser.txt"),
        "proxy": partial(layers.proxy, version=ChartValues().proxy.chp.image.tag),
        "scheduler": partial(layers.program, path=scheduler),
        "awaiter": layers.awaiter,
    }


def stand_ins(folder: Path, scheduler: Path) -> Store:
    """The store of all stand-ins; arguments as for `builders`."""
    return Store(folder, builders(folder, scheduler), images())


PAUSE = "registry.k8s.io/pause:3.10.1"
"""The image that holds a pod's namespaces open; containerd is told this name."""


class Store:
    """Images on disk: finished layers and one OCI layout."""

    def __init__(self, folder: Path, builders: Mapping[str, Callable[[Path], None]], wanted: Sequence[Image]) -> None:
        """Nothing is built yet.

        Args:
            folder: where they are kept; stores may share one.
            builders: layers in the order in which they are built, each with what fills its folder.
            wanted: images made of these layers.
        """
        self._folder = folder
        self._builders = builders
        self._wanted = wanted

    @property
    def layout(self) -> Path:
        """The OCI layout, complete once `build` has returned."""
        return self._folder / "oci"

    def build(self, tell: Callable[[str], object]) -> str:
        """Build what is missing; an interrupted build goes on with the layer it was at.

        Returns:
            Digest of all images together.

        Raises:
            ClusterError: a package cannot be had.
        """
        missing = [name for name in self._builders if not self._done(name).is_file()]
        if missing:
            tell(f"building images, once: {len(missing)} layers, some minutes and 1 GB in {self._folder}")
        for number, name in enumerate(missing, 1):
            tell(f"  layer {number} of {len(missing)}: {name}")
            folder = self._folder / "layers" / name
            shutil.rmtree(folder, ignore_errors=True)
            folder.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._builders[name](folder)
            except OSError as error:
                raise ClusterError(f"layer {name}: {error}") from None
            self._pack(name, folder)
        return self._write_layout()

    def _done(self, name: str) -> Path:
        return self._folder / "layers" / f"{name}.json"

    def _pack(self, name: str, folder: Path) -> None:
        """Make a layer's archive; every build of the same folder gives the same bytes."""
        blobs = self.layout / "blobs" / "sha256"
        blobs.mkdir(parents=True, exist_ok=True)
        draft = blobs / f".{name}"
        subprocess.run(
            ["tar", "-C", str(folder), "--numeric-owner", "--sort=name", "--mtime=@1700000000", "--format=gnu",
             "-cf", str(draft), "."],
            check=True,
        )  # fmt: skip
        with draft.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = draft.stat().st_size
        draft.replace(blobs / digest)
        if name != "base":  # the others are built upon it
            shutil.rmtree(folder)
        self._done(name).write_text(json.dumps({"mediaType": _TAR, "digest": f"sha256:{digest}", "size": size}))

    def _write_layout(self) -> str:
        found = {name: json.loads(self._done(name).read_text()) for name in self._builders}
        arch = _ARCHITECTURES.get(os.uname().machine, os.uname().machine)
        manifests = []
        for image in self._wanted:
            stack = [found[name] for name in image.layers]
            config = {
                "architecture": arch,
                "os": "linux",
                "config": dict(image.config),
                "rootfs": {"type": "layers", "diff_ids": [each["digest"] for each in stack]},
            }
            manifest = {
                "schemaVersion": 2,
                "mediaType": _MANIFEST,
                "config": self._blob(_CONFIG, config),
                "layers": stack,
            }
            manifests.append(
                {
                    **self._blob(_MANIFEST, manifest),
                    "platform": {"architecture": arch, "os": "linux"},
                    "annotations": {
                        "io.containerd.image.name": image.name,
                        "org.opencontainers.image.ref.name": image.name.rpartition(":")[2],
                    },
                }
            )
        index = json.dumps({"schemaVersion": 2, "manifests": manifests}).encode()
        (self.layout / "index.json").write_bytes(index)
        (self.layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        return hashlib.sha256(index).hexdigest()

    def _blob(self, media_type: str, content: Mapping[str, Any]) -> dict[str, Any]:
        data = json.dumps(content).encode()
        digest = hashlib.sha256(data).hexdigest()
        (self.layout / "blobs" / "sha256" / digest).write_bytes(data)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}
