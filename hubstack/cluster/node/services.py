"""The programs of the node: command lines and the configuration files that they read."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from hubstack.cluster.components import etcd_tls
from hubstack.cluster.model import ClusterError
from hubstack.cluster.node import addons
from hubstack.cluster.node.images import PAUSE
from hubstack.cluster.node.network import API_PORT, NAME_SERVER, NODE, NODE_IP, POD_RANGE, SERVICE_RANGE
from hubstack.cluster.pki import FRONT_PROXY
from hubstack.cluster.state import Layout

CLIENTS = ("kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "dns")
"""Services that read a kubeconfig of their own."""
SERVER = f"https://127.0.0.1:{API_PORT}"
CNI_PLUGINS = "/usr/lib/cni"
"""Where Debian puts them."""
SOCKET = "/run/containerd/containerd.sock"
_ETCD = "https://127.0.0.1:2379"


@dataclass(frozen=True)
class Service:
    """One program that runs for as long as the node does."""

    name: str
    argv: tuple[str, ...]
    needs_api: bool = False
    """Whether it gives up when the API server does not answer yet."""


def services(layout: Layout, tools: Mapping[str, Path]) -> list[Service]:
    """All services, in the order in which they start."""
    pki, run = layout.pki, layout.root / "run"

    def flags(program: str, **given: object) -> tuple[str, ...]:
        return (str(tools[program]), *(f"--{name.replace('_', '-')}={value}" for name, value in given.items()))

    def controller(name: str) -> dict[str, object]:
        kubeconfig = layout.component_kubeconfig(name)
        return {
            "kubeconfig": kubeconfig,
            "authentication_kubeconfig": kubeconfig,
            "authorization_kubeconfig": kubeconfig,
            "bind_address": "127.0.0.1",
            "leader_elect": "false",
            "kube_api_qps": 200,
            "kube_api_burst": 400,
            "profiling": "false",
        }

    return [
        Service("containerd", (str(tools["containerd"]), "--config", str(run / "containerd.toml"))),
        Service(
            "etcd",
            flags(
                "etcd", name="node", data_dir=layout.data, listen_client_urls=_ETCD, advertise_client_urls=_ETCD,
                listen_peer_urls="https://127.0.0.1:2380", unsafe_no_fsync="true", log_level="warn",
                **etcd_tls("node", pki),
            ),
        ),
        Service(
            "kube-apiserver",
            flags(
                "kube-apiserver", etcd_servers=_ETCD, etcd_cafile=pki / "etcd-ca.crt",
                etcd_certfile=pki / "etcd-client.crt", etcd_keyfile=pki / "etcd-client.key",
                bind_address="0.0.0.0", advertise_address=NODE_IP, secure_port=API_PORT,
                tls_cert_file=pki / "apiserver.crt", tls_private_key_file=pki / "apiserver.key",
                client_ca_file=pki / "ca.crt", authorization_mode="Node,RBAC",
                enable_admission_plugins="NodeRestriction", service_cluster_ip_range=SERVICE_RANGE,
                service_account_issuer="https://kubernetes.default.svc.cluster.local",
                service_account_key_file=pki / "service-account.key",
                service_account_signing_key_file=pki / "service-account.key",
                kubelet_client_certificate=pki / "apiserver-kubelet.crt",
                kubelet_client_key=pki / "apiserver-kubelet.key",
                # nobody resolves the node's name
                kubelet_preferred_address_types="InternalIP",
                requestheader_client_ca_file=pki / "front-proxy-ca.crt", requestheader_allowed_names=FRONT_PROXY,
                requestheader_username_headers="X-Remote-User", requestheader_group_headers="X-Remote-Group",
                requestheader_extra_headers_prefix="X-Remote-Extra-", proxy_client_cert_file=pki / "front-proxy.crt",
                proxy_client_key_file=pki / "front-proxy.key", allow_privileged="true", profiling="false",
            ),
        ),
        Service(
            "kube-controller-manager",
            flags(
                "kube-controller-manager", **controller("kube-controller-manager"),
                service_account_private_key_file=pki / "service-account.key", root_ca_file=pki / "ca.crt",
                use_service_account_credentials="true", cluster_signing_cert_file=pki / "ca.crt",
                cluster_signing_key_file=pki / "ca.key", flex_volume_plugin_dir=run / "flexvolume",
            ),
            needs_api=True,
        ),
        Service("kube-scheduler", flags("kube-scheduler", **controller("kube-scheduler")), needs_api=True),
        Service(
            "kubelet",
            flags(
                "kubelet", config=run / "kubelet.yaml", kubeconfig=layout.component_kubeconfig("kubelet"),
                hostname_override=NODE, node_ip=NODE_IP,
            ),
            needs_api=True,
        ),
        Service("kube-proxy", flags("kube-proxy", config=run / "kube-proxy.yaml"), needs_api=True),
        Service("coredns", (str(tools["coredns"]), "-conf", str(run / "Corefile")), needs_api=True),
        Service(
            "addons",
            (sys.executable, "-P", "-m", addons.__name__, f"--server={SERVER}", f"--pki={pki}",
             f"--heartbeat={layout.heartbeat}", f"--volumes={layout.root / 'volumes'}"),
            needs_api=True,
        ),
    ]  # fmt: skip


def write_configuration(layout: Layout, cgroup: str, *, outside: bool) -> None:
    """Write the files that containerd, kubelet, kube-proxy and CoreDNS read.

    Arguments:
        layout: where they go.
        cgroup: control group below which all pods run, such as ``/hubstack-node-1a2b``.
        outside: whether names outside the cluster can be looked up.
    """
    run = layout.root / "run"
    (run / "cni").mkdir(exist_ok=True)
    files = {
        "containerd.toml": _containerd(layout),
        "kubelet.yaml": yaml.safe_dump(_kubelet(layout, cgroup, outside)),
        "kube-proxy.yaml": yaml.safe_dump(_kube_proxy(layout)),
        "Corefile": _corefile(layout, outside),
        "cni/10-hubstack.conflist": json.dumps(_pod_network(layout)),
    }
    for name, text in files.items():
        (run / name).write_text(text)


def _containerd(layout: Layout) -> str:
    runc = shutil.which("runc")
    if runc is None:
        raise ClusterError("cluster `node` needs the program runc, which is not on PATH; install it")
    cri = "io.containerd.cri.v1"
    return f"""version = 3
root = "{layout.root / "containerd"}"
state = "/run/containerd"
disabled_plugins = ["io.containerd.nri.v1.nri", "io.containerd.tracing.processor.v1.otlp",
  "io.containerd.internal.v1.tracing"]
[grpc]
  address = "{SOCKET}"
[plugins."{cri}.images"]
  snapshotter = "overlayfs"
  [plugins."{cri}.images".pinned_images]
    sandbox = "{PAUSE}"
[plugins."{cri}.runtime"]
  # inside a machine that is itself restricted, lowering the score is refused
  restrict_oom_score_adj = true
  disable_apparmor = true
  tolerate_missing_hugetlb_controller = true
  [plugins."{cri}.runtime".cni]
    bin_dirs = ["{CNI_PLUGINS}"]
    conf_dir = "{layout.root / "run" / "cni"}"
  [plugins."{cri}.runtime".containerd]
    default_runtime_name = "runc"
    [plugins."{cri}.runtime".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."{cri}.runtime".containerd.runtimes.runc.options]
        BinaryName = "{runc}"
        SystemdCgroup = false
"""


def _kubelet(layout: Layout, cgroup: str, outside: bool) -> dict[str, object]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "failCgroupV1": False,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": cgroup,
        "oomScoreAdj": 0,
        "failSwapOn": False,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(layout.pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "clusterDomain": "cluster.local",
        "clusterDNS": [NODE_IP, NAME_SERVER] if outside else [NODE_IP],
        "resolvConf": "/run/resolv.conf",
        "containerRuntimeEndpoint": f"unix://{SOCKET}",
        # the machine's disk belongs to others, too: only a full one is a reason to throw pods out
        "evictionHard": dict.fromkeys(
            ("nodefs.available", "nodefs.inodesFree", "imagefs.available", "imagefs.inodesFree"), "1%"
        )
        | {"memory.available": "100Mi"},
        # stand-ins cannot be pulled again
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "syncFrequency": "10s",
    }


def _kube_proxy(layout: Layout) -> dict[str, object]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "bindAddress": "0.0.0.0",
        "hostnameOverride": NODE,
        "clientConnection": {"kubeconfig": str(layout.component_kubeconfig("kube-proxy"))},
        "clusterCIDR": POD_RANGE,
        "oomScoreAdj": 0,
        # these kernel settings cannot be written outside the machine's own network namespace
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    }


def _corefile(layout: Layout, outside: bool) -> str:
    # names outside the cluster: with a way out they are refused here, so that pods ask their second name server;
    # without one they do not exist, which is answered at once. In one block with `kubernetes`, `template` would come
    # first.
    others = f"""
.:53 {{
  bind {NODE_IP}
  errors
  template ANY ANY . {{
    rcode NXDOMAIN
  }}
}}
"""
    return f"""cluster.local:53 in-addr.arpa:53 {{
  bind {NODE_IP}
  errors
  kubernetes cluster.local in-addr.arpa {{
    kubeconfig {layout.component_kubeconfig("dns")}
    ttl 5
  }}
  loadbalance
}}
{"" if outside else others}"""


def _pod_network(layout: Layout) -> dict[str, object]:
    return {
        "cniVersion": "1.0.0",
        "name": "hubstack",
        "plugins": [
            {
                "type": "bridge",
                "bridge": "cni0",
                "isGateway": True,
                "ipMasq": False,
                "hairpinMode": True,
                "ipam": {
                    "type": "host-local",
                    "dataDir": "/run/cni-addresses",
                    "ranges": [[{"subnet": POD_RANGE}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }
