"""One release of the chart: the values and where they go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from hubstack.chart.names import Names
from hubstack.chart.values import ChartValues

CHART_NAME = "jupyterhub"
CHART_VERSION = "4.4.0"
"""The version of the Zero to JupyterHub chart that the native objects equal."""
CHART_REPOSITORY = "https://hub.jupyter.org/helm-chart/"
"""Where the chart's publisher keeps its releases."""
APP_VERSION = "5.5.0"
"""The JupyterHub version inside that chart's hub image."""


@dataclass(frozen=True)
class Release:
    """Everything that the objects of one JupyterHub depend on, apart from its tokens."""

    name: str
    """Release name as in ``helm install NAME``; part of labels and of cluster-wide names."""
    namespace: str
    values: ChartValues
    """Typed values; a setting that is null or was removed by null is None."""
    tree: Mapping[str, Any]
    """The same values as the chart's templates see them: merged with the defaults, in the chart's own keys."""
    kube_version: str = "1.36.1"
    """Kubernetes version to render for, ``major.minor[.patch]``."""
    chart_name: str = field(default=CHART_NAME, init=False)
    chart_version: str = field(default=CHART_VERSION, init=False)
    app_version: str = field(default=APP_VERSION, init=False)
    service: str = field(default="Helm", init=False)
    """The chart's word for who renders; the hub's settings and the label ``heritage`` carry it."""

    @cached_property
    def names(self) -> Names:
        """Names of all objects."""
        return Names(self.values, self.name, self.chart_name)


@dataclass(frozen=True)
class TokenValues:
    """The generated tokens; each is plain text or an output of the engine (see `chart.outputs`)."""

    proxy_auth: Any
    """``hub.config.ConfigurableHTTPProxy.auth_token``: what the hub shows to the proxy's API."""
    cookie_secret: Any
    """``hub.config.JupyterHub.cookie_secret``: 64 hex digits that sign the browser's cookies."""
    crypt_keys: Any
    """``hub.config.CryptKeeper.keys``: hex keys, joined by ``;``, that encrypt the users' auth state."""
    services: Mapping[str, Any]
    """API token of each entry of ``hub.services``."""
