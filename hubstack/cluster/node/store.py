"""Images on disk: layers that are built once, and archives of the images made of them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubstack import file_lock
from hubstack.cluster.model import ClusterError
from hubstack.cluster.process import write_atomically

_TAR = "application/vnd.oci.image.layer.v1.tar"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_INDEX = "application/vnd.oci.image.index.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_PATIENCE = 3600.0
"""Seconds that another process may take to build the same layers."""


@dataclass(frozen=True)
class Layer:
    """One layer: what fills its folder, and what that depends on."""

    name: str
    fill: Callable[[Path], None]
    inputs: tuple[str, ...]
    """Texts such as versions. With other ones it is another layer, which is built beside this one."""
    stays: bool = False
    """Whether the folder is kept because other layers are built upon it."""

    @property
    def key(self) -> str:
        """Name of the layer with these inputs."""
        return f"{self.name}-{hashlib.sha256(json.dumps(self.inputs).encode()).hexdigest()[:12]}"

    def folder(self, store: Path) -> Path:
        """Where it is built, in the folder of a store."""
        return store / "layers" / self.key


@dataclass(frozen=True)
class Image:
    """One image: its full name, its layers from the lowest, and how its containers start by default."""

    name: str
    layers: tuple[str, ...]
    config: Mapping[str, Any]


class Store:
    """Finished layers and the archive that they make; stores may share a folder, at the same time, too."""

    def __init__(self, folder: Path, layers: Sequence[Layer], wanted: Sequence[Image]) -> None:
        """Nothing is built yet.

        Arguments:
            folder: where layers are kept.
            layers: in the order in which they are built.
            wanted: images made of these layers.
        """
        self._folder = folder
        self._blobs = folder / "oci" / "blobs" / "sha256"
        self._layers = layers
        self._wanted = wanted

    def missing(self) -> list[Layer]:
        """Layers that are not built yet."""
        return [layer for layer in self._layers if not self._done(layer).is_file()]

    def build(self, report: Callable[[str], object]) -> str:
        """Build what is missing; an interrupted build goes on with the layer it was at.

        Returns:
            Digest of all images together.

        Raises:
            ClusterError: a package cannot be had.
        """
        with file_lock.hold(self._folder / "lock", "building the same images", report, _PATIENCE):
            missing = self.missing()
            if missing:
                report(f"building images, once: {len(missing)} layers, some minutes and 1 GB in {self._folder}")
            for number, layer in enumerate(missing, 1):
                report(f"  layer {number} of {len(missing)}: {layer.name}")
                folder = layer.folder(self._folder)
                shutil.rmtree(folder, ignore_errors=True)
                folder.parent.mkdir(parents=True, exist_ok=True)
                try:
                    layer.fill(folder)
                except OSError as error:
                    raise ClusterError(f"layer {layer.name}: {error}") from None
                self._pack(layer, folder)
        return _hex(self._index())

    def archive(self) -> list[str]:
        """The command that writes an OCI archive of the images, once they are built, to its output."""
        index = self._index()
        blobs = {_hex(each) for each in self._read(index)["manifests"]}
        for manifest in [self._read(each) for each in self._read(index)["manifests"]]:
            blobs |= {_hex(each) for each in (manifest["config"], *manifest["layers"])}
        layout = self._blobs.parents[1]
        write_atomically(layout / "oci-layout", '{"imageLayoutVersion": "1.0.0"}')
        names = [f"blobs/sha256/{each}" for each in (_hex(index), *sorted(blobs))]
        return ["tar", "-C", str(layout), f"--transform=s,^{names[0]}$,index.json,", "-cf", "-", "oci-layout", *names]

    def _done(self, layer: Layer) -> Path:
        folder = layer.folder(self._folder)
        return folder.with_name(f"{folder.name}.json")

    def _pack(self, layer: Layer, folder: Path) -> None:
        """Make a layer's archive; every build of the same folder gives the same bytes."""
        self._blobs.mkdir(parents=True, exist_ok=True)
        draft = self._blobs / f".{layer.name}"
        subprocess.run(
            ["tar", "-C", str(folder), "--numeric-owner", "--sort=name", "--mtime=@1700000000", "--format=gnu",
             "-cf", str(draft), "."],
            check=True,
        )  # fmt: skip
        with draft.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = draft.stat().st_size
        draft.replace(self._blobs / digest)
        if not layer.stays:
            shutil.rmtree(folder)
        self._done(layer).write_text(json.dumps({"mediaType": _TAR, "digest": f"sha256:{digest}", "size": size}))

    def _index(self) -> dict[str, Any]:
        """Write what says of which layers the images are made; gives the blob that says it for all of them."""
        found = {layer.name: json.loads(self._done(layer).read_text()) for layer in self._layers}
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
        return self._blob(_INDEX, {"schemaVersion": 2, "mediaType": _INDEX, "manifests": manifests})

    def _blob(self, media_type: str, content: Mapping[str, Any]) -> dict[str, Any]:
        text = json.dumps(content)
        digest = hashlib.sha256(text.encode()).hexdigest()
        write_atomically(self._blobs / digest, text)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(text)}

    def _read(self, blob: Mapping[str, Any]) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self._blobs / _hex(blob)).read_text())
        return content


def _hex(blob: Mapping[str, Any]) -> str:
    return str(blob["digest"]).partition(":")[2]
