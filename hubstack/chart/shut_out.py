"""Settings of ``hub.config`` that Helm and the hub take, and that shut people or services out.

They are warnings: code in the hub's configuration, or an image of one's own, may make them right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hubstack.chart import hub_classes
from hubstack.chart.snippets import snippets
from hubstack.chart.values_tree import at

Path = tuple[str, ...]
Hidden = Callable[[Path], bool]

_BASE = "OAuthenticator"
"""Who logs in elsewhere is let in only by a rule, since JupyterHub 5 (jupyterhub.readthedocs.io, "upgrading to 5")."""
_WAYS_IN = ("allow", "admin")
"""What the names of traits that let somebody in begin with."""


def doubts(tree: Mapping[str, Any], hidden: Hidden) -> Iterator[tuple[Path, str]]:
    """Path and message of each such setting.

    Arguments:
        tree: the merged values.
        hidden: whether the value at a path must not be shown.
    """
    yield from _nobody_may_log_in(tree, hidden)
    yield from _roles_replaced(tree)


def _nobody_may_log_in(tree: Mapping[str, Any], hidden: Hidden) -> Iterator[tuple[Path, str]]:
    path = hub_classes.AUTHENTICATOR
    name = hub_classes.class_of(at(tree, *path))
    family = hub_classes.family(name) if name else frozenset()
    if _BASE not in family or hidden(path) or not hub_classes.brings_none(tree):
        return
    traits = (trait for section in family for trait in (at(tree, "hub", "config", section) or {}).items())
    is_let_in = any(value and trait.startswith(_WAYS_IN) for trait, value in traits)
    if not is_let_in and "allow" not in "\n".join(map(str, snippets(tree).values())):
        yield (
            path,
            f"{name} is told of nobody who may log in, so JupyterHub lets nobody in; set hub.config.{name}.allow_all "
            "to true, or name people by allowed_users or by what else it knows",
        )


def _roles_replaced(tree: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    makers = {"cull.enabled": at(tree, "cull", "enabled"), "hub.loadRoles": at(tree, "hub", "loadRoles")}
    lost = [setting for setting, value in makers.items() if value]
    if lost and at(tree, "hub", "config", "JupyterHub", "load_roles"):
        yield (
            ("hub", "config", "JupyterHub", "load_roles"),
            f"replaces the roles that the chart makes (for {' and '.join(lost)}): who had them is refused with 403; "
            "put these roles below hub.loadRoles",
        )
