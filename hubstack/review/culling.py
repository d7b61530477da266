"""How to see who loses a running server, and whose data is deleted, by the service that looks for what is idle.

The service stops servers (jupyterhub-idle-culler), and deletes users and named servers where it is told to. KubeSpawner
deletes the home volume of what is deleted unless ``delete_pvc`` is off (KubeSpawner, ``delete_forever``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hubstack.review.change import Change, at, in_words
from hubstack.review.rendering import Rendered

OWN_TIMEOUT = 600
"""Seconds that the service takes where it is given none."""
DELETES = ("cull.users", "cull.adminUsers", "cull.removeNamedServers")
STOPS = ("cull.enabled", "cull.timeout", "cull.every", "cull.maxAge", "cull.concurrency")
UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def deletion(change: Change) -> Iterator[str]:
    """What is deleted from now on that was kept before."""
    before, after = _rules(change.base), _rules(change.head)
    idle = _time(after.get("timeout") or OWN_TIMEOUT)
    if _on(after, "users"):
        admins = "administrators included" if after.get("adminUsers") else "except administrators"
        wider = [
            name
            for name, longer in (("timeout", OWN_TIMEOUT), ("maxAge", float("inf")))
            if _number(after.get(name) or longer) < _number(before.get(name) or longer)
        ]
        wider += ["adminUsers"] if after.get("adminUsers") and not before.get("adminUsers") else []
        if not _on(before, "users") or wider:
            who = f"users who were not active for {idle} are deleted from the hub's database, {admins}"
            older = (
                f"; so is, when the server is stopped, every user whose account is older than {_time(after['maxAge'])}"
            )
            age = older if after.get("maxAge") else ""
            yield f"{who}, with their tokens and groups{_homes(change.head)}{age}"
    if _on(after, "removeNamedServers") and not _on(before, "removeNamedServers"):
        shared = "{user_server}" not in (_template(change.head) or "{user_server}")
        yield f"named servers that were idle for {idle} are deleted{'' if shared else _homes(change.head)}"
    if not _deletes_homes(change.base) and _deletes_homes(change.head):
        yield "with a user or a named server, the home volume is deleted (hub.config.KubeSpawner.delete_pvc)"


def culling(change: Change) -> Iterator[str]:
    """Which idle servers are stopped from now on, the running ones included."""
    told = () if any(deletion(change)) else DELETES
    found = change.changed(*STOPS, *told)
    if not found:
        return
    rules = _rules(change.head)
    if not rules.get("enabled"):
        yield f"idle servers are no longer stopped ({in_words(found)})"
        return
    age = (
        f"; after {_time(rules['maxAge'])} every server is stopped, even while it is in use"
        if rules.get("maxAge")
        else ""
    )
    idle = f"servers that were idle for {_time(rules.get('timeout') or OWN_TIMEOUT)} are stopped"
    yield f"{idle}, also those that run now{age} ({in_words(found)})"


def _homes(side: Rendered) -> str:
    if at(side.values, "singleuser.storage.type") not in (None, "dynamic"):
        return ""
    return ", and their home volumes with them" if _deletes_homes(side) else "; their home volumes stay"


def _deletes_homes(side: Rendered) -> bool:
    return at(side.values, "hub.config.KubeSpawner.delete_pvc") is not False


def _template(side: Rendered) -> str:
    given = at(side.values, "hub.config.KubeSpawner.pvc_name_template")
    return str(given or at(side.values, "singleuser.storage.dynamic.pvcNameTemplate") or "")


def _rules(side: Rendered) -> Mapping[str, Any]:
    found = at(side.values, "cull")
    return found if isinstance(found, Mapping) else {}


def _on(rules: Mapping[str, Any], name: str) -> bool:
    return bool(rules.get("enabled") and rules.get(name))


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


def _time(seconds: Any) -> str:
    """A time in the largest unit that fits."""
    number = _number(seconds)
    size, unit = next(((size, unit) for size, unit in UNITS if number >= size and not number % size), UNITS[-1])
    count = f"{number / size:g}"
    return f"{count} {unit}{'' if count == '1' else 's'}"
