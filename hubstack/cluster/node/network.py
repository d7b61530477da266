"""Addresses and names inside the node's own namespaces; nothing outside of them knows any of these."""

from __future__ import annotations

from hubstack.cluster.pki import Names

CONTEXT = "hubstack-node"
"""Name of the context, and of the cluster and user, in the kubeconfig."""
NODE = "hubstack-node"
"""Name of the node."""
NODE_IP = "10.210.0.2"
POD_RANGE = "10.211.0.0/24"
SERVICE_RANGE = "10.212.0.0/16"
SERVICE_IP = "10.212.0.1"
"""The `kubernetes` Service."""
API_PORT = 6443
ADDRESSES = tuple(f"10.210.0.{100 + number}" for number in range(4))
"""What Services of type LoadBalancer get, in order; each is also reached from outside through two forwarded ports."""
BALANCER_PORTS = {"http": 80, "https": 443}
"""Ports of those addresses that are forwarded."""

NAMES = Names(
    CONTEXT,
    (SERVICE_IP, NODE_IP),
    {
        "kubelet": (f"system:node:{NODE}", "system:nodes"),
        "kube-proxy": ("system:kube-proxy", None),
        "dns": ("hubstack:dns", None),
        # what the API server asks kubelets with
        "apiserver-kubelet": ("hubstack-apiserver", "system:masters"),
    },
)


def forwarded() -> dict[str, str]:
    """What is reached from 127.0.0.1 of the machine: name of the port -> address and port inside."""
    balancers = {
        f"{scheme}-{number}": f"{address}:{port}"
        for number, address in enumerate(ADDRESSES)
        for scheme, port in BALANCER_PORTS.items()
    }
    return {"kube-apiserver": f"127.0.0.1:{API_PORT}", **balancers}


NAME_SERVER = "10.0.2.3"
"""Where slirp4netns answers for the machine's own name server, on nodes that reach the outside."""
