"""The shape that all four NetworkPolicies share (chart: ``_helpers-netpol.tpl``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hubstack.chart.blocks import clipped
from hubstack.chart.labels import metadata, selector
from hubstack.chart.release import Release
from hubstack.chart.text import retype
from hubstack.chart.values.shared import NetworkPolicy

PRIVATE_RANGES = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
"""The private IPv4 ranges of RFC 1918."""


def network_policy(
    release: Release,
    *,
    name: str,
    component: str,
    pods: str,
    policy: NetworkPolicy,
    sources: Sequence[tuple[str, Sequence[str | int]]],
    destinations: Sequence[tuple[str, Sequence[str | int]]],
) -> dict[str, Any] | None:
    """A whole NetworkPolicy, or None where it is switched off.

    Arguments:
        name: the object's name.
        component: component label of the object itself.
        pods: component label of the pods that it selects.
        policy: the section ``networkPolicy`` of these pods.
        sources: for each rule the access label's ending (``hub`` for ``hub.jupyter.org/network-access-hub``) and the
            ports that pods with this label may reach.
        destinations: component label of pods that these pods reach in any case, and on which ports.
    """
    if not policy.enabled:
        return None
    ingress = _open_ports(policy)
    ingress += [{"ports": _ports(ports), "from": _labelled_peers(policy, label)} for label, ports in sources]
    egress: list[dict[str, Any]] = [
        {"to": [{"podSelector": {"matchLabels": selector(release, target)}}], "ports": _ports(ports)}
        for target, ports in destinations
    ]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(release, component, name),
        "spec": {
            "podSelector": {"matchLabels": selector(release, pods)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": ingress + list(policy.ingress or []),
            "egress": egress + _egress_rules(release, policy),
        },
    }


def _egress_rules(release: Release, policy: NetworkPolicy) -> list[dict[str, Any]]:
    """The egress rules that ``egressAllowRules`` switches on, then the users' own, in the chart's order."""
    allow = policy.egress_allow_rules
    metadata_server = _block(f"{release.values.singleuser.cloud_metadata.ip}/32")
    private = [_block(cidr) for cidr in PRIVATE_RANGES]
    rules: list[dict[str, Any]] = []

    dns_peers: list[dict[str, Any]] = []
    if allow.dns_ports_cloud_metadata_server:
        dns_peers.append(metadata_server)
    if allow.dns_ports_kube_system_namespace:
        dns_peers.append({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}})
    if allow.dns_ports_private_ips:
        dns_peers += private
    if dns_peers:
        ports = [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]
        rules.append({"ports": ports, "to": dns_peers})

    if allow.non_private_ips:
        excluded = [*PRIVATE_RANGES, metadata_server["ipBlock"]["cidr"]]
        rules.append({"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": excluded}}]})
    if allow.private_ips:
        rules.append({"to": private})
    if allow.cloud_metadata_server:
        rules.append({"to": [metadata_server]})
    return rules + clipped(list(policy.egress or []))


def _labelled_peers(policy: NetworkPolicy, access_label: str) -> list[dict[str, Any]]:
    """Peers that carry ``hub.jupyter.org/network-access-<access_label>: "true"``.

    With ``interNamespaceAccessLabels: accept`` pods of every namespace count, and so do namespaces with the label.
    """
    key = f"hub.jupyter.org/network-access-{access_label}"
    peer: dict[str, Any] = {"podSelector": {"matchLabels": {key: "true"}}}
    if policy.inter_namespace_access_labels != "accept":
        return [peer]
    # The empty selector is meant: it matches every namespace.
    return [{**peer, "namespaceSelector": {"matchLabels": {}}}, {"namespaceSelector": {"matchLabels": {key: "true"}}}]


def _open_ports(policy: NetworkPolicy) -> list[dict[str, Any]]:
    """The rule that opens ``allowedIngressPorts`` to everyone, as a list of none or one."""
    if not policy.allowed_ingress_ports:
        return []
    return [{"ports": _ports([retype(port) for port in policy.allowed_ingress_ports])}]


def _ports(ports: Sequence[str | int]) -> list[dict[str, Any]]:
    return [{"port": port} for port in ports]


def _block(cidr: str) -> dict[str, Any]:
    return {"ipBlock": {"cidr": cidr}}
