"""Nobody without a credential learns or changes anything at the ports of the embedded cluster.

What this does not prove: that root is kept out; whoever may read the state folder has the keys.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import pytest

from hubstack.cluster import components, process
from hubstack.cluster.components import NAMES
from hubstack.cluster.sim import SimCluster
from hubstack.cluster.state import Layout
from tests import open_ports, programs
from tests.open_ports import HEALTH, SECRETS, Socket

SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "kept"}, "stringData": {"word": "canary"}}
PUBLIC = {
    *(("kube-apiserver", "https", "GET", path) for path in (*HEALTH, "/version")),
    ("kube-controller-manager", "https", "GET", "/healthz"),
    *(("kube-scheduler", "https", "GET", path) for path in HEALTH),
    *(("kwok", scheme, "GET", path) for scheme in ("http", "https") for path in (*HEALTH, "/metrics")),
}
"""All that is told: whether a program is well, the API server's version, how much memory kwok uses."""


@pytest.fixture(scope="module")
def tools() -> Mapping[str, Path]:
    return programs.control_plane()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("closed") / "sim"


@pytest.fixture(scope="module")
def cluster(folder: Path, tools: Mapping[str, Path]) -> Iterator[SimCluster]:
    """A cluster as an older version made it, which left the peers' port of etcd open; started again by this one."""
    made = SimCluster(folder)
    closed = components.etcd_tls

    def open_to_peers(name: str, pki: Path) -> dict[str, object]:
        flags = {key: value for key, value in closed(name, pki).items() if "peer" not in key}
        return {**flags, "listen-peer-urls": "http://127.0.0.1:0", "initial-cluster": f"{name}=http://localhost:2380"}

    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(components, "etcd_tls", open_to_peers)
            made.up(tools)
        etcd = {socket for socket, name in sockets(folder).items() if name == "etcd"}
        assert {path for _, _, _, path in open_ports.answered(etcd)} >= {"/members", "/version"}
        made.client().request("POST", SECRETS, SECRET)
        made.up(tools)
        yield made
    finally:
        made.delete()


def sockets(folder: Path) -> dict[Socket, str]:
    """Every listening socket of the cluster's processes, and whose it is."""
    found = {}
    for name in NAMES:
        record = process.read_record(Layout(folder).pid_file(name))
        assert record is not None
        found |= dict.fromkeys(open_ports.listening(psutil.Process(record.pid)), name)
    return found


def test_nobody_without_a_credential_is_told_or_changes_anything(cluster: SimCluster, folder: Path) -> None:
    """Every socket, found by asking the system, is of this machine only and refuses all questions but health."""
    found = sockets(folder)
    assert set(found.values()) == set(NAMES) - {"cloud"}
    assert {address for address, _ in found} == {"127.0.0.1"}
    assert {(found[socket], *question) for socket, *question in open_ports.answered(found)} == PUBLIC


def test_a_cluster_of_an_older_version_keeps_its_objects(cluster: SimCluster) -> None:
    """It was started again with a closed port, and with the object and the keys that it had."""
    assert cluster.client().get(f"{SECRETS}/kept")["data"] == {"word": "Y2FuYXJ5"}
    assert cluster.status().state == "ready"


def test_keys_are_private_files_in_a_private_folder(cluster: SimCluster, folder: Path) -> None:
    """Whatever holds a private key can be read by its owner only, and so can the folders above it."""
    keys = [file for file in folder.rglob("*") if file.is_file() and holds_a_key(file)]
    assert {file.name for file in keys} >= {"ca.key", "etcd-ca.key", "admin.key", "kubeconfig", "kwok.kubeconfig"}
    assert {(file.name, oct(file.stat().st_mode & 0o777)) for file in keys} == {(file.name, "0o600") for file in keys}
    above = {folder, *(file.parent for file in keys)}
    assert {oct(each.stat().st_mode & 0o777) for each in above} == {"0o700"}


def holds_a_key(file: Path) -> bool:
    content = file.read_bytes()
    return b"PRIVATE KEY" in content or b"client-key-data" in content
