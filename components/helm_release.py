"""Mode ``helm``: the upstream chart as one Helm release, fed with the same values and tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from chart.release import TokenValues
from components.kubernetes import PROVIDER_VERSION

TIMEOUT_SECONDS = 600
"""How long Helm waits for the release's objects; a first pull of large user images takes minutes."""


@dataclass(frozen=True, kw_only=True)
class HelmReleaseArgs:
    """What the release is made from."""

    release_name: str
    namespace: str
    version: str
    """Chart version."""
    repository: str | None
    """Chart repository; None where ``chart`` is a path."""
    chart: str
    """Chart name in the repository, or path of an archive or a folder."""
    values: Mapping[str, Any]
    """The users' values, without defaults; leaves may be secret outputs."""
    tokens: TokenValues
    """Generated tokens; a token that the values set wins."""
    depends_on: Sequence[pulumi.Resource] = ()


class HelmRelease(pulumi.CustomResource):
    """A ``helm.v3.Release``: installed atomically and awaited, listed by ``helm list`` like any other release."""

    def __init__(self, name: str, args: HelmReleaseArgs, opts: pulumi.ResourceOptions) -> None:
        inputs: dict[str, Any] = {
            "name": args.release_name,
            "namespace": args.namespace,
            "chart": args.chart,
            "version": args.version,
            "values": with_tokens(args.values, args.tokens),
            "atomic": True,
            "timeout": TIMEOUT_SECONDS,
            "createNamespace": False,
            "status": None,
        }
        if args.repository:
            inputs["repositoryOpts"] = {"repo": args.repository}
        merged = pulumi.ResourceOptions.merge(
            opts, pulumi.ResourceOptions(version=PROVIDER_VERSION, depends_on=list(args.depends_on))
        )
        super().__init__("kubernetes:helm.sh/v3:Release", name, inputs, merged)


def with_tokens(values: Mapping[str, Any], tokens: TokenValues) -> dict[str, Any]:
    """Put the generated tokens where the chart looks for them, unless the values have one there.

    The chart would otherwise invent tokens of its own at every install (``hub/_helpers-passwords.tpl``).
    """
    result = dict(values)
    hub = dict(result.get("hub") or {})
    config = dict(hub.get("config") or {})
    proxy = dict(result.get("proxy") or {})
    if not _section(config, "ConfigurableHTTPProxy").get("auth_token") and not proxy.get("secretToken"):
        proxy["secretToken"] = tokens.proxy_auth
    if not _section(config, "JupyterHub").get("cookie_secret") and not hub.get("cookieSecret"):
        hub["cookieSecret"] = tokens.cookie_secret
    if not _section(config, "CryptKeeper").get("keys"):
        config["CryptKeeper"] = {
            **_section(config, "CryptKeeper"),
            "keys": tokens.crypt_keys.apply(lambda keys: keys.split(";")),
        }
    services = {
        name: service
        if not isinstance(service, Mapping) or service.get("apiToken") or service.get("api_token")
        else {**service, "apiToken": tokens.services[name]}
        for name, service in (hub.get("services") or {}).items()
    }
    hub["config"] = config
    if services:
        hub["services"] = services
    return {**result, "hub": hub, "proxy": proxy}


def _section(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = config.get(name)
    return section if isinstance(section, Mapping) else {}
