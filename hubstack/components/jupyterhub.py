"""JupyterHub: the whole, in one of two modes."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pulumi

from hubstack import chart_archive
from hubstack.chart.errors import SettingsError
from hubstack.chart.release import CHART_NAME, TokenValues
from hubstack.chart.tokens import proxy_token, services_without_token
from hubstack.chart.url import public_url
from hubstack.components import plain_secrets
from hubstack.components.arguments import JupyterHubArgs, arguments
from hubstack.components.chart_component import ChartComponent, ChartComponentArgs
from hubstack.components.helm_release import HelmRelease, HelmReleaseArgs
from hubstack.components.hub import Hub, HubArgs
from hubstack.components.image_puller import ImagePuller, ImagePullerArgs
from hubstack.components.ingress import Ingress
from hubstack.components.kubernetes import ExistingService, Namespace, Service
from hubstack.components.proxy import Proxy
from hubstack.components.shared_objects import SharedObjects
from hubstack.components.singleuser import SingleUser
from hubstack.components.storage_class import StorageClass
from hubstack.components.tokens import Tokens, TokensArgs
from hubstack.components.user_placeholder import UserPlaceholder, UserPlaceholderArgs
from hubstack.components.user_scheduler import UserScheduler
from hubstack.errors import HubstackError

Part = TypeVar("Part", bound=ChartComponent)


class JupyterHub(pulumi.ComponentResource):
    """One JupyterHub: tokens, storage class, and either every object or one Helm release."""

    url: pulumi.Output[str]
    """Where people open JupyterHub."""
    namespace: pulumi.Output[str]
    """The namespace of its objects."""
    hub_image: pulumi.Output[str | None]
    """``name:tag`` of the hub's image; nothing where the chart version's defaults are not known."""
    secret_token: pulumi.Output[str]
    """The token between hub and proxy, a secret."""
    proxy_public: pulumi.Output[str]
    """Name of the Service that people's browsers reach."""
    service_accounts: pulumi.Output[dict[str, str]]
    """Name of the service account of each part: ``hub``, ``userScheduler``, ``autohttps``, ``hookImageAwaiter``,
    ``hookImagePuller``, ``continuousImagePuller``.
    """

    def __init__(self, name: str, args: JupyterHubArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register a JupyterHub.

        Arguments:
            name: logical name.
            args: its settings.
            opts: resource options; ``provider`` is the Kubernetes provider of the cluster.

        Raises:
            pulumi.RunError: the settings are wrong; the message lists everything, and nothing has been registered.
        """
        args = arguments(JupyterHubArgs, args)
        try:
            self._inputs = args.checked(name)
        except SettingsError as error:
            raise pulumi.RunError(str(error)) from None
        self._chart = self._located(args) if args.mode == "helm" else None
        super().__init__("hubstack:index:JupyterHub", name, {}, opts)
        for warning in (*self._inputs.loaded.warnings, *plain_secrets.warnings(self._inputs.plain_secrets())):
            pulumi.log.warn(str(warning))
        self._name = name
        self._arguments = args
        self._child = pulumi.ResourceOptions(parent=self)
        self._tokens = self._make_tokens()
        # The key's creation may be refused, see token_key: until it is there, nothing of the hub is touched.
        self._before: list[pulumi.Resource] = [self._tokens.key]
        self._before += self._make_namespace()
        if args.storage_class is not None:
            storage = replace(args.storage_class, protect=args.keeps_data)
            opts = pulumi.ResourceOptions(parent=self, depends_on=self._tokens.key)
            self._before.append(StorageClass(f"{name}-storage", storage, opts).storage_class)

        self._release: HelmRelease | None = None
        self._parts: list[ChartComponent] = []
        release = self._inputs.release
        service = self._native() if args.mode != "helm" else self._helm()
        self.url = service.status.apply(self._url)
        self.namespace = pulumi.Output.from_input(self._inputs.namespace)
        self.hub_image = pulumi.Output.from_input(self._described(_hub_image))
        self.secret_token = pulumi.Output.secret(self._described(_proxy_token, self._tokens.values))
        self.proxy_public = pulumi.Output.from_input(self._inputs.names.proxy_public)
        self.service_accounts = pulumi.Output.from_input(release.names.service_accounts() if release else {})
        self.register_outputs(
            {
                "url": self.url,
                "namespace": self.namespace,
                "hubImage": self.hub_image,
                "secretToken": self.secret_token,
                "proxyPublic": self.proxy_public,
                "serviceAccounts": self.service_accounts,
            }
        )

    @property
    def tokens(self) -> Tokens:
        """The generated tokens."""
        return self._tokens

    @property
    def release(self) -> HelmRelease:
        """The Helm release, in mode helm."""
        if self._release is None:
            raise AttributeError("release: only a JupyterHub in mode helm has one")
        return self._release

    @property
    def hub(self) -> Hub:
        """The hub, in mode native."""
        return self._part(Hub)

    @property
    def proxy(self) -> Proxy:
        """The proxy, in mode native."""
        return self._part(Proxy)

    @property
    def ingress(self) -> Ingress:
        """Ingress, HTTPRoute and autohttps, in mode native."""
        return self._part(Ingress)

    @property
    def singleuser(self) -> SingleUser:
        """What users' servers need, in mode native."""
        return self._part(SingleUser)

    @property
    def user_scheduler(self) -> UserScheduler:
        """The user scheduler, in mode native."""
        return self._part(UserScheduler)

    @property
    def user_placeholder(self) -> UserPlaceholder:
        """The user placeholders, in mode native."""
        return self._part(UserPlaceholder)

    @property
    def image_puller(self) -> ImagePuller:
        """The image pullers, in mode native."""
        return self._part(ImagePuller)

    @staticmethod
    def _located(args: JupyterHubArgs) -> Path | None:
        """The archive or folder of the chart, before anything is registered."""
        source = args.source
        try:
            return chart_archive.located(
                CHART_NAME,
                version=str(source.version),
                repository=str(source.repository),
                path=source.path,
                digest=source.digest,
                folder=Path.cwd(),
                insecure=bool(source.insecure),
            )
        except HubstackError as error:
            raise pulumi.RunError(f"{error}. Nothing was changed.") from None

    def _part(self, kind: type[Part]) -> Part:
        for part in self._parts:
            if isinstance(part, kind):
                return part
        raise AttributeError(f"{kind.__name__}: only a JupyterHub in mode native has components for its parts")

    def _make_namespace(self) -> list[pulumi.Resource]:
        """The namespace, unless someone else makes it; it holds the users' volumes, so it stays when data is
        protected.
        """
        if not self._arguments.makes_namespace:
            return []
        manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self._inputs.namespace}}
        keep = self._arguments.keeps_data
        opts = pulumi.ResourceOptions(parent=self, protect=keep, retain_on_delete=keep, depends_on=self._tokens.key)
        return [Namespace(f"{self._name}-namespace", manifest, opts)]

    def _make_tokens(self) -> Tokens:
        asked = self._arguments.tokens or TokensArgs()
        services = {*(asked.services or []), *services_without_token(self._inputs.loaded.tree)}
        args = replace(asked, services=sorted(services), protect=self._arguments.keeps_data)
        return Tokens(f"{self._name}-tokens", args, self._child)

    def _native(self) -> Service:
        """Every object of the chart as a resource of its own; returns the public Service."""
        common: dict[str, Any] = {
            "inputs": self._inputs,
            "tokens": self._tokens.values,
            "kept_checksums": self._arguments.kept_checksums or {},
        }
        name, child = self._name, self._child
        shared = SharedObjects(f"{name}-shared", ChartComponentArgs(**common, depends_on=self._before), child)
        common["depends_on"] = [*self._before, *shared.objects]
        part = ChartComponentArgs(**common)
        puller = ImagePuller(f"{name}-image-puller", ImagePullerArgs(_part_of=part), child)
        hub = HubArgs(**common, images_pulled=puller.before_hub, protect=self._arguments.keeps_data)
        self._parts = [
            puller,
            Hub(f"{name}-hub", hub, child),
            proxy := Proxy(f"{name}-proxy", part, child),
            Ingress(f"{name}-ingress", part, child),
            SingleUser(f"{name}-singleuser", part, child),
            UserScheduler(f"{name}-user-scheduler", part, child),
            UserPlaceholder(f"{name}-user-placeholder", UserPlaceholderArgs(_part_of=part), child),
        ]
        return proxy.public_service

    def _helm(self) -> ExistingService:
        """The upstream chart as one Helm release; returns its public Service as the cluster has it."""
        args, source = self._arguments, self._arguments.source
        namespace = self._inputs.namespace
        registry = str(source.repository).rstrip("/")
        is_registry = registry.startswith("oci://")
        self._release = installed = HelmRelease(
            f"{self._name}-release",
            HelmReleaseArgs(
                release_name=self._inputs.release_name,
                namespace=namespace,
                version=source.version,
                repository=None if self._chart or is_registry else source.repository,
                chart=str(self._chart) if self._chart else f"{registry}/{CHART_NAME}" if is_registry else CHART_NAME,
                values=self._inputs.values_for_helm(),
                tokens=self._tokens_for_helm(),
                depends_on=self._before,
                protect=args.keeps_data,
            ),
            self._child,
        )
        name = self._inputs.names.proxy_public
        # A release has no id before it is there, and so the engine reads the Service only then.
        identity = pulumi.Output.all(installed.id, namespace).apply(lambda known: f"{known[1]}/{name}")
        return ExistingService(f"{self._name}-proxy-public", identity, self._child)

    def _tokens_for_helm(self) -> TokenValues:
        """The tokens without those that the live release has: the chart looks these up, and goes on with them.

        Given as values, they would change the hub's Secret, and with it restart the hub at its adoption.
        """
        live = self._arguments.tokens.goes_on_with() if self._arguments.tokens else set()
        generated = self._tokens.values
        return TokenValues(
            proxy_auth=None if "proxy" in live else generated.proxy_auth,
            cookie_secret=None if "cookie" in live else generated.cookie_secret,
            crypt_keys=None if "crypt" in live else generated.crypt_keys,
            services={name: None if f"service-{name}" in live else token for name, token in generated.services.items()},
        )

    def _described(self, function: Any, *more: Any) -> Any:
        """What a function of the values' tree returns, with outputs where it depends on one."""
        if self._inputs.release is None:
            return function(self._inputs.loaded.tree, *more)
        return self._inputs.describe(lambda release, *tokens: function(release.tree, *tokens), *more)

    def _url(self, status: Mapping[str, Any] | None) -> Any:
        ingress = ((status or {}).get("loadBalancer") or {}).get("ingress") or [{}]
        address = ingress[0].get("ip") or ingress[0].get("hostname")
        if self._inputs.release is None:
            return f"http://{address}/"
        return self._inputs.describe(public_url, address)


def _hub_image(tree: Mapping[str, Any]) -> str | None:
    image = (tree.get("hub") or {}).get("image") or {}
    return f"{image['name']}:{image['tag']}" if image.get("name") and image.get("tag") else None


def _proxy_token(tree: Mapping[str, Any], tokens: TokenValues) -> Any:
    return proxy_token(tree, tokens)
