"""Impact rules about who administers a hub: rights, services, and what the hub itself is told."""

from __future__ import annotations

from hubstack.review import access
from hubstack.review import conditions as see
from hubstack.review.change import rows
from hubstack.review.rule import ADMINISTRATORS, Rule
from hubstack.review.rules_people import ADDRESS, LIMITS, LOGOUT, NAMED_SERVERS, NAMES, PAGES

RIGHTS = ("hub.config.JupyterHub.admin_access", "hub.loadRoles", "hub.config.JupyterHub.load_*")
SERVICES = ("hub.services", "hub.config.JupyterHub.services", "hub.config.JupyterHub.service_tokens")
METRICS = ("hub.authenticatePrometheus", "hub.config.JupyterHub.authenticate_prometheus")
TOKENS = tuple(path for paths in see.TOKEN_SETTINGS.values() for path in paths)
TOLD = (
    *access.ADMINS, *ADDRESS, *LIMITS, *LOGOUT, *NAMED_SERVERS, *NAMES, *PAGES, *RIGHTS, *SERVICES, *METRICS, *TOKENS,
    "hub.config.*Authenticator", "hub.config.*Spawner",
)  # fmt: skip
"""Settings of the hub's configuration that another rule has words for."""

RULES = (
    Rule("admin-users", "{}", access.admins, audience=ADMINISTRATORS),
    Rule(
        "rights",
        "what administrators, users and services may do changes ({})",
        rows(*RIGHTS),
        audience=ADMINISTRATORS,
    ),
    Rule("services", "services of the hub change ({}), and restart with it", rows(*SERVICES), audience=ADMINISTRATORS),
    Rule(
        "hub-code",
        "code of the hub changes ({}): what it does is not judged here, and it may change anything; where it fails, "
        "the hub does not start",
        rows("hub.extraConfig"),
        audience=ADMINISTRATORS,
    ),
    Rule(
        "hub-settings",
        "the hub is configured otherwise ({})",
        rows("hub.config", but=TOLD),
        audience=ADMINISTRATORS,
    ),
    Rule(
        "custom-values",
        "values change that the chart hands on to code of yours ({}): what they do is not judged here",
        rows("custom", "global", but=("global.safeToShowValues",)),
        audience=ADMINISTRATORS,
    ),
    Rule(
        "sealed-secrets",
        "encrypted settings change of which nothing can be told here: secretValues as a whole, or what is no free text",
        see.when(lambda change: change.base.sealed != change.head.sealed),
        audience=ADMINISTRATORS,
    ),
    Rule(
        "metrics",
        "whether the hub's metrics ask for a token changes ({}): what collects them must fit",
        rows(*METRICS),
        audience=ADMINISTRATORS,
    ),
)
"""Rules about administrators."""
