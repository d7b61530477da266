"""JupyterHub: the whole, in one of two modes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from hubstack.chart import tokens
from hubstack.chart.release import Release, TokenValues
from hubstack.chart.url import public_url
from hubstack.components.helm_release import HelmRelease, HelmReleaseArgs
from hubstack.components.hub import Hub, HubArgs
from hubstack.components.image_puller import ImagePuller
from hubstack.components.ingress import Ingress
from hubstack.components.kubernetes import ExistingService, Namespace, Service
from hubstack.components.part import PartArgs, mark_secrets
from hubstack.components.proxy import Proxy
from hubstack.components.shared_objects import SharedObjects
from hubstack.components.singleuser import SingleUser
from hubstack.components.storage_class import StorageClass, StorageClassArgs
from hubstack.components.tokens import Tokens, TokensArgs
from hubstack.components.user_placeholder import UserPlaceholder
from hubstack.components.user_scheduler import UserScheduler
from hubstack.settings import StackSettings

CHART_NAME = "jupyterhub"


@dataclass(frozen=True, kw_only=True)
class JupyterHubArgs:
    """What one JupyterHub is made from."""

    stack: StackSettings
    """The stack's checked settings."""


class JupyterHub(pulumi.ComponentResource):
    """One JupyterHub: tokens, storage class, and either every object or one Helm release."""

    url: pulumi.Output[str]
    """Where people open JupyterHub."""
    hub_image: str | None
    """``name:tag`` of the hub's image; None where the chart version's defaults are not modelled."""
    secret_token: pulumi.Output[str]
    """The token between hub and proxy, a secret."""

    def __init__(self, name: str, args: JupyterHubArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("hubstack:index:JupyterHub", name, {}, opts)
        self._name = name
        self._stack = stack = args.stack
        self._child = pulumi.ResourceOptions(parent=self)
        self._before = self._namespace()
        self._tokens = Tokens(
            f"{name}-tokens",
            TokensArgs(
                services=tokens.services_without_token(stack.loaded.tree),
                keepers=stack.config.rotate_tokens,
                adopted=stack.config.adopted_tokens.by_name(),
                protect=stack.config.protect_data,
            ),
            self._child,
        ).values
        if stack.config.storage_class is not None:
            storage = StorageClassArgs(settings=stack.config.storage_class, protect=stack.config.protect_data)
            self._before.append(StorageClass(f"{name}-storage", storage, self._child).storage_class)

        native = stack.release if stack.config.mode == "native" else None
        service: Service | ExistingService = self._native(native) if native else self._helm()
        self.url = service.status.apply(lambda status: _url(stack, status))
        self.hub_image = _hub_image(stack.loaded.tree)
        self.secret_token = pulumi.Output.secret(tokens.proxy_token(stack.loaded.tree, self._tokens))
        self.register_outputs({"url": self.url, "hubImage": self.hub_image, "secretToken": self.secret_token})

    def _namespace(self) -> list[pulumi.Resource]:
        """The namespace, unless someone else makes it; it holds the users' volumes, so it stays when data is
        protected.
        """
        config = self._stack.config
        if not config.create_namespace:
            return []
        manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": config.namespace}}
        opts = pulumi.ResourceOptions(parent=self, protect=config.protect_data, retain_on_delete=config.protect_data)
        return [Namespace(f"{self._name}-namespace", manifest, opts)]

    def _native(self, release: Release) -> Service:
        """Every object of the chart as a resource of its own."""
        common: dict[str, Any] = {
            "release": release,
            "shadow": self._stack.shadow,
            "tokens": self._tokens,
            "depends_on": self._before,
            "kept_checksums": self._stack.config.kept_checksums,
        }
        part = PartArgs(**common)
        shared = SharedObjects(f"{self._name}-shared", part, self._child)
        part = PartArgs(**{**common, "depends_on": [*self._before, *shared.objects]})
        puller = ImagePuller(f"{self._name}-image-puller", part, self._child)
        hub = HubArgs(
            **{**common, "depends_on": part.depends_on},
            images_pulled=puller.before_hub,
            protect=self._stack.config.protect_data,
        )
        Hub(f"{self._name}-hub", hub, self._child)
        proxy = Proxy(f"{self._name}-proxy", part, self._child)
        Ingress(f"{self._name}-ingress", part, self._child)
        SingleUser(f"{self._name}-singleuser", part, self._child)
        UserScheduler(f"{self._name}-user-scheduler", part, self._child)
        UserPlaceholder(f"{self._name}-user-placeholder", part, self._child)
        return proxy.public_service

    def _helm(self) -> ExistingService:
        """The upstream chart as one Helm release; returns its public Service as the cluster has it."""
        config, loaded, shadow = self._stack.config, self._stack.loaded, self._stack.shadow_loaded
        release = HelmRelease(
            f"{self._name}-release",
            HelmReleaseArgs(
                release_name=self._stack.release_name,
                namespace=config.namespace,
                version=config.chart.version,
                repository=None if config.chart.path else config.chart.repository,
                chart=config.chart.path or CHART_NAME,
                values=mark_secrets(loaded.user, shadow.user) if shadow else loaded.user,
                tokens=self._tokens_for_helm(),
                depends_on=self._before,
                protect=config.protect_data,
            ),
            self._child,
        )
        name = self._stack.release.names.proxy_public if self._stack.release else "proxy-public"
        # A release has no id before it is there, and so the engine reads the Service only then.
        identity = release.id.apply(lambda _: f"{config.namespace}/{name}")
        return ExistingService(f"{self._name}-proxy-public", identity, self._child)

    def _tokens_for_helm(self) -> TokenValues:
        """The tokens without those that the live release has: the chart looks these up, and goes on with them.

        Given as values, they would change the hub's Secret, and with it restart the hub at its adoption.
        """
        config = self._stack.config
        live = config.adopted_tokens.by_name().keys() - {name for name, text in config.rotate_tokens.items() if text}
        generated = self._tokens
        return TokenValues(
            proxy_auth=None if "proxy" in live else generated.proxy_auth,
            cookie_secret=None if "cookie" in live else generated.cookie_secret,
            crypt_keys=None if "crypt" in live else generated.crypt_keys,
            services={name: None if f"service-{name}" in live else token for name, token in generated.services.items()},
        )


def _url(stack: StackSettings, status: Mapping[str, Any] | None) -> str:
    ingress = ((status or {}).get("loadBalancer") or {}).get("ingress") or [{}]
    address = ingress[0].get("ip") or ingress[0].get("hostname")
    return public_url(stack.release, address) if stack.release else f"http://{address}/"


def _hub_image(tree: Mapping[str, Any]) -> str | None:
    image = (tree.get("hub") or {}).get("image") or {}
    return f"{image['name']}:{image['tag']}" if image.get("name") and image.get("tag") else None
