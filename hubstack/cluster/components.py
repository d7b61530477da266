"""The programs of an embedded cluster: their command lines and how to ask them for their health."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hubstack import web
from hubstack.cluster import cloud_provider
from hubstack.cluster.api import ApiClient, ApiError
from hubstack.cluster.model import ClusterError
from hubstack.cluster.pki import ADVERTISED_IP, FRONT_PROXY
from hubstack.cluster.state import Layout

TOOLS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
"""Programs that the cluster needs, by name; a link of this name to a multi-call program will do."""
CLOUD = "cloud"
NAMES = (*TOOLS, CLOUD)
"""All components, in the order in which they start."""
CLIENTS = ("kube-controller-manager", "kube-scheduler", "kwok")
"""Components that read a kubeconfig of their own."""

_SERVICE_RANGE = "10.96.0.0/16"
_POD_RANGE = "10.244.0.0/16"
_ISSUER = "https://kubernetes.default.svc.cluster.local"
_STALE_SECONDS = 10.0


@dataclass(frozen=True)
class Component:
    """How to run one program."""

    name: str
    argv: tuple[str, ...]
    inputs: tuple[Path, ...] = ()
    """Files that it reads once, at its start: if they change, it has to start again."""
    env: tuple[tuple[str, str], ...] = ()


def server_url(ports: Mapping[str, int]) -> str:
    """URL of the API server."""
    return f"https://127.0.0.1:{ports['kube-apiserver']}"


def check_tools(tools: Mapping[str, Path]) -> None:
    """Raises ClusterError if a program is missing."""
    for name in TOOLS:
        if name not in tools:
            raise ClusterError(f"the program {name} is needed and was not given")
        if not Path(tools[name]).is_file():
            raise ClusterError(f"the program {name} is not at {tools[name]}")


def components(layout: Layout, ports: Mapping[str, int], tools: Mapping[str, Path]) -> dict[str, Component]:
    """The command lines of the components whose programs are given, in the order in which they start."""
    pki = layout.pki
    url = server_url(ports)
    etcd_url = f"https://127.0.0.1:{ports['etcd']}"
    flags: dict[str, dict[str, object]] = {
        "etcd": {
            "name": "sim",
            "data-dir": layout.data,
            "listen-client-urls": etcd_url,
            "advertise-client-urls": etcd_url,
            # one member has no peers, but etcd wants the address; port 0 leaves the choice to the system
            "listen-peer-urls": "https://127.0.0.1:0",
            **etcd_tls("sim", pki),
            # no waiting for the disk: data survives a killed process, and is lost at worst when the whole machine
            # stops suddenly, which a cluster made in ten seconds can bear
            "unsafe-no-fsync": "true",
            "auto-compaction-mode": "periodic",
            "auto-compaction-retention": "5m",
            "quota-backend-bytes": 2 * 1024**3,
            "snapshot-count": 5000,
            "log-level": "warn",
        },
        "kube-apiserver": {
            "etcd-servers": etcd_url,
            "etcd-cafile": pki / "etcd-ca.crt",
            "etcd-certfile": pki / "etcd-client.crt",
            "etcd-keyfile": pki / "etcd-client.key",
            "bind-address": "127.0.0.1",
            "secure-port": ports["kube-apiserver"],
            "advertise-address": ADVERTISED_IP,
            "tls-cert-file": pki / "apiserver.crt",
            "tls-private-key-file": pki / "apiserver.key",
            "client-ca-file": pki / "ca.crt",
            "authorization-mode": "Node,RBAC",
            # on top of the default plugins; kubeadm and every cloud switch it on as well
            "enable-admission-plugins": "NodeRestriction",
            # as in every cloud: users' pods have a privileged init container that blocks the metadata server
            "allow-privileged": "true",
            "service-cluster-ip-range": _SERVICE_RANGE,
            "service-account-issuer": _ISSUER,
            "service-account-key-file": pki / "service-account.key",
            "service-account-signing-key-file": pki / "service-account.key",
            "requestheader-client-ca-file": pki / "front-proxy-ca.crt",
            "requestheader-allowed-names": FRONT_PROXY,
            "requestheader-username-headers": "X-Remote-User",
            "requestheader-group-headers": "X-Remote-Group",
            "requestheader-extra-headers-prefix": "X-Remote-Extra-",
            "proxy-client-cert-file": pki / "front-proxy.crt",
            "proxy-client-key-file": pki / "front-proxy.key",
            "profiling": "false",
        },
        "kube-controller-manager": {
            **_controller_flags(layout, "kube-controller-manager", ports),
            "service-account-private-key-file": pki / "service-account.key",
            "use-service-account-credentials": "true",
            "root-ca-file": pki / "ca.crt",
            "cluster-signing-cert-file": pki / "ca.crt",
            "cluster-signing-key-file": pki / "ca.key",
            # it would make its default folder, which is the system's
            "flex-volume-plugin-dir": layout.root / "run" / "flexvolume",
        },
        "kube-scheduler": _controller_flags(layout, "kube-scheduler", ports),
        "kwok": {
            "kubeconfig": layout.component_kubeconfig("kwok"),
            "config": layout.kwok_config,
            "manage-all-nodes": "true",
            "node-lease-duration-seconds": 40,
            "cidr": _POD_RANGE,
            "server-address": f"127.0.0.1:{ports['kwok']}",
        },
    }
    inputs: dict[str, tuple[Path, ...]] = {name: (layout.component_kubeconfig(name),) for name in CLIENTS}
    inputs["kwok"] = (*inputs["kwok"], layout.kwok_config)
    found = {
        name: Component(
            name,
            (str(tools[name]), *(f"--{flag}={value}" for flag, value in flags[name].items())),
            inputs.get(name, ()),
        )
        for name in TOOLS
        if name in tools
    }
    # -P: nothing from the folder that somebody happens to stand in
    argv = [sys.executable, "-P", "-m", cloud_provider.__name__]
    argv += [f"--server={url}", f"--pki={pki}", f"--heartbeat={layout.heartbeat}"]
    source = Path(cloud_provider.__file__).resolve()
    found[CLOUD] = Component(CLOUD, tuple(argv), (source,), (("PYTHONPATH", str(source.parents[2])),))
    return found


def etcd_tls(name: str, pki: Path) -> dict[str, object]:
    """Flags of an etcd of one member that let nobody in without a certificate of etcd's own authority.

    That holds for its peers' port, too: whoever may speak there can send it changes of the data.

    Arguments:
        name: the member's name.
        pki: folder made by `ensure_pki`.
    """
    own = {"cert-file": pki / "etcd.crt", "key-file": pki / "etcd.key", "trusted-ca-file": pki / "etcd-ca.crt"}
    address = "https://localhost:2380"  # noted in the data of a new member and never dialled
    return {
        **own,
        "client-cert-auth": "true",
        **{f"peer-{flag}": value for flag, value in own.items()},
        "peer-client-cert-auth": "true",
        "initial-advertise-peer-urls": address,
        "initial-cluster": f"{name}={address}",
    }


def _controller_flags(layout: Layout, name: str, ports: Mapping[str, int]) -> dict[str, object]:
    """Flags that controller-manager and scheduler share."""
    kubeconfig = layout.component_kubeconfig(name)
    return {
        "kubeconfig": kubeconfig,
        "authentication-kubeconfig": kubeconfig,
        "authorization-kubeconfig": kubeconfig,
        "bind-address": "127.0.0.1",
        "secure-port": ports[name],
        "tls-cert-file": layout.pki / "component.crt",
        "tls-private-key-file": layout.pki / "component.key",
        # there is one of each: an election would only cost time, most of all after a kill
        "leader-elect": "false",
        # the defaults (20 and 30) spread their first requests over four seconds
        "kube-api-qps": 300,
        "kube-api-burst": 600,
        "profiling": "false",
    }


def unhealthy_because(name: str, layout: Layout, ports: Mapping[str, int]) -> str:
    """Ask a running component for its health; empty if it is well, otherwise what is the matter."""
    pki = layout.pki
    try:
        if name == CLOUD:
            age = time.time() - layout.heartbeat.stat().st_mtime
            return "" if age < _STALE_SECONDS else f"no heartbeat for {age:.0f} s"
        url = f"https://127.0.0.1:{ports[name]}"
        if name == "kwok":
            status = web.request(
                "GET", f"http://127.0.0.1:{ports[name]}/healthz", seconds=2, proxied=False, follow=False
            ).status
            return "" if status == 200 else f"health check says {status}"
        if name == "etcd":
            ApiClient(url, pki / "etcd-ca.crt", pki / "etcd-client.crt", timeout=2).raw("GET", "/health")
        elif name == "kube-apiserver":
            ApiClient(url, pki / "ca.crt", pki / "admin.crt", timeout=2).raw("GET", "/readyz")
        else:
            ApiClient(url, pki / "ca.crt", timeout=2).raw("GET", "/healthz")
    except FileNotFoundError:
        return "not started completely"
    except ApiError as error:
        return f"health check says {_failed_checks(str(error))}"
    except (OSError, web.NoAnswer) as error:
        return f"not answering: {error}"
    return ""


def _failed_checks(text: str) -> str:
    """The essence of a health report: the checks that failed, or its beginning where it names none."""
    failed = [line.removeprefix("[-]").split()[0] for line in text.splitlines() if line.startswith("[-]")]
    return f"not yet: {', '.join(failed)}" if failed else text.strip()[:200]
