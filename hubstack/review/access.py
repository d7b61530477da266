"""How to see who may log in from now on, and who administers a hub.

The hub remembers: it only grants rights by ``admin_users``, and who is in its database may log in again while
``allow_existing_users`` is on, as it is by default beside ``allowed_users`` (JupyterHub 5, ``auth.py``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hubstack.review.change import Change, at, in_words
from hubstack.review.rendering import Rendered
from hubstack.review.shown import shortened

NAMES = ("hub.config.**username_*",)
"""Settings of authenticators that say what people are called."""
ADMINS = ("hub.config.*.admin_users",)
ALLOWED = (
    "hub.config.*Authenticator.allow_*",
    "hub.config.*Authenticator.allowed_*",
    "hub.config.*Authenticator.any_allow_config",
    "hub.config.*Authenticator.block*",
    "hub.config.*Authenticator.hosted_domain",
    "hub.config.*Authenticator.manage_groups",
)
LONGEST_NAMES = 300


def logins(change: Change) -> Iterator[str]:
    """Who may log in and could not before, or the other way round."""
    found = [row for row in change.changed(*ALLOWED) if row not in change.changed(*NAMES)]
    if not found:
        return
    told = [in_words(found)]
    for name in _authenticators(change):
        old, new = (_traits(side, name) for side in (change.base, change.head))
        if new.get("allow_all") and not old.get("allow_all"):
            told.append("everybody whom the login provider knows may log in")
        elif old.get("allow_all") and not new.get("allow_all"):
            told.append("who is not allowed by name, group or organization is refused")
        before, after = (_texts(side.get("allowed_users")) for side in (old, new))
        if gone := [user for user in before if user not in after]:
            names = shortened(", ".join(gone), LONGEST_NAMES)
            kept = new.get("allow_existing_users")
            kept = bool(after) if kept is None else kept
            stays = "may log in all the same until an administrator deletes them in the admin panel"
            told.append(f"{names} {stays if kept else 'may no longer log in'}")
    yield f"{'; '.join(told)}; nobody who is logged in is thrown out"


def admins(change: Change) -> Iterator[str]:
    """Users who become administrators, and those who leave the list and stay what they are."""
    before, after = (_admins(side) for side in (change.base, change.head))
    if added := [user for user in after if user not in before]:
        names = shortened(", ".join(added), LONGEST_NAMES)
        yield f"more administrators: {names} may do everything, in everybody's server"
    if gone := [user for user in before if user not in after]:
        names = shortened(", ".join(gone), LONGEST_NAMES)
        yield (
            f"fewer users are listed as administrators, but {names} stay what they are: the hub only grants by this "
            "list, and the right is taken away in its admin panel"
        )


def _admins(side: Rendered) -> list[str]:
    """Over all classes: which of them the hub uses is not always known."""
    return [user for name in _classes(side) for user in _texts(_traits(side, name).get("admin_users"))]


def _authenticators(change: Change) -> list[str]:
    found = (*_classes(change.base), *_classes(change.head))
    return [name for name in dict.fromkeys(found) if name.endswith("Authenticator")]


def _classes(side: Rendered) -> list[str]:
    config = at(side.values, "hub.config")
    return [str(name) for name in config] if isinstance(config, Mapping) else []


def _traits(side: Rendered, name: str) -> Mapping[str, Any]:
    """Settings of one class of the hub's configuration."""
    config = at(side.values, "hub.config")
    found = config.get(name) if isinstance(config, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _texts(users: Any) -> list[str]:
    return [str(user) for user in users] if isinstance(users, (list, Mapping)) else []
