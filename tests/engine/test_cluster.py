"""The embedded cluster for real: its programs run, and it does what a stack expects of a cluster.

What this does not prove: that containers run (there are none), that network policies hold, that anything is reachable.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from hubstack.cluster import ClusterError, SimSettings, process
from hubstack.cluster.api import ApiClient, ApiError
from hubstack.cluster.components import NAMES
from hubstack.cluster.sim import SimCluster
from tests import programs

ROOT = Path(__file__).resolve().parents[2]
READY_WITHIN = 60
"""Seconds; a cold start takes about five on an idle machine, tests share it with others."""


@pytest.fixture(scope="module")
def tools() -> Mapping[str, Path]:
    return programs.control_plane()


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cluster") / "sim"


@pytest.fixture(scope="module")
def cluster(state: Path, tools: Mapping[str, Path]) -> Iterator[SimCluster]:
    made = SimCluster(state, SimSettings(nodes=2, cpu="4", memory="8Gi", labels={"pool": "users"}))
    try:
        made.up(tools)
        yield made
    finally:
        made.delete()


@pytest.fixture(scope="module")
def api(cluster: SimCluster) -> ApiClient:
    return cluster.client()


def eventually(check: Callable[[], Any], seconds: float = 30) -> Any:
    """The first true answer; the last one if there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        answer = check()
        if answer or time.monotonic() > deadline:
            assert answer
            return answer
        time.sleep(0.1)


def create(api: ApiClient, resource: str, body: dict[str, Any], namespace: str = "default") -> dict[str, Any]:
    group = "api/v1" if body["apiVersion"] == "v1" else f"apis/{body['apiVersion']}"
    return api.request("POST", f"/{group}/namespaces/{namespace}/{resource}", body)


def pod(name: str, **extra: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, **extra.pop("metadata", {})},
        "spec": {"containers": [{"name": "main", "image": "example.test/none"}], **extra},
    }


def conditions(thing: dict[str, Any]) -> dict[str, str]:
    return {each["type"]: each["status"] for each in thing["status"].get("conditions", [])}


def test_nodes_are_as_settings_say(api: ApiClient) -> None:
    nodes = api.get("/api/v1/nodes")["items"]
    assert [node["metadata"]["name"] for node in nodes] == ["sim-1", "sim-2"]
    for node in nodes:
        assert node["metadata"]["labels"]["pool"] == "users"
        assert conditions(node)["Ready"] == "True"
        assert {key: node["status"]["allocatable"][key] for key in ("cpu", "memory")} == {"cpu": "4", "memory": "8Gi"}
        lease = api.get(f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{node['metadata']['name']}")
        assert lease["spec"]["renewTime"]


def test_all_components_are_healthy(cluster: SimCluster) -> None:
    status = cluster.status()
    assert (status.state, status.nodes_ready, status.nodes) == ("ready", 2, 2)
    assert [part.name for part in status.components] == list(NAMES)
    assert all(part.healthy and part.pid and not part.detail for part in status.components)


def test_kubeconfig_is_whole_and_private(cluster: SimCluster) -> None:
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    assert config["current-context"] == cluster.context == "hubstack-sim"
    (entry,) = config["clusters"]
    assert set(entry["cluster"]) == {"server", "certificate-authority-data"}
    assert entry["cluster"]["server"].startswith("https://127.0.0.1:")
    assert set(config["users"][0]["user"]) == {"client-certificate-data", "client-key-data"}
    assert cluster.kubeconfig.stat().st_mode & 0o077 == 0
    assert cluster.kubeconfig.parent.stat().st_mode & 0o077 == 0


def test_second_up_changes_nothing(cluster: SimCluster, tools: Mapping[str, Path]) -> None:
    before = [part.pid for part in cluster.status().components]
    said: list[str] = []
    begin = time.monotonic()
    cluster.up(tools, said.append)
    assert time.monotonic() - begin < 5
    assert [part.pid for part in cluster.status().components] == before
    assert len(said) == 1
    assert said[0].startswith("ready already")


def test_deployment_with_claim_and_load_balancer(api: ApiClient) -> None:
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    create(
        api,
        "persistentvolumeclaims",
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": claim},
    )
    create(
        api,
        "services",
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web"},
            "spec": {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": [{"port": 80}]},
        },
    )
    template = pod("ignored", initContainers=[{"name": "first", "image": "example.test/none"}])
    template["spec"]["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    create(
        api,
        "deployments",
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web"},
            "spec": {
                "replicas": 2,
                "selector": {"matchLabels": {"app": "web"}},
                "template": {"metadata": {"labels": {"app": "web"}}, "spec": template["spec"]},
            },
        },
    )
    path = "/apis/apps/v1/namespaces/default/deployments/web"
    eventually(lambda: api.get(path)["status"].get("readyReplicas") == 2)

    bound = api.get("/api/v1/namespaces/default/persistentvolumeclaims/data")
    assert bound["status"]["phase"] == "Bound"
    assert bound["status"]["capacity"] == {"storage": "1Gi"}
    address = eventually(
        lambda: api.get("/api/v1/namespaces/default/services/web")["status"]["loadBalancer"].get("ingress")
    )
    assert address[0]["ip"].startswith("198.51.100.")
    selector = "labelSelector=kubernetes.io/service-name%3Dweb"
    slices = f"/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?{selector}"
    eventually(lambda: sum(len(each["endpoints"] or []) for each in api.get(slices)["items"]) == 2)

    pods = api.get("/api/v1/namespaces/default/pods?labelSelector=app%3Dweb")["items"]
    assert len({each["status"]["podIP"] for each in pods}) == 2
    for each in pods:
        assert conditions(each)["PodScheduled"] == conditions(each)["Ready"] == "True"
        assert each["status"]["initContainerStatuses"][0]["state"]["terminated"]["exitCode"] == 0


def test_bound_claim_grows(api: ApiClient) -> None:
    path = "/api/v1/namespaces/default/persistentvolumeclaims/data"
    api.merge(path, {"spec": {"resources": {"requests": {"storage": "3Gi"}}}})
    eventually(lambda: api.get(path)["status"]["capacity"] == {"storage": "3Gi"})


def test_claim_waits_for_its_pod_and_volume_goes_with_it(api: ApiClient) -> None:
    claims, name = "/api/v1/namespaces/default/persistentvolumeclaims", "lonely"
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    body = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}
    create(api, "persistentvolumeclaims", body)
    time.sleep(1.5)
    assert api.get(f"{claims}/{name}")["status"]["phase"] == "Pending"
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": name}}]
    create(api, "pods", pod("lonely", volumes=volumes))
    eventually(lambda: api.get(f"{claims}/{name}")["status"]["phase"] == "Bound")
    volume = api.get(f"{claims}/{name}")["spec"]["volumeName"]
    api.request("DELETE", "/api/v1/namespaces/default/pods/lonely")
    api.request("DELETE", f"{claims}/{name}")
    eventually(lambda: api.find(f"/api/v1/persistentvolumes/{volume}") is None)


def test_class_of_a_real_cloud_works_too(api: ApiClient) -> None:
    body = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "gp3"},
        "provisioner": "ebs.csi.aws.com",
        "volumeBindingMode": "Immediate",
    }
    api.request("POST", "/apis/storage.k8s.io/v1/storageclasses", body)
    spec = {
        "storageClassName": "gp3",
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
    }
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "gp3"}, "spec": spec}
    create(api, "persistentvolumeclaims", claim)
    path = "/api/v1/namespaces/default/persistentvolumeclaims/gp3"
    eventually(lambda: api.get(path)["status"]["phase"] == "Bound")


def test_job_completes_and_ingress_and_route_are_served(api: ApiClient) -> None:
    spec = {**pod("ignored")["spec"], "restartPolicy": "Never"}
    job = {"template": {"spec": spec}}
    create(api, "jobs", {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "once"}, "spec": job})
    path = "/apis/batch/v1/namespaces/default/jobs/once"
    eventually(lambda: conditions(api.get(path)).get("Complete") == "True")

    backend = {"service": {"name": "web", "port": {"number": 80}}}
    ingress = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "web"},
        "spec": {"defaultBackend": backend},
    }
    create(api, "ingresses", ingress)
    path = "/apis/networking.k8s.io/v1/namespaces/default/ingresses/web"
    eventually(lambda: api.get(path)["status"]["loadBalancer"].get("ingress"))

    route = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "web"},
        "spec": {"parentRefs": [{"name": "gateway"}], "rules": [{"backendRefs": [{"name": "web", "port": 80}]}]},
    }
    assert create(api, "httproutes", route)["spec"] == route["spec"]


@pytest.mark.parametrize(
    ("trouble", "reason"), [("image-pull-error", "ImagePullBackOff"), ("crash-loop", "CrashLoopBackOff")]
)
def test_trouble_on_demand(api: ApiClient, trouble: str, reason: str) -> None:
    create(api, "pods", pod(trouble, metadata={"annotations": {"hubstack.dev/simulate": trouble}}))
    path = f"/api/v1/namespaces/default/pods/{trouble}"
    eventually(lambda: api.get(path)["status"].get("containerStatuses"))
    assert api.get(path)["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == reason
    assert conditions(api.get(path))["Ready"] == "False"


def test_pod_that_fits_nowhere_stays_pending(api: ApiClient) -> None:
    big = pod("big")
    big["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "5"}}
    create(api, "pods", big)
    path = "/api/v1/namespaces/default/pods/big"
    eventually(lambda: conditions(api.get(path)).get("PodScheduled") == "False")
    assert "Insufficient cpu" in api.get(path)["status"]["conditions"][0]["message"]


def test_service_account_token_works_and_rbac_holds(cluster: SimCluster, api: ApiClient, state: Path) -> None:
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    granted = api.request("POST", "/api/v1/namespaces/default/serviceaccounts/default/token", request)
    server = cluster.status().server
    assert server is not None
    (ca,) = state.glob("pki-*/ca.crt")
    robot = ApiClient(server, ca, token=granted["status"]["token"])

    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    who = robot.request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", review)
    assert who["status"]["userInfo"]["username"] == "system:serviceaccount:default:default"

    with pytest.raises(ApiError) as refused:
        robot.get("/api/v1/namespaces/default/secrets")
    assert (refused.value.status, refused.value.reason) == (403, "Forbidden")
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "robot"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "default"}],
    }
    create(api, "rolebindings", binding)
    eventually(lambda: _allowed(robot, "/api/v1/namespaces/default/secrets"))
    assert not _allowed(robot, "/api/v1/namespaces/kube-system/secrets")
    assert not _allowed(ApiClient(server, ca), "/api/v1/namespaces/default/pods"), "nobody in particular may look"


def _allowed(client: ApiClient, path: str) -> bool:
    try:
        client.get(path)
    except ApiError as error:
        if error.status != 403:
            raise
        return False
    return True


def test_cluster_signs_certificates_and_etcd_does_not_take_them(
    cluster: SimCluster, api: ApiClient, state: Path, tmp_path: Path
) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "alice")])
    wish = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    base = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
    body = {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": "alice"},
        "spec": {
            "request": base64.b64encode(wish.public_bytes(pem)).decode(),
            "signerName": "kubernetes.io/kube-apiserver-client",
            "usages": ["client auth"],
        },
    }
    made = api.request("POST", base, body)
    made["status"] = {"conditions": [{"type": "Approved", "status": "True", "reason": "test", "message": "test"}]}
    api.request("PUT", f"{base}/alice/approval", made)
    signed = eventually(lambda: api.get(f"{base}/alice")["status"].get("certificate"))
    (tmp_path / "alice.crt").write_bytes(base64.b64decode(signed))
    (tmp_path / "alice.key").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    status = cluster.status()
    assert status.server is not None
    (pki,) = state.glob("pki-*")
    alice = ApiClient(status.server, pki / "ca.crt", tmp_path / "alice.crt")
    with pytest.raises(ApiError, match='User "alice" cannot list resource "pods"'):
        alice.get("/api/v1/pods")

    store = f"https://127.0.0.1:{next(part.port for part in status.components if part.name == 'etcd')}"
    for certificate in (None, tmp_path / "alice.crt"):
        with pytest.raises(OSError, match=r"(?i)ssl|tls|certificate|reset|broken|closed"):
            ApiClient(store, pki / "etcd-ca.crt", certificate).raw("GET", "/health")


def test_everything_listens_on_loopback_only(cluster: SimCluster) -> None:
    ours = {str(part.pid) for part in cluster.status().components}
    inodes = set()
    for pid in ours:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # a short-lived connection may close meanwhile
                target = os.readlink(link)
                if target.startswith("socket:["):
                    inodes.add(target[8:-1])
    listening = 0
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                listening += 1
                assert fields[1].startswith("0100007F:"), line
    assert listening >= 5


def test_other_settings_change_the_nodes_in_place(state: Path, cluster: SimCluster, tools: Mapping[str, Path]) -> None:
    before = [part.pid for part in cluster.status().components]
    SimCluster(state, SimSettings(nodes=3, cpu="16")).up(tools)
    nodes = {each["metadata"]["name"]: each for each in cluster.client().get("/api/v1/nodes")["items"]}
    assert sorted(nodes) == ["sim-1", "sim-2", "sim-3"]
    assert nodes["sim-1"]["status"]["allocatable"]["cpu"] == "16"
    assert "pool" not in nodes["sim-1"]["metadata"]["labels"]
    SimCluster(state, SimSettings(nodes=2, cpu="4", memory="8Gi", labels={"pool": "users"})).up(tools)
    assert len(cluster.client().get("/api/v1/nodes")["items"]) == 2
    assert [part.pid for part in cluster.status().components] == before


@pytest.mark.parametrize("victim", NAMES)
def test_up_restarts_what_died(cluster: SimCluster, tools: Mapping[str, Path], victim: str) -> None:
    before = {part.name: part.pid for part in cluster.status().components}
    pid = before[victim]
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: cluster.status().state == "degraded")
    cluster.up(tools)
    after = {part.name: part.pid for part in cluster.status().components}
    assert after[victim] not in (None, pid)
    if victim not in ("etcd", "kube-apiserver"):
        assert {**after, victim: pid} == before, "the others are left alone"
    assert after["etcd"] == before["etcd"] or victim == "etcd"


def test_down_keeps_data_and_ports(state: Path, cluster: SimCluster, tools: Mapping[str, Path]) -> None:
    kubeconfig = cluster.kubeconfig.read_text()
    uid = cluster.client().get("/apis/apps/v1/namespaces/default/deployments/web")["metadata"]["uid"]
    pids = [part.pid for part in cluster.status().components]
    cluster.down()
    assert cluster.status().state == "stopped"
    assert all(process.start_time(pid) is None for pid in pids if pid)
    cluster.down()  # nothing to do
    SimCluster(state).up(tools)  # without settings: those it was made with
    assert cluster.kubeconfig.read_text() == kubeconfig
    deployment = cluster.client().get("/apis/apps/v1/namespaces/default/deployments/web")
    assert deployment["metadata"]["uid"] == uid
    assert deployment["status"]["readyReplicas"] == 2
    assert cluster.status().nodes_ready == 2


def _up_in_background(state: Path, tools: Mapping[str, Path]) -> subprocess.Popen[str]:
    code = (
        "import json, sys\nfrom pathlib import Path\n"
        "from hubstack.cluster.sim import SimCluster\n"
        "tools = {name: Path(path) for name, path in json.loads(sys.argv[2]).items()}\n"
        "SimCluster(Path(sys.argv[1])).up(tools, lambda text: print(text, flush=True))\n"
    )
    given = json.dumps({name: str(path) for name, path in tools.items()})
    return subprocess.Popen(
        [sys.executable, "-c", code, str(state), given], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("delay", [0.15, 0.4, 1.2, 3.0])
def test_killed_up_is_continued(tmp_path: Path, tools: Mapping[str, Path], delay: float) -> None:
    state = tmp_path / "sim"
    cluster = SimCluster(state)
    try:
        first = _up_in_background(state, tools)
        time.sleep(delay)
        first.kill()
        first.communicate()
        cluster.up(tools)
        assert cluster.status().state == "ready"
        saved = json.loads((state / "state.json").read_text())
        for name in NAMES:
            assert len(process.marked(f"{saved['cluster_id']}/{name}")) == 1, f"{name} runs once"
    finally:
        cluster.delete()
    assert not state.exists()


def test_two_ups_at_once_make_one_cluster(tmp_path: Path, tools: Mapping[str, Path]) -> None:
    state = tmp_path / "sim"
    try:
        both = [_up_in_background(state, tools) for _ in range(2)]
        texts = [each.communicate(timeout=3 * READY_WITHIN)[0] for each in both]
        assert [each.returncode for each in both] == [0, 0]
        assert sum("ready already" in text for text in texts) == 1, texts
    finally:
        SimCluster(state).delete()


def test_lost_pid_files_and_taken_port(tmp_path: Path, tools: Mapping[str, Path]) -> None:
    """Without any record of its processes, `up` finds them by their mark; a port that is gone is replaced."""
    import socket

    state = tmp_path / "sim"
    cluster = SimCluster(state)
    try:
        begin = time.monotonic()
        cluster.up(tools)
        assert time.monotonic() - begin < READY_WITHIN
        old = {part.name: part for part in cluster.status().components}
        for file in state.glob("run/*.pid"):
            file.unlink()
        cluster.up(tools)
        assert all(process.start_time(part.pid) is None for part in old.values() if part.pid)
        cluster.down()
        with socket.socket() as squatter:
            port = old["kube-apiserver"].port
            squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            squatter.bind(("127.0.0.1", port))
            squatter.listen()
            cluster.up(tools)
            status = cluster.status()
            assert status.state == "ready"
            assert status.server != f"https://127.0.0.1:{port}"
    finally:
        cluster.delete()


def test_broken_program_is_one_clear_error(tmp_path: Path, tools: Mapping[str, Path]) -> None:
    broken = tmp_path / "etcd"
    broken.write_text("#!/bin/sh\necho 'no space left on moon' >&2\nexit 1\n")
    broken.chmod(0o755)
    cluster = SimCluster(tmp_path / "sim")
    try:
        with pytest.raises(ClusterError) as error:
            cluster.up({**tools, "etcd": broken})
        assert "etcd ends whenever it is started" in str(error.value)
        assert "no space left on moon" in str(error.value)
        assert str(tmp_path / "sim" / "log" / "etcd.log") in str(error.value)
    finally:
        cluster.delete()
