"""The hub's Secret: all values, the tokens, the users' files (chart: ``templates/hub/secret.yaml``)."""

from __future__ import annotations

from typing import Any

from hubstack.chart import helm_yaml
from hubstack.chart.extra_files import secret_data
from hubstack.chart.https import HttpsKind, https_kind
from hubstack.chart.labels import metadata
from hubstack.chart.outputs import apply
from hubstack.chart.release import Release, TokenValues
from hubstack.chart.text import base64_text, go_text
from hubstack.chart.tokens import effective_tokens
from hubstack.chart.traefik_config import dynamic_config, static_config


def secret(release: Release, tokens: TokenValues) -> dict[str, Any]:
    """Secret hub.

    Arguments:
        release: the values.
        tokens: the generated tokens; tokens that the values set win.
    """
    tokens = effective_tokens(release, tokens)
    data: dict[str, Any] = {"values.yaml": base64_text(helm_yaml.dump(passed_values(release)))}
    if password := release.values.hub.db.password:
        data["hub.db.password"] = base64_text(go_text(password))
    for name, token in tokens.services.items():
        data[f"hub.services.{name}.apiToken"] = apply(base64_text, token)
    data["hub.config.ConfigurableHTTPProxy.auth_token"] = apply(base64_text, tokens.proxy_auth)
    data["hub.config.JupyterHub.cookie_secret"] = apply(base64_text, tokens.cookie_secret)
    data["hub.config.CryptKeeper.keys"] = apply(base64_text, tokens.crypt_keys)
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(release, "hub", release.names.hub),
        "type": "Opaque",
        "data": {**data, **secret_data(release.values.hub.extra_files)},
    }


def passed_values(release: Release) -> dict[str, Any]:
    """What the hub's configuration can read: all values, and a little about chart and release.

    Nulls at the top level are left out. With ``letsencrypt`` the chart leaves Traefik's merged configuration in the
    values, a side effect that this keeps.
    """
    values = {key: value for key, value in release.tree.items() if value is not None}
    if https_kind(release.values) is HttpsKind.LETSENCRYPT:
        traefik = {
            **values["proxy"]["traefik"],
            "extraStaticConfig": static_config(release),
            "extraDynamicConfig": dynamic_config(release),
        }
        values["proxy"] = {**values["proxy"], "traefik": traefik}
    return {
        **values,
        "Chart": {
            "Name": release.chart_name,
            "Version": release.chart_version,
            "AppVersion": release.app_version,
        },
        "Release": {"Name": release.name, "Namespace": release.namespace, "Service": release.service},
    }
