"""The node's parts that need no node: its configuration, its images on disk, its volumes, its refusals."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from hubstack.chart.values import ChartValues
from hubstack.cluster import ClusterError, SimSettings
from hubstack.cluster.node import host, images, layers
from hubstack.cluster.node.addons import Folders
from hubstack.cluster.node.cluster import NodeCluster
from hubstack.cluster.node.network import ADDRESSES, NODE, forwarded
from hubstack.cluster.node.services import services, write_configuration
from hubstack.cluster.node.store import Store
from hubstack.cluster.state import Layout
from hubstack.commands import session


def test_every_image_of_the_default_values_has_a_stand_in() -> None:
    """The stand-ins carry the names that a stack with default values asks for; only automatic HTTPS has none."""
    values = ChartValues()
    wanted = [
        values.hub.image,
        values.proxy.chp.image,
        values.singleuser.image,
        values.singleuser.network_tools.image,
        values.pre_puller.hook.image,
        values.pre_puller.pause.image,
        values.scheduling.user_scheduler.image,
        values.scheduling.user_placeholder.image,
    ]
    assert {f"{image.name}:{image.tag}" for image in wanted} == {image.name for image in images.images()}


def named_layers(monkeypatch: pytest.MonkeyPatch, broken: set[str]) -> list[str]:
    """Let each layer hold one file with its name; gives the names of those that are built, as they are."""
    built: list[str] = []

    def fill(name: str, folder: Path) -> None:
        built.append(name)
        if name in broken:
            raise ClusterError(f"{name} broke off")
        folder.mkdir(parents=True)
        (folder / name).write_text(name)

    for name in ("base", "proxy", "awaiter"):
        monkeypatch.setattr(layers, name, lambda folder, name=name, **_: fill(name, folder))
    monkeypatch.setattr(layers, "python_packages", lambda folder, requirements, **_: fill(requirements.stem, folder))
    monkeypatch.setattr(layers, "program", lambda folder, **_: fill("scheduler", folder))
    return built


def exported(store: Store) -> dict[str, bytes]:
    """Files of the archive of a store's images, by name."""
    done = subprocess.run(store.archive(), check=True, capture_output=True)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        return {each.name: file.read() for each in archive if (file := archive.extractfile(each))}


def layers_of(store: Store) -> dict[str, list[bytes]]:
    """Content of the layers of each image of the archive, by the image's name; every digest is compared."""
    files = exported(store)

    def blob(entry: dict[str, Any]) -> bytes:
        digest = entry["digest"].removeprefix("sha256:")
        content = files[f"blobs/sha256/{digest}"]
        used.add(f"blobs/sha256/{digest}")
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (digest, entry["size"])
        return content

    used: set[str] = set()
    assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    found: dict[str, list[bytes]] = {}
    for entry in json.loads(files["index.json"])["manifests"]:
        manifest = json.loads(blob(entry))
        config = json.loads(blob(manifest["config"]))
        assert config["rootfs"]["diff_ids"] == [each["digest"] for each in manifest["layers"]]
        found[entry["annotations"]["io.containerd.image.name"]] = [blob(each) for each in manifest["layers"]]
    assert files.keys() == {"oci-layout", "index.json", *used}, "nothing but these images"
    return found


def names_in(layer: bytes) -> list[str]:
    """Files of a layer."""
    with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
        return [each.name.removeprefix("./") for each in archive if each.isfile()]


def test_a_killed_build_goes_on_and_gives_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Layers are built once; after a build that broke off the finished ones stay, and the images are whole."""
    broken = {"singleuser"}
    built = named_layers(monkeypatch, broken)
    store = images.stand_ins(tmp_path, Path("kube-scheduler-1.30"))
    with pytest.raises(ClusterError, match="singleuser broke off"):
        store.build(lambda _: None)
    broken.clear()
    digest = store.build(lambda _: None)
    assert built == ["base", "hub", "singleuser", "singleuser", "proxy", "scheduler", "awaiter"]
    assert store.build(lambda _: None) == digest, "nothing changes without a reason"
    assert store.missing() == []
    found = {name: [names_in(layer) for layer in stack] for name, stack in layers_of(store).items()}
    assert found == {image.name: [[name] for name in image.layers] for image in images.images()}


def test_another_version_is_another_layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With other packages a layer is built anew, and it alone; whoever wants the former ones still has them."""
    built = named_layers(monkeypatch, set())
    hub = tmp_path / "hub.txt"
    stores = []
    for version in ("5.4.6", "5.5.0"):
        hub.write_text(f"jupyterhub=={version}")
        layer = images.python_layer(tmp_path, "hub", hub)
        others = [each for each in images.built(tmp_path, Path("kube-scheduler-1.30")) if each.name != "hub"]
        stores.append(Store(tmp_path, [*others, layer], images.images()))
        stores[-1].build(lambda _: None)
    assert built == ["base", "singleuser", "proxy", "scheduler", "awaiter", "hub", "hub"]
    assert [store.missing() for store in stores] == [[], []]


def test_services_and_the_tools_that_they_run(tmp_path: Path) -> None:
    """Every service runs a pinned program, and the kubelet keeps all pods below the node's own control group."""
    layout = Layout(tmp_path)
    layout.make_folders()
    tools = {name: Path("/tools") / name for name in session.CLUSTER_TOOLS["node"]}
    found = services(layout, tools)
    programs = {Path(each.argv[0]).name for each in found}
    assert programs - {Path(sys.executable).name} <= set(tools)
    monkeypatched = os.environ["PATH"]
    (tmp_path / "runc").touch(mode=0o755)
    os.environ["PATH"] = f"{tmp_path}:{monkeypatched}"
    try:
        write_configuration(layout, "/hubstack-node-1", outside=False)
    finally:
        os.environ["PATH"] = monkeypatched
    assert yaml.safe_load((tmp_path / "run/kubelet.yaml").read_text())["cgroupRoot"] == "/hubstack-node-1"
    assert json.loads((tmp_path / "run/cni/10-hubstack.conflist").read_text())["plugins"][0]["type"] == "bridge"


def test_every_balancer_address_is_reached_from_outside() -> None:
    """Each address has a port for http and one for https, all distinct."""
    targets = forwarded()
    assert {f"{address}:{port}" for address in ADDRESSES for port in (80, 443)} < set(targets.values())
    assert len(set(targets.values())) == len(targets)


def test_volumes_are_folders_that_only_a_delete_policy_removes(tmp_path: Path) -> None:
    """A claim gets a folder on the node; released, it stays unless its class says Delete."""
    claim = {
        "metadata": {"uid": "1", "name": "claim-ada", "namespace": "jhub", "annotations": {}},
        "spec": {"storageClassName": "standard", "accessModes": ["ReadWriteOnce"],
                 "resources": {"requests": {"storage": "1Gi"}}},
        "status": {"phase": "Pending"},
    }  # fmt: skip
    storage_class = {"metadata": {"name": "standard"}, "provisioner": "any", "volumeBindingMode": "Immediate"}
    cache = {"classes": {"c": storage_class}, "claims": {"1": claim}, "volumes": {}, "services": {}}
    [action] = Folders(tmp_path).plan(cache)
    assert action.body["spec"]["local"] == {"path": str(tmp_path / "pvc-1")}
    [term] = action.body["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
    assert term["matchExpressions"][0]["values"] == [NODE]
    assert (tmp_path / "pvc-1").is_dir()
    for policy, stays in (("Retain", True), ("Delete", False)):
        volume = {**action.body, "status": {"phase": "Released"}}
        volume["spec"]["persistentVolumeReclaimPolicy"] = policy
        Folders(tmp_path).plan({"classes": {}, "claims": {}, "volumes": {"v": volume}, "services": {}})
        assert (tmp_path / "pvc-1").is_dir() == stays


def test_refusals_offer_the_other_kinds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere than on Linux as root there is one error, and it says what to use instead."""
    monkeypatch.setattr(host.os, "geteuid", lambda: 0)
    monkeypatch.setattr(host.sys, "platform", "linux")
    monkeypatch.setattr(host, "_CGROUPS", tmp_path / "absent")
    monkeypatch.setattr(host, "NAMESPACES", ())
    with pytest.raises(ClusterError, match=r"needs control groups, and .*absent cannot be written to; .* CLUSTER=sim"):
        NodeCluster(tmp_path).up({})
    if shutil.which("unshare"):
        monkeypatch.setattr(host, "NAMESPACES", ("--no-such-namespace",))
        with pytest.raises(ClusterError, match=r"root may not make here \(unshare: .*no-such-.*\); .* CLUSTER=sim"):
            NodeCluster(tmp_path).up({})
    monkeypatch.setattr(host.os, "geteuid", lambda: 1000)
    with pytest.raises(ClusterError, match=r"needs root, you are user 1000; .* CLUSTER=sim"):
        NodeCluster(tmp_path).up({})
    monkeypatch.setattr(host.sys, "platform", "darwin")
    with pytest.raises(ClusterError, match=r"needs Linux, this is darwin; .* CLUSTER=sim"):
        NodeCluster(tmp_path).up({})
    with pytest.raises(ClusterError, match="cannot be set for CLUSTER=node"):
        NodeCluster(tmp_path, SimSettings(nodes=5))
    assert not list(tmp_path.iterdir())
