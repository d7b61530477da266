"""Which token is used where: those that the values set win over generated ones (chart:
``hub/_helpers-passwords.tpl``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chart.release import Release, TokenValues


def effective_tokens(release: Release, generated: TokenValues) -> TokenValues:
    """The tokens that the objects carry.

    Arguments:
        release: the values.
        generated: tokens for what the values leave open.
    """
    tree = release.tree
    keys = _find(tree, "hub", "config", "CryptKeeper", "keys")
    if isinstance(keys, list):
        keys = ";".join(str(key) for key in keys)
    services = _services(tree)
    return TokenValues(
        proxy_auth=proxy_token(tree, generated),
        cookie_secret=_find(tree, "hub", "config", "JupyterHub", "cookie_secret")
        or _find(tree, "hub", "cookieSecret")
        or generated.cookie_secret,
        crypt_keys=keys or generated.crypt_keys,
        services={name: _set_token(services[name]) or generated.services[name] for name in sorted(services)},
    )


def proxy_token(tree: Mapping[str, Any], generated: TokenValues) -> Any:
    """The token between hub and proxy."""
    return (
        _find(tree, "hub", "config", "ConfigurableHTTPProxy", "auth_token")
        or _find(tree, "proxy", "secretToken")
        or generated.proxy_auth
    )


def services_without_token(tree: Mapping[str, Any]) -> list[str]:
    """Names of the ``hub.services`` for which a token has to be generated."""
    return sorted(name for name, service in _services(tree).items() if not _set_token(service))


def _services(tree: Mapping[str, Any]) -> Mapping[str, Any]:
    return _find(tree, "hub", "services") or {}


def _set_token(service: Any) -> Any:
    return (service.get("api_token") or service.get("apiToken")) if isinstance(service, Mapping) else None


def _find(tree: Any, *path: str) -> Any:
    for key in path:
        if not isinstance(tree, Mapping):
            return None
        tree = tree.get(key)
    return tree
