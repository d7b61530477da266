"""Settings, command lines, keys and stages of the embedded cluster, without starting it."""

from __future__ import annotations

import base64
import ssl
from pathlib import Path

import pytest
import yaml

from hubstack.cluster import ClusterError, SimSettings, make_cluster, objects, pki, stages
from hubstack.cluster.components import NAMES, TOOLS, check_tools, components
from hubstack.cluster.kind import KindCluster
from hubstack.cluster.model import reporter
from hubstack.cluster.node.cluster import NodeCluster
from hubstack.cluster.sim import SimCluster
from hubstack.cluster.state import PORT_USERS, Layout

PORTS = dict(zip(PORT_USERS, range(20001, 20006), strict=True))


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pki") / "pki"
    pki.ensure_pki(folder)
    return folder


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"nodes": 0}, "nodes: 0 is not possible; give a number from 1 to 1000"),
        ({"nodes": 5000}, "nodes: 5000 is not possible"),
        ({"cpu": "many"}, "cpu: 'many' is no Kubernetes quantity"),
        ({"memory": "32 GB"}, "memory: '32 GB' is no Kubernetes quantity"),
        ({"labels": {"a b": "c"}}, "label: a b=c is no Kubernetes label"),
        ({"labels": {"x/y/z": "c"}}, "label: x/y/z=c is no Kubernetes label"),
        ({"labels": {"key": "-"}}, "label: key=- is no Kubernetes label"),
    ],
)
def test_wrong_settings_are_refused_with_their_name(wrong: dict, message: str) -> None:
    with pytest.raises(ClusterError) as error:
        SimSettings(**wrong)
    assert message in str(error.value)


def test_good_settings() -> None:
    SimSettings(1, "500m", "1.5Gi", {"hub.jupyter.org/node-purpose": "user", "empty": ""})


def test_make_cluster(tmp_path: Path) -> None:
    assert isinstance(make_cluster("sim", tmp_path), SimCluster)
    assert isinstance(make_cluster("kind", tmp_path), KindCluster)
    assert isinstance(make_cluster("node", tmp_path), NodeCluster)
    with pytest.raises(ClusterError, match="'minikube' is not a kind of cluster; allowed: 'sim', 'node', 'kind'"):
        make_cluster("minikube", tmp_path)  # type: ignore[arg-type]


def test_cluster_that_was_never_made(tmp_path: Path) -> None:
    cluster = SimCluster(tmp_path / "none")
    assert not cluster.exists()
    assert cluster.status().state == "absent"
    cluster.down()
    cluster.delete()
    assert not (tmp_path / "none").exists()
    with pytest.raises(ClusterError, match="hubstack cluster up"):
        cluster.client()


def test_delete_refuses_a_folder_that_is_no_cluster(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(ClusterError, match="does not hold a cluster"):
        SimCluster(tmp_path).delete()
    assert (tmp_path / "thesis.tex").exists()


def test_missing_programs_are_named(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="etcd is needed"):
        check_tools({})
    with pytest.raises(ClusterError, match=f"etcd is not at {tmp_path}"):
        check_tools(dict.fromkeys(TOOLS, tmp_path / "gone"))


def test_command_lines(tmp_path: Path) -> None:
    parts = components(Layout(tmp_path), PORTS, {name: Path("/opt") / name for name in TOOLS})
    assert tuple(parts) == NAMES
    server = parts["kube-apiserver"].argv
    assert {"--authorization-mode=Node,RBAC", "--bind-address=127.0.0.1", "--secure-port=20002"} <= set(server)
    assert "--allow-privileged=true" in server, "or no user's pod would be accepted"
    assert not any("admission-plugins" in each and "disable" in each for each in server)
    assert "--use-service-account-credentials=true" in parts["kube-controller-manager"].argv
    for part in parts.values():
        assert not any("insecure" in each or "0.0.0.0" in each for each in part.argv)
        files = [each.partition("=")[2] for each in part.argv if "/pki" in each]
        assert all(each.startswith(str(tmp_path)) for each in files)


def test_certificates_chain_to_their_own_authority_only(keys: Path) -> None:
    from cryptography import x509

    def load(name: str) -> x509.Certificate:
        return x509.load_pem_x509_certificate((keys / f"{name}.crt").read_bytes())

    signed = {
        "ca": ("apiserver", "component", "admin", "kube-controller-manager", "kube-scheduler", "kwok", "cloud"),
        "etcd-ca": ("etcd", "etcd-client"),
        "front-proxy-ca": ("front-proxy",),
    }
    for authority, names in signed.items():
        for name in names:
            load(name).verify_directly_issued_by(load(authority))
            for other in set(signed) - {authority}:
                with pytest.raises(ValueError, match="does not match"):
                    load(name).verify_directly_issued_by(load(other))
    assert load("admin").subject.rfc4514_string() == "CN=hubstack-admin,O=system:masters"
    assert "127.0.0.1" in str(load("apiserver").extensions.get_extension_for_class(x509.SubjectAlternativeName))
    assert {each.name for each in keys.iterdir()} == {
        *(f"{name}{ending}" for names in signed.values() for name in names for ending in (".crt", ".key")),
        *(f"{name}{ending}" for name in signed for ending in (".crt", ".key")),
        "service-account.key",
    }


def test_keys_are_private_and_stay(keys: Path) -> None:
    assert all(key.stat().st_mode & 0o077 == 0 for key in keys.glob("*.key"))
    before = (keys / "ca.crt").read_bytes()
    pki.ensure_pki(keys)
    assert (keys / "ca.crt").read_bytes() == before


def test_half_made_keys_are_made_anew(tmp_path: Path) -> None:
    draft = tmp_path / ".pki.new"
    draft.mkdir()
    (draft / "ca.key").write_text("half")
    pki.ensure_pki(tmp_path / "pki")
    assert "PRIVATE KEY" in (tmp_path / "pki" / "ca.key").read_text()
    assert not draft.exists()


def test_kubeconfig_holds_what_it_needs(keys: Path, tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    pki.write_kubeconfig(path, "https://127.0.0.1:20002", keys, "admin")
    config = yaml.safe_load(path.read_text())
    assert [each["name"] for each in config["contexts"]] == ["hubstack-sim"] == [config["current-context"]]
    cluster = config["clusters"][0]["cluster"]
    assert set(cluster) == {"server", "certificate-authority-data"}
    context = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    assert len(context.get_ca_certs()) == 1
    stamp = path.stat().st_mtime_ns
    pki.write_kubeconfig(path, "https://127.0.0.1:20002", keys, "admin")
    assert path.stat().st_mtime_ns == stamp, "an unchanged kubeconfig is not written again"


def test_stages_are_valid_yaml_and_cover_a_life() -> None:
    options, *documents = yaml.safe_load_all(stages.kwok_config())
    assert options["options"]["enableDebuggingHandlers"] is False
    assert [each["metadata"]["name"] for each in documents] == [
        "node-initialize",
        "node-heartbeat-with-lease",
        "pod-ready",
        "pod-image-pull-error",
        "pod-crash-loop",
        "pod-complete",
        "pod-delete",
    ]
    for each in documents:
        template = each["spec"]["next"].get("statusTemplate", "")
        assert template.count("{{ range") + template.count("{{ if") == template.count("{{ end }}")


def test_nodes_have_different_addresses() -> None:
    settings = SimSettings(1000)
    found = {
        objects.node_status(number, settings, "v1")["status"]["addresses"][0]["address"] for number in range(1, 1001)
    }
    assert len(found) == 1000
    assert all(int(part) < 256 for address in found for part in address.split("."))


def test_progress_may_be_a_function_a_console_or_nothing() -> None:
    said: list[str] = []

    class Console:
        def print(self, text: str, /) -> None:
            said.append(text)

    reporter(None)("unheard")
    reporter(said.append)("one")
    reporter(Console())("two")
    assert said == ["one", "two"]
