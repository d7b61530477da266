"""What a running hub has that a stack must go on with: its tokens and its pods' checksum annotations."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hubstack import settings
from hubstack.chart import render
from hubstack.chart.errors import SettingsError
from hubstack.chart.names import Names
from hubstack.chart.release import TokenValues
from hubstack.chart.tokens import services_without_token, with_tokens
from hubstack.components.chart_component import CHECKSUM_PREFIX
from hubstack.errors import HubstackError

_TOKEN_KEYS = {
    "proxy": ("hub.config.ConfigurableHTTPProxy.auth_token", "proxy.token"),
    "cookie": ("hub.config.JupyterHub.cookie_secret", "hub.cookie-secret"),
    "crypt": ("hub.config.CryptKeeper.keys",),
}
"""Keys of the hub's Secret, of this chart version and of older ones (chart template hub/secret.yaml)."""
_ASKED = "asked"
"""A token that shows where one would be generated."""
_UNKNOWN = "0" * 64
"""In place of a token that the live hub does not have."""
_SERVICE = "hub.services."
_API_TOKEN = ".apiToken"


def tokens(client: Any, namespace: str, names: Names) -> dict[str, Any]:
    """The tokens in the hub's Secret, in the shape of ``hubstack:adoptedTokens``; only those that are there.

    It is the Secret that the chart makes, also where ``hub.existingSecret`` names another one: the chart looks its
    tokens up in its own Secret alone (``hub/_helpers-passwords.tpl``).

    Arguments:
        client: an ApiClient of the official package.
        namespace: where the hub is.
        names: of the hub's objects.
    """
    import kubernetes

    try:
        data = kubernetes.client.CoreV1Api(client).read_namespaced_secret(names.hub, namespace).data or {}
    except kubernetes.client.ApiException as error:
        if error.status != 404:
            raise
        return {}
    plain = {key: base64.b64decode(value).decode(errors="replace") for key, value in data.items()}
    found: dict[str, Any] = {
        name: next(plain[key] for key in keys if plain.get(key))
        for name, keys in _TOKEN_KEYS.items()
        if any(plain.get(key) for key in keys)
    }
    services = {
        key[len(_SERVICE) : -len(_API_TOKEN)]: value
        for key, value in plain.items()
        if key.startswith(_SERVICE) and key.endswith(_API_TOKEN)
    }
    return {**found, "services": services} if services else found


def resolve(entries: Mapping[str, str], root: Path) -> settings.StackSettings:
    """The settings of a stack whose hub is live.

    Arguments:
        entries: the stack's configuration without the prefix ``hubstack:``, secrets in the open.
        root: folder that relative paths in it start from.

    Raises:
        HubstackError: the settings are refused.
    """
    try:
        return settings.resolve(settings.parse(entries, set()), root)
    except SettingsError as error:
        text = "the live settings are refused; stay with mode helm, or mend them first"
        raise HubstackError(f"{text}:\n{error}") from None


def missing_tokens(found: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The live tokens that the settings do not have: where an update would generate others.

    Arguments:
        found: the live tokens.
        values: the hub's settings, as values of the chart.
    """
    open_services = services_without_token(values)
    asked = TokenValues(_ASKED, _ASKED, _ASKED, dict.fromkeys(open_services, _ASKED))
    wanted = with_tokens(values, asked)
    generated = {
        "proxy": (wanted.get("proxy") or {}).get("secretToken") == _ASKED,
        "cookie": (wanted.get("hub") or {}).get("cookieSecret") == _ASKED,
        "crypt": wanted["hub"].get("config", {}).get("CryptKeeper", {}).get("keys") == [_ASKED],
    }
    kept = {name: token for name, token in found.items() if generated.get(name)}
    services = {name: token for name, token in (found.get("services") or {}).items() if name in open_services}
    return {**kept, "services": services} if services else kept


def token_names(found: Mapping[str, Any]) -> list[str]:
    """Names of tokens as people know them; one of a service is ``service-<name>``."""
    return sorted(set(found) - {"services"} | {f"service-{name}" for name in found.get("services") or {}})


def pod_templates(client: Any, namespace: str) -> dict[str, Any]:
    """Pod template of each Deployment; a changed one restarts its pods.

    Arguments:
        client: an ApiClient of the official package.
        namespace: where the hub is.
    """
    import kubernetes

    found = kubernetes.client.AppsV1Api(client).list_namespaced_deployment(namespace).items
    return {each.metadata.name: client.sanitize_for_serialization(each.spec.template) for each in found}


def kept_checksums(client: Any, resolved: settings.StackSettings, tokens: Mapping[str, Any]) -> dict[str, str]:
    """Checksum annotations of live pods, by what mode native has instead.

    They say the same about the same settings, in other words; written to a pod they would restart it.

    Arguments:
        client: an ApiClient of the official package.
        resolved: the stack's settings with their secrets in the open.
        tokens: the live tokens that the settings do not have.
    """
    import kubernetes

    if resolved.release is None:
        return {}
    services = services_without_token(resolved.loaded.tree)
    known = TokenValues(
        proxy_auth=tokens.get("proxy", _UNKNOWN),
        cookie_secret=tokens.get("cookie", _UNKNOWN),
        crypt_keys=tokens.get("crypt", _UNKNOWN),
        services={name: (tokens.get("services") or {}).get(name, _UNKNOWN) for name in services},
    )
    apps = kubernetes.client.AppsV1Api(client)
    live = {
        item.metadata.name: item.spec.template.metadata.annotations or {}
        for item in apps.list_namespaced_deployment(resolved.config.namespace).items
    }
    return {
        ours: live[name][key]
        for name, key, ours in _checksums(render.objects(resolved.release, known))
        if key in live.get(name, {}) and live[name][key] != ours
    }


def _checksums(objects: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str, str]]:
    """Deployment, annotation and value."""
    for manifest in objects:
        if manifest["kind"] == "Deployment":
            annotations = manifest["spec"]["template"]["metadata"].get("annotations") or {}
            for key, value in annotations.items():
                if key.startswith(CHECKSUM_PREFIX):
                    yield manifest["metadata"]["name"], key, value
