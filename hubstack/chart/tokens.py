"""Which token is used where: those that the values set win over generated ones (chart:
``hub/_helpers-passwords.tpl``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hubstack.chart.outputs import apply
from hubstack.chart.release import Release, TokenValues
from hubstack.chart.text import go_text
from hubstack.chart.values_tree import at


@dataclass(frozen=True)
class Place:
    """Where a token is set."""

    key: str
    """Its name in a file of tokens, such as ``proxyAuth`` or ``services.announcer``."""
    path: tuple[str, ...]
    """Its setting in the values."""

    @property
    def setting(self) -> str:
        """The dotted path."""
        return ".".join(self.path)


def places(tree: Mapping[str, Any]) -> dict[Place, Any]:
    """Every token of a hub, with what the values set there: None where they leave it open.

    Arguments:
        tree: the merged values.
    """
    keys = ("hub", "config", "CryptKeeper", "keys")
    settings = {
        "proxyAuth": [("hub", "config", "ConfigurableHTTPProxy", "auth_token"), ("proxy", "secretToken")],
        "cookieSecret": [("hub", "config", "JupyterHub", "cookie_secret"), ("hub", "cookieSecret")],
    }
    found: dict[Place, Any] = {}
    for key, paths in settings.items():
        path = next((each for each in paths if at(tree, *each)), paths[-1])
        found[Place(key, path)] = at(tree, *path) or None
    given = at(tree, *keys)
    found[Place("cryptKeys", keys)] = (";".join(map(str, given)) if isinstance(given, list) else given) or None
    for name, service in sorted(_services(tree).items()):
        last = "api_token" if isinstance(service, Mapping) and service.get("api_token") else "apiToken"
        found[Place(f"services.{name}", ("hub", "services", name, last))] = _set_token(service) or None
    return found


def effective_tokens(release: Release, generated: TokenValues) -> TokenValues:
    """The tokens that the objects carry.

    Arguments:
        release: the values.
        generated: tokens for what the values leave open.
    """
    tree = release.tree
    keys = at(tree, "hub", "config", "CryptKeeper", "keys")
    keys = ";".join(map(go_text, keys)) if isinstance(keys, list) else go_text(keys or None)
    services = _services(tree)
    return TokenValues(
        proxy_auth=proxy_token(tree, generated),
        cookie_secret=go_text(
            at(tree, "hub", "config", "JupyterHub", "cookie_secret") or at(tree, "hub", "cookieSecret") or None
        )
        or generated.cookie_secret,
        crypt_keys=keys or generated.crypt_keys,
        services={
            name: go_text(_set_token(services[name]) or None) or generated.services[name] for name in sorted(services)
        },
    )


def proxy_token(tree: Mapping[str, Any], generated: TokenValues) -> Any:
    """The token between hub and proxy."""
    own = at(tree, "hub", "config", "ConfigurableHTTPProxy", "auth_token") or at(tree, "proxy", "secretToken")
    return go_text(own or None) or generated.proxy_auth


def not_text(tree: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Path and message of each token that is no text; a template would print it in Go's way: ``1.2345678e+07``."""
    places = [
        ("hub", "config", "ConfigurableHTTPProxy", "auth_token"),
        ("hub", "config", "JupyterHub", "cookie_secret"),
        *(("hub", "services", name, key) for name in _services(tree) for key in ("api_token", "apiToken")),
    ]
    for path in places:
        if (token := at(tree, *path)) and not isinstance(token, str):
            yield path, "must be text; put it in quotes"
    keys = at(tree, "hub", "config", "CryptKeeper", "keys")
    for key in keys if isinstance(keys, list) else [keys or ""]:
        if not isinstance(key, str):
            yield ("hub", "config", "CryptKeeper", "keys"), "must be text, or a list of texts; put each in quotes"


def services_without_token(tree: Mapping[str, Any]) -> list[str]:
    """Names of the ``hub.services`` for which a token has to be generated."""
    return sorted(name for name, service in _services(tree).items() if not _set_token(service))


def with_tokens(values: Mapping[str, Any], generated: TokenValues) -> dict[str, Any]:
    """Put the generated tokens where the chart looks for them, unless the values have one there.

    The chart would otherwise invent tokens of its own at every install (``hub/_helpers-passwords.tpl``). A generated
    token that is None is left to the chart, which goes on with that of the live release.
    """
    result = dict(values)
    hub = dict(result.get("hub") or {})
    config = dict(hub.get("config") or {})
    proxy = dict(result.get("proxy") or {})
    own_proxy_token = _section(config, "ConfigurableHTTPProxy").get("auth_token") or proxy.get("secretToken")
    if not own_proxy_token and generated.proxy_auth is not None:
        proxy["secretToken"] = generated.proxy_auth
    own_cookie_secret = _section(config, "JupyterHub").get("cookie_secret") or hub.get("cookieSecret")
    if not own_cookie_secret and generated.cookie_secret is not None:
        hub["cookieSecret"] = generated.cookie_secret
    if not _section(config, "CryptKeeper").get("keys") and generated.crypt_keys is not None:
        config["CryptKeeper"] = {
            **_section(config, "CryptKeeper"),
            "keys": apply(lambda keys: keys.split(";"), generated.crypt_keys),
        }
    services = {
        name: service
        if not isinstance(service, Mapping) or _set_token(service) or generated.services[name] is None
        else {**service, "apiToken": generated.services[name]}
        for name, service in (hub.get("services") or {}).items()
    }
    if config:
        hub["config"] = config
    if services:
        hub["services"] = services
    changed = {name: section for name, section in (("hub", hub), ("proxy", proxy)) if section}
    return {**result, **changed}


def _services(tree: Mapping[str, Any]) -> Mapping[str, Any]:
    return at(tree, "hub", "services") or {}


def _set_token(service: Any) -> Any:
    return (service.get("api_token") or service.get("apiToken")) if isinstance(service, Mapping) else None


def _section(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = config.get(name)
    return section if isinstance(section, Mapping) else {}
