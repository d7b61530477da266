"""Kubernetes objects as Pulumi resources, without the price of the generated SDK.

The generated ``pulumi_kubernetes`` modules carry the types of a whole API group; importing those that a JupyterHub
needs costs more CPU than everything else that a program run does (docs/adr/0002). What the engine sees is only a
type token and the object's fields, so one small class for each kind is enough: same token, same state, same provider.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, ClassVar

import pulumi

from hubstack.components import provider_version

_VERSION = re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?")


def plugin_version() -> str:
    """Version of the Kubernetes provider plugin that every resource asks for.

    Raises:
        pulumi.RunError: the environment asks for something that is no version.
    """
    version = os.environ.get(provider_version.VARIABLE) or provider_version.PINNED
    if not _VERSION.fullmatch(version):
        raise pulumi.RunError(
            f"{provider_version.VARIABLE}: {version!r}: must be the version of a Kubernetes provider, such as "
            f"{provider_version.PINNED}, which is used if the variable is not set. Nothing was changed."
        )
    return version


def provider_before(*version: int) -> bool:
    """Whether the provider plugin is older than a version, such as ``4, 27``."""
    return tuple(int(part) for part in plugin_version().partition("-")[0].split(".")) < version


class KubernetesObject(pulumi.CustomResource):
    """One object of the Kubernetes API, from its manifest.

    A subclass names the API version and the kind; a manifest of any other kind is refused.
    """

    API_VERSION: ClassVar[str]
    KIND: ClassVar[str]
    OUTPUTS: ClassVar[tuple[str, ...]] = ()
    """Fields that the API server fills in and that this program reads."""

    def __init__(self, name: str, manifest: Mapping[str, Any], opts: pulumi.ResourceOptions) -> None:
        """Register the object.

        Arguments:
            name: logical name in the stack.
            manifest: the object's fields as in its YAML; leaves may be outputs.
            opts: options; the caller names the parent.

        Raises:
            ValueError: the manifest is of another kind.
        """
        if (manifest["apiVersion"], manifest["kind"]) != (self.API_VERSION, self.KIND):
            raise ValueError(f"{type(self).__name__} cannot hold a {manifest['apiVersion']} {manifest['kind']}")
        fields = {**dict.fromkeys(self.OUTPUTS), **manifest}
        super().__init__(type_token(self.API_VERSION, self.KIND), name, fields, self._options(opts))

    def _options(self, opts: pulumi.ResourceOptions) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(version=plugin_version()))


def type_token(api_version: str, kind: str) -> str:
    """The engine's type of a kind: ``kubernetes:apps/v1:Deployment``; the core group is written out."""
    group_version = api_version if "/" in api_version else f"core/{api_version}"
    return f"kubernetes:{group_version}:{kind}"


class ClusterRole(KubernetesObject):
    API_VERSION, KIND = "rbac.authorization.k8s.io/v1", "ClusterRole"


class ClusterRoleBinding(KubernetesObject):
    API_VERSION, KIND = "rbac.authorization.k8s.io/v1", "ClusterRoleBinding"


class ConfigMap(KubernetesObject):
    API_VERSION, KIND = "v1", "ConfigMap"


class DaemonSet(KubernetesObject):
    API_VERSION, KIND = "apps/v1", "DaemonSet"


class Deployment(KubernetesObject):
    API_VERSION, KIND = "apps/v1", "Deployment"


class HTTPRoute(KubernetesObject):
    """A custom resource of the Gateway API; the cluster must have its CRDs."""

    API_VERSION, KIND = "gateway.networking.k8s.io/v1", "HTTPRoute"


class Ingress(KubernetesObject):
    API_VERSION, KIND = "networking.k8s.io/v1", "Ingress"


class Namespace(KubernetesObject):
    API_VERSION, KIND = "v1", "Namespace"


class NetworkPolicy(KubernetesObject):
    API_VERSION, KIND = "networking.k8s.io/v1", "NetworkPolicy"


class PersistentVolumeClaim(KubernetesObject):
    API_VERSION, KIND = "v1", "PersistentVolumeClaim"


class PodDisruptionBudget(KubernetesObject):
    API_VERSION, KIND = "policy/v1", "PodDisruptionBudget"


class PriorityClass(KubernetesObject):
    API_VERSION, KIND = "scheduling.k8s.io/v1", "PriorityClass"


class Role(KubernetesObject):
    API_VERSION, KIND = "rbac.authorization.k8s.io/v1", "Role"


class RoleBinding(KubernetesObject):
    API_VERSION, KIND = "rbac.authorization.k8s.io/v1", "RoleBinding"


class Secret(KubernetesObject):
    API_VERSION, KIND = "v1", "Secret"

    def _options(self, opts: pulumi.ResourceOptions) -> pulumi.ResourceOptions:
        secrecy = pulumi.ResourceOptions(additional_secret_outputs=["data", "stringData"])
        return pulumi.ResourceOptions.merge(super()._options(opts), secrecy)


class Service(KubernetesObject):
    API_VERSION, KIND = "v1", "Service"
    OUTPUTS = ("status",)
    status: pulumi.Output[Any]


class ExistingService(pulumi.CustomResource):
    """A Service that something else made, read from the cluster."""

    status: pulumi.Output[Any]

    def __init__(self, name: str, identity: pulumi.Output[str], opts: pulumi.ResourceOptions) -> None:
        """Read the Service.

        Arguments:
            name: logical name.
            identity: ``namespace/name``; the engine reads once it is known.
            opts: options; the caller names the parent.
        """
        read = pulumi.ResourceOptions(id=identity, version=plugin_version())
        # No fields are given: with any, the provider takes them for those of an object of its own.
        super().__init__(type_token("v1", "Service"), name, {"status": None}, pulumi.ResourceOptions.merge(opts, read))


class ServiceAccount(KubernetesObject):
    API_VERSION, KIND = "v1", "ServiceAccount"


class StatefulSet(KubernetesObject):
    API_VERSION, KIND = "apps/v1", "StatefulSet"


class StorageClass(KubernetesObject):
    API_VERSION, KIND = "storage.k8s.io/v1", "StorageClass"


CLUSTER_WIDE = frozenset({"ClusterRole", "ClusterRoleBinding", "Namespace", "PriorityClass", "StorageClass"})
"""Kinds that live outside of namespaces."""


class Provider(pulumi.ProviderResource):
    """The Kubernetes provider of a stack, tied to one named context of one kubeconfig."""

    def __init__(self, name: str, *, kubeconfig: str, context: str, cluster_identifier: str) -> None:
        """Register the provider.

        Arguments:
            name: logical name.
            kubeconfig: path of the kubeconfig file; a path keeps its credentials out of the state.
            context: the context to use; never the current one by accident.
            cluster_identifier: a name for the cluster that stays when credentials change. Without it a new kubeconfig
                would replace every object of the stack.
        """
        inputs = {
            "kubeconfig": kubeconfig,
            "context": context,
            "clusterIdentifier": cluster_identifier,
            # By default the provider replaces a Secret or ConfigMap whose content changes. The hub's Secret holds
            # tokens that must never be missing, so both change in place, as with Helm. The provider takes JSON text
            # here.
            "enableSecretMutable": "true",
            "enableConfigMapMutable": "true",
        }
        super().__init__("kubernetes", name, inputs, pulumi.ResourceOptions(version=plugin_version()))
