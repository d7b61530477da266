"""Section ``hub``: the pod of JupyterHub itself."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints

from hubstack.chart.values.shared import (
    NO_DEFAULT,
    NOT_NULL,
    READ_WRITE_ONCE,
    REMOVABLE,
    AccessModes,
    Count,
    ExtraFiles,
    Items,
    Lifecycle,
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
    checked_as,
)

ClassName = Annotated[str, StringConstraints(pattern=r"^[A-Z]")]


class JupyterHubTraits(Section):
    """What the chart itself reads of ``hub.config.JupyterHub``; the rest goes to JupyterHub unchecked."""

    model_config = ConfigDict(extra="allow", alias_generator=None)

    subdomain_host: Annotated[str | None, NOT_NULL] = None


class ClassTraits(Section):
    """``hub.config``: a map of traits for each configurable class; class names start with a capital."""

    model_config = ConfigDict(extra="allow", alias_generator=None)
    __pydantic_extra__: dict[ClassName, dict[str, Any]]

    JupyterHub: JupyterHubTraits


class HubPvc(Section):
    """The volume claim of the SQLite database; used with the database type `sqlite-pvc` only."""

    annotations: TextMap = Field({}, description="Annotations of the claim.")
    selector: Mapping = Field({}, description="Which persistent volumes may be bound, as in a claim.")
    access_modes: AccessModes = Field(READ_WRITE_ONCE, description="Access modes of the claim.")
    storage: str = Field("1Gi", description="Size of the volume, as a Kubernetes quantity.")
    sub_path: str | None = Field(None, description="Folder of the volume in which the database lies.")
    storage_class_name: str | None = Field(
        None, description="Storage class; null takes the cluster's default class, blank text switches classes off."
    )


class HubDb(Section):
    """Where the hub keeps its users, servers and tokens."""

    type: Literal["sqlite-pvc", "sqlite-memory", "mysql", "postgres", "other"] | None = Field(
        "sqlite-pvc",
        description="Kind of database. `sqlite-memory` forgets everything when the hub restarts.",
    )
    upgrade: bool | None = Field(
        None, description="Whether the hub migrates its schema at start; null means for SQLite only."
    )
    pvc: Annotated[HubPvc, REMOVABLE] = Field(HubPvc(), description="Volume claim of the SQLite file.")
    url: str | None = Field(None, description="Connection URL of an external database, in SQLAlchemy's form.")
    password: str | None = Field(None, description="Password of the external database, when the URL has none.")


class HubServicePorts(Section):
    """The hub's port on its Service."""

    node_port: Count = Field(None, description="Port on every node; null lets Kubernetes choose.")
    app_protocol: str | None = Field(None, description="Application protocol of the port, for meshes and gateways.")


class HubService(Section):
    """The Service in front of the hub, used by the proxy and the user pods."""

    type: ServiceType = Field("ClusterIP", description="Kind of Service.")
    annotations: dict[str, str] = Field({}, description="Annotations; they come after the Prometheus ones.")
    ports: HubServicePorts = Field(HubServicePorts(), description="Settings of the hub's port.")
    extra_ports: Items = Field([], description="Further ports of the Service.")
    load_balancer_ip: str | None = Field(
        None, alias="loadBalancerIP", description="Address to ask of the cloud for a Service of type LoadBalancer."
    )
    ip_family_policy: str | None = Field("PreferDualStack", description="Single or dual stack, as in a Service.")
    ip_families: Items = Field([], description="IP families in order of preference.")


class DeploymentStrategy(Section):
    """How a Deployment replaces its pods."""

    type: str | None = Field(
        "Recreate", description="`Recreate` ends the old pod first; two hubs must not run at once."
    )
    rolling_update: Annotated[str | None, NO_DEFAULT] = Field(
        None, description="Blank or null; present so that an older value is cleared."
    )


class Hub(Section):
    """The hub: its configuration, database, Service and pod."""

    revision_history_limit: Count = Field(None, description="Old ReplicaSets to keep.")
    config: Annotated[dict[str, Any], checked_as(ClassTraits)] = Field(
        {"JupyterHub": {"admin_access": True, "authenticator_class": "dummy"}},
        description="JupyterHub configuration: class name, then trait, then value.",
    )
    service: HubService = Field(HubService(), description="Service in front of the hub.")
    base_url: str = Field("/", description="URL path below which the whole hub is served.")
    cookie_secret: str | None = Field(
        None, description="Key that signs cookies, 32 bytes as hexadecimal text; made and kept when null."
    )
    init_containers: Items = Field([], description="Containers that run before the hub.")
    node_selector: Mapping = Field({}, description="Labels of the nodes on which the hub may run.")
    tolerations: list[Any] = Field([], description="Taints that the hub tolerates, beside those of all core pods.")
    concurrent_spawn_limit: int | None = Field(64, description="How many servers may be starting at once.")
    consecutive_failure_limit: int | None = Field(
        5, description="Failed starts in a row after which the hub restarts itself."
    )
    active_server_limit: int | None = Field(None, description="How many servers may run at once.")
    deployment_strategy: Annotated[DeploymentStrategy, REMOVABLE] = Field(
        DeploymentStrategy(), description="How a new hub pod replaces the old one."
    )
    db: HubDb = Field(HubDb(), description="Database of the hub.")
    labels: TextMap = Field({}, description="Further labels of the hub pod.")
    annotations: TextMap = Field({}, description="Further annotations of the hub pod.")
    command: Items = Field([], description="Command instead of the default one; Helm template text is expanded.")
    args: Items = Field([], description="Arguments instead of the default ones; Helm template text is expanded.")
    extra_config: Mapping = Field({}, description="Python code for the hub's configuration, by name, in order of name.")
    extra_files: ExtraFiles = Field({}, description="Files to mount into the hub container, by name.")
    extra_env: MapOrList = Field({}, description="Environment of the hub, as a map or as Kubernetes' list.")
    extra_containers: Items = Field([], description="Further containers of the hub pod.")
    extra_volumes: Items = Field([], description="Further volumes of the hub pod.")
    extra_volume_mounts: Items = Field([], description="Further mounts of the hub container.")
    image: PodImage = Field(
        PodImage(name="quay.io/jupyterhub/k8s-hub", tag="4.4.0"), description="Image of the hub container."
    )
    resources: Mapping = Field({}, description="CPU and memory of the hub container, as in a pod.")
    pod_security_context: Mapping = Field(
        {"runAsNonRoot": True, "fsGroup": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
        description="Security context of the hub pod.",
    )
    container_security_context: Mapping = Field(
        {
            "runAsUser": 1000,
            "runAsGroup": 1000,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
        description="Security context of the hub container.",
    )
    lifecycle: Annotated[Lifecycle, REMOVABLE] = Field(Lifecycle(), description="Lifecycle handlers of the hub.")
    load_roles: Mapping = Field({}, description="JupyterHub roles by name, each with scopes and members.")
    services: Annotated[Mapping, checked_as(dict[str, dict[str, Any]] | None)] = Field(
        {}, description="JupyterHub services by name; a service without a token gets one."
    )
    pdb: Pdb = Field(Pdb(), description="Disruption budget of the hub.")
    network_policy: NetworkPolicy = Field(NetworkPolicy(), description="Connections of the hub pod.")
    allow_named_servers: bool | None = Field(False, description="Whether a user may run several servers, by name.")
    named_server_limit_per_user: int | None = Field(None, description="How many named servers a user may have.")
    authenticate_prometheus: bool | None = Field(None, description="Whether the metrics page asks for a token.")
    redirect_to_server: bool | None = Field(
        None, description="Whether a user who comes to the hub is sent on to the running server."
    )
    shutdown_on_logout: bool | None = Field(None, description="Whether signing out stops the user's servers.")
    template_paths: Items = Field([], description="Folders with page templates that come before JupyterHub's own.")
    template_vars: Mapping = Field({}, description="Variables for the page templates.")
    liveness_probe: Probe = Field(
        Probe(enabled=True, initial_delay_seconds=300, period_seconds=10, failure_threshold=30, timeout_seconds=3),
        description="When a hub that no longer answers is restarted.",
    )
    readiness_probe: Probe = Field(
        Probe(enabled=True, initial_delay_seconds=0, period_seconds=2, failure_threshold=1000, timeout_seconds=1),
        description="When the hub gets traffic.",
    )
    existing_secret: str | None = Field(
        None, description="Name of a Secret of yours whose keys come before those of the hub's own Secret."
    )
    service_account: ServiceAccount = Field(ServiceAccount(), description="Account with which the hub starts pods.")
    extra_pod_spec: Mapping = Field({}, description="Further fields of the pod's spec; they replace equal ones.")
    fs_gid: Annotated[Count, NO_DEFAULT] = Field(
        None, description="No longer accepted: group of the volumes, now `hub.podSecurityContext.fsGroup`."
    )
