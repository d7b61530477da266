"""The node's parts that need no node: its configuration, its images on disk, its volumes, its refusals."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tarfile
from pathlib import Path

import pytest
import yaml

from chart.values import ChartValues
from hubstack import session
from hubstack.cluster import ClusterError, SimSettings
from hubstack.cluster.node import host, images, layers
from hubstack.cluster.node.addons import Folders
from hubstack.cluster.node.cluster import NodeCluster
from hubstack.cluster.node.network import ADDRESSES, NODE, forwarded
from hubstack.cluster.node.services import services, write_configuration
from hubstack.cluster.state import Layout


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


def test_a_killed_build_goes_on_and_gives_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Layers are built once; after a build that broke off, the finished ones stay, and the result is a whole layout."""
    built: list[str] = []
    broken = {"singleuser"}

    def layer(name: str):
        def build(folder: Path, *lower: Path, **_: object) -> None:
            built.append(name)
            if name in broken:
                raise ClusterError(f"{name} broke off")
            folder.mkdir(parents=True)
            (folder / name).write_text(name)

        return build

    for name in ("base", "proxy", "awaiter"):
        monkeypatch.setattr(layers, name, layer(name))
    monkeypatch.setattr(layers, "python_packages", layer)
    monkeypatch.setattr(layers, "program", lambda path: layer("scheduler"))
    store = images.Store(tmp_path, Path("kube-scheduler"))
    with pytest.raises(ClusterError, match="singleuser broke off"):
        store.build(lambda _: None)
    broken.clear()
    digest = store.build(lambda _: None)
    assert sorted(built) == sorted(["base", "hub", "singleuser", "singleuser", "proxy", "scheduler", "awaiter"])
    assert store.build(lambda _: None) == digest, "nothing changes without a reason"
    index = json.loads((store.layout / "index.json").read_text())
    for entry in index["manifests"]:
        manifest = json.loads(_blob(store.layout, entry["digest"]))
        config = json.loads(_blob(store.layout, manifest["config"]["digest"]))
        assert config["rootfs"]["diff_ids"] == [each["digest"] for each in manifest["layers"]]
        assert all(hashlib.sha256(_blob(store.layout, each["digest"])).hexdigest() in each["digest"]
                   for each in manifest["layers"])  # fmt: skip
    with tarfile.open(store.layout / "blobs/sha256" / manifest["layers"][0]["digest"].partition(":")[2]) as archive:
        assert "./base" in archive.getnames()


def _blob(layout: Path, digest: str) -> bytes:
    return (layout / "blobs" / "sha256" / digest.partition(":")[2]).read_bytes()


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
        write_configuration(layout, "/hubstack-node-1")
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
    monkeypatch.setattr(host.os, "geteuid", lambda: 1000)
    with pytest.raises(ClusterError, match=r"needs root, you are user 1000; .* CLUSTER=sim"):
        NodeCluster(tmp_path).up({})
    monkeypatch.setattr(host.sys, "platform", "darwin")
    with pytest.raises(ClusterError, match=r"needs Linux, this is darwin; .* CLUSTER=sim"):
        NodeCluster(tmp_path).up({})
    with pytest.raises(ClusterError, match="cannot be set for CLUSTER=node"):
        NodeCluster(tmp_path, SimSettings(nodes=5))
    assert not list(tmp_path.iterdir())
