"""Section ``proxy``: the way of every connection into the hub and the user servers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from hubstack.chart.values.hub import DeploymentStrategy
from hubstack.chart.values.shared import (
    REMOVABLE,
    Count,
    Image,
    Items,
    MapOrList,
    Mapping,
    NetworkPolicy,
    Pdb,
    PodImage,
    Probe,
    Section,
    ServiceAccount,
    ServiceType,
    TextMap,
    restricted_context,
)


class NodePorts(Section):
    """Ports on every node, for a Service of type NodePort or LoadBalancer."""

    http: int | None = Field(None, description="Node port for HTTP; null lets Kubernetes choose.")
    https: int | None = Field(None, description="Node port for HTTPS; null lets Kubernetes choose.")


class PublicService(Section):
    """The Service ``proxy-public``: what people's browsers reach."""

    type: ServiceType = Field("LoadBalancer", description="Kind of Service; behind an ingress use ClusterIP.")
    labels: TextMap = Field({}, description="Further labels of the Service.")
    annotations: TextMap = Field({}, description="Annotations, where clouds expect settings of the load balancer.")
    node_ports: NodePorts = Field(NodePorts(), description="Fixed node ports.")
    disable_http_port: bool | None = Field(False, description="Whether only the HTTPS port stays open.")
    extra_ports: Items = Field([], description="Further ports of the Service.")
    external_ips: Items = Field(
        [], alias="externalIPs", description="Addresses outside the cluster's care that also lead to the Service."
    )
    load_balancer_ip: str | None = Field(
        None, alias="loadBalancerIP", description="Address to ask of the cloud for the load balancer."
    )
    load_balancer_source_ranges: Items = Field([], description="Client networks that the load balancer admits.")
    ip_family_policy: str | None = Field("PreferDualStack", description="Single or dual stack, as in a Service.")
    ip_families: Items = Field([], description="IP families in order of preference.")


class Chp(Section):
    """The configurable-http-proxy, which routes each request to the hub or a user server."""

    revision_history_limit: Count = Field(None, description="Old ReplicaSets to keep.")
    container_security_context: Mapping = Field(
        restricted_context(), description="Security context of the proxy container."
    )
    image: PodImage = Field(
        PodImage(name="quay.io/jupyterhub/configurable-http-proxy", tag="5.2.0"),
        description="Image of the proxy container.",
    )
    extra_command_line_flags: Items = Field(
        [], description="Further command line flags; Helm template text is expanded."
    )
    liveness_probe: Probe = Field(
        Probe(enabled=True, initial_delay_seconds=60, period_seconds=10, failure_threshold=30, timeout_seconds=3),
        description="When a proxy that no longer answers is restarted.",
    )
    readiness_probe: Probe = Field(
        Probe(enabled=True, initial_delay_seconds=0, period_seconds=2, failure_threshold=1000, timeout_seconds=1),
        description="When the proxy gets traffic.",
    )
    resources: Mapping = Field({}, description="CPU and memory of the proxy container, as in a pod.")
    default_target: str | None = Field(None, description="URL for requests without a route; null means the hub.")
    error_target: str | None = Field(None, description="URL that renders error pages; null means the hub.")
    extra_env: MapOrList = Field({}, description="Environment of the proxy, as a map or as Kubernetes' list.")
    node_selector: Mapping = Field({}, description="Labels of the nodes on which the proxy may run.")
    tolerations: list[Any] = Field([], description="Taints that the proxy tolerates, beside those of all core pods.")
    network_policy: NetworkPolicy = Field(
        NetworkPolicy(allowed_ingress_ports=["http", "https"]), description="Connections of the proxy pod."
    )
    pdb: Pdb = Field(Pdb(), description="Disruption budget of the proxy.")
    extra_pod_spec: Mapping = Field({}, description="Further fields of the pod's spec; they replace equal ones.")


class Hsts(Section):
    """The Strict-Transport-Security header."""

    include_subdomains: bool = Field(False, description="Whether browsers insist on HTTPS for subdomains too.")
    preload: bool = Field(False, description="Whether the site may be listed in browsers as HTTPS only.")
    max_age: int = Field(15724800, description="Seconds for which browsers remember to use HTTPS; half a year.")


class Traefik(Section):
    """The pod ``autohttps``, which fetches certificates and ends TLS; with `letsencrypt` only."""

    revision_history_limit: Count = Field(None, description="Old ReplicaSets to keep.")
    container_security_context: Mapping = Field(
        restricted_context(), description="Security context of the traefik container."
    )
    image: Annotated[Image, REMOVABLE] = Field(
        Image(name="traefik", tag="v3.6.12"), description="Image of the traefik container."
    )
    hsts: Annotated[Hsts, REMOVABLE] = Field(Hsts(), description="Strict-Transport-Security header.")
    resources: Mapping = Field({}, description="CPU and memory of the traefik container, as in a pod.")
    labels: TextMap = Field({}, description="Further labels of the pod.")
    extra_init_containers: Items = Field([], description="Containers that run before the pod's own.")
    extra_env: MapOrList = Field({}, description="Environment of traefik, as a map or as Kubernetes' list.")
    extra_volumes: Items = Field([], description="Further volumes of the pod.")
    extra_volume_mounts: Items = Field([], description="Further mounts of the traefik container.")
    extra_static_config: Mapping = Field({}, description="Merged into traefik's static configuration.")
    extra_dynamic_config: Mapping = Field({}, description="Merged into traefik's dynamic configuration.")
    node_selector: Mapping = Field({}, description="Labels of the nodes on which the pod may run.")
    tolerations: Items = Field([], description="Taints that the pod tolerates, beside those of all core pods.")
    extra_ports: Items = Field([], description="Further ports of the traefik container.")
    network_policy: Annotated[NetworkPolicy, REMOVABLE] = Field(
        NetworkPolicy(allowed_ingress_ports=["http", "https"]), description="Connections of the pod."
    )
    pdb: Pdb = Field(Pdb(), description="Disruption budget of the pod.")
    service_account: ServiceAccount = Field(
        ServiceAccount(), description="Account that stores the certificate in a Secret."
    )
    extra_pod_spec: Mapping = Field({}, description="Further fields of the pod's spec; they replace equal ones.")


class SecretSync(Section):
    """The container that copies the certificate between traefik's folder and a Secret."""

    container_security_context: Mapping = Field(restricted_context(), description="Security context of the container.")
    image: Annotated[Image, REMOVABLE] = Field(
        Image(name="quay.io/jupyterhub/k8s-secret-sync", tag="4.4.0"), description="Image of the container."
    )
    resources: Mapping = Field({}, description="CPU and memory of the container, as in a pod.")


class LetsEncrypt(Section):
    """An ACME authority that issues certificates by itself."""

    contact_email: str | None = Field(None, description="Address that the authority writes to; needed.")
    acme_server: str | None = Field(
        "https://acme-v02.api.letsencrypt.org/directory", description="Directory URL of the authority."
    )


class ManualCertificate(Section):
    """A certificate that is written into the settings."""

    key: str | None = Field(None, description="Private key as PEM text; a secret.")
    cert: str | None = Field(None, description="Certificate, with its chain, as PEM text.")


class CertificateSecret(Section):
    """A certificate in a TLS Secret of yours."""

    name: str | None = Field(None, description="Name of the Secret.")
    key: str | None = Field("tls.key", description="Key of the Secret under which the private key lies.")
    crt: str | None = Field("tls.crt", description="Key of the Secret under which the certificate lies.")


class Https(Section):
    """TLS at the proxy."""

    enabled: bool | None = Field(False, description="Whether the proxy serves HTTPS.")
    type: Literal["", "letsencrypt", "manual", "offload", "secret"] | None = Field(
        "letsencrypt",
        description="Where the certificate comes from; `offload` means a load balancer in front ends TLS.",
    )
    letsencrypt: Annotated[LetsEncrypt, REMOVABLE] = Field(LetsEncrypt(), description="For the type `letsencrypt`.")
    manual: Annotated[ManualCertificate, REMOVABLE] = Field(ManualCertificate(), description="For the type `manual`.")
    secret: Annotated[CertificateSecret, REMOVABLE] = Field(CertificateSecret(), description="For the type `secret`.")
    hosts: Items = Field([], description="Host names of the certificate; without one `letsencrypt` stays off.")


class ProxyDeploymentStrategy(DeploymentStrategy):
    """How the proxy replaces its pod; an explicit null clears what an older rolling update left behind."""

    rolling_update: str | None = Field(None, description="Blank or null; written out to clear an older value.")


class Proxy(Section):
    """The proxy: its public Service, its pods and its certificates."""

    secret_token: str | None = Field(
        None, description="Token with which the hub controls the proxy; made and kept when null."
    )
    annotations: TextMap = Field({}, description="Further annotations of the proxy and autohttps pods.")
    deployment_strategy: Annotated[ProxyDeploymentStrategy, REMOVABLE] = Field(
        ProxyDeploymentStrategy(), description="How a new proxy pod replaces the old one."
    )
    service: PublicService = Field(PublicService(), description="Service that browsers reach.")
    chp: Chp = Field(Chp(), description="The routing proxy.")
    traefik: Traefik = Field(Traefik(), description="The pod that ends TLS with automatic certificates.")
    secret_sync: Annotated[SecretSync, REMOVABLE] = Field(
        SecretSync(), description="The container that keeps the certificate in a Secret."
    )
    labels: TextMap = Field({}, description="Further labels of the proxy and autohttps pods.")
    https: Https = Field(Https(), description="TLS at the proxy.")
