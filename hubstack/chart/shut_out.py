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
_STRICT = frozenset({_BASE, "PAMAuthenticator", "LDAPAuthenticator", "SharedPasswordAuthenticator", "TmpAuthenticator"})
"""Who lets in nobody without a rule, since JupyterHub 5 (jupyterhub.readthedocs.io, "upgrading to 5")."""
_WAYS_IN = "allow"
"""What the names of traits that let somebody in begin with."""
_OAUTH_WAYS_IN = (_WAYS_IN, "admin")
"""These let administrators in without another rule."""
_NO_WAY_IN = frozenset({"allow_unverified_email", "any_allow_config"})
_OLD_NAMES = frozenset({"whitelist", "google_group_whitelist", "github_organization_whitelist"})
"""Names that rules had once."""


def doubts(tree: Mapping[str, Any], hidden: Hidden) -> Iterator[tuple[Path, str]]:
    """Path and message of each such setting.

    Arguments:
        tree: the merged values.
        hidden: whether the value at a path must not be shown.
    """
    yield from _nobody_may_log_in(tree, hidden)
    yield from _roles_replaced(tree)
    yield from _culled_late(tree)


def _nobody_may_log_in(tree: Mapping[str, Any], hidden: Hidden) -> Iterator[tuple[Path, str]]:
    path = hub_classes.AUTHENTICATOR
    name = hub_classes.class_of(at(tree, *path))
    family = hub_classes.family(name) if name else frozenset()
    if not _STRICT & family or hidden(path) or not hub_classes.brings_none(tree):
        return
    ways = _OAUTH_WAYS_IN if _BASE in family else _WAYS_IN
    known = hub_classes.traits_of(name or "")
    found = (pair for section in family for pair in (at(tree, "hub", "config", section) or {}).items())
    traits = [(trait, value) for trait, value in found if trait in known]
    is_let_in = any(
        value and (trait in _OLD_NAMES or (trait.startswith(ways) and trait not in _NO_WAY_IN))
        for trait, value in traits
    )
    if not is_let_in and "allow" not in "\n".join(map(str, snippets(tree).values())):
        yield (
            path,
            f"{name} is told of nobody who may log in, so JupyterHub lets nobody in; set hub.config.{name}.allow_all "
            "to true, or name people by allowed_users or by what else it knows",
        )


def _culled_late(tree: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    every, timeout = at(tree, "cull", "every"), at(tree, "cull", "timeout")
    if at(tree, "cull", "enabled") and isinstance(every, int) and isinstance(timeout, int) and every > 2 * timeout > 0:
        yield (
            ("cull", "every"),
            f"{every} is more than twice cull.timeout, {timeout}: idle servers are looked for so seldom that most of "
            "them stay far longer",
        )


def _roles_replaced(tree: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    makers = {"cull.enabled": at(tree, "cull", "enabled"), "hub.loadRoles": at(tree, "hub", "loadRoles")}
    lost = [setting for setting, value in makers.items() if value]
    path = ("hub", "config", "JupyterHub")
    if lost and at(tree, *path, "load_roles"):
        yield (
            (*path, "load_roles"),
            f"replaces the roles that the chart makes (for {' and '.join(lost)}): who had them is refused with 403; "
            "put these roles below hub.loadRoles",
        )
    if at(tree, *path, "services"):
        yield (*path, "services"), "the chart takes this out, so these services do not run; put them below hub.services"
