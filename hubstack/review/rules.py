"""Impact rules: what people will notice of a change, each rule as data with its own small test of two revisions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from hubstack.review import capacity
from hubstack.review import conditions as see
from hubstack.review.conditions import Change
from hubstack.review.rendering import Rendered


@dataclass(frozen=True)
class Finding:
    """One thing that people will notice."""

    rule: str
    text: str
    blocks: bool
    accepted: str | None = None
    """Why it is all right this time; None where nobody has said so."""


@dataclass(frozen=True)
class Rule:
    """A rule: how to see it, and what it means for people."""

    name: str
    means: str
    """What people will notice; ``{}`` stands for the detail."""
    applies: Callable[[Change], Iterable[str]]
    """Yields a detail, possibly blank, for each time that it applies."""
    blocks: bool = False
    """Whether the change must not land unless the rule is accepted by name."""


def judge(change: Change, accepted: Mapping[str, str]) -> tuple[Finding, ...]:
    """All findings, those that block first.

    Arguments:
        accepted: reason by rule name, for rules that are accepted for this change.
    """
    found = [
        Finding(rule.name, rule.means.replace("{}", detail), rule.blocks, accepted.get(rule.name))
        for rule in RULES
        for detail in rule.applies(change)
    ]
    return tuple(sorted(found, key=lambda finding: not finding.blocks or bool(finding.accepted)))


def new_or_gone(base: Rendered | None, head: Rendered | None, others: Iterable[Rendered]) -> tuple[Finding, ...]:
    """What a stack whose file comes or goes means for people.

    Arguments:
        others: of a stack that goes, the new stacks; one in the same place is the same under another name.
    """
    if base is None:
        new = [Finding("stack-new", "a new hub; nothing that exists is touched", False)]
        return (*new, *(Finding("capacity", text, False) for text in capacity.never_in(head)))
    if head is not None:
        return ()
    again = next((each.stack for each in others if see.place(each) == see.place(base)), None)
    if again:
        return (Finding("stack-renamed", f"{RENAMED} (to {again})", False),)
    return (Finding("stack-removed", REMOVED, False),)


RENAMED = (
    "the stack gets another name; unless `pulumi stack rename` tells the backend, the engine takes it for a second hub "
    "in the same place and stops"
)
REMOVED = (
    "the stack's file goes, which deletes nothing: the hub keeps running and nobody updates it any more, until "
    "`pulumi destroy` of the stack deletes what is listed"
)

RULES = (
    Rule(
        "namespace",
        "the hub moves to another namespace ({}): people find a new, empty hub there, and their volumes stay behind",
        see.config("namespace"),
        True,
    ),
    Rule(
        "cluster",
        "the stack moves to another cluster ({}): people find a new, empty hub there, and their volumes stay behind",
        see.cluster,
        True,
    ),
    Rule(
        "mode",
        "the mode of a deployed stack is switched ({}): `hubstack up` does that in place, a rollout refuses it; on the "
        "way to helm, the hub may restart",
        see.config("mode"),
        True,
    ),
    Rule(
        "storage",
        "{}: what is stored there may be lost",
        see.data_objects,
        True,
    ),
    Rule(
        "database",
        "the hub starts with another database ({}): it knows no users, no tokens and no running servers",
        see.database,
        True,
    ),
    Rule(
        "home-names",
        "home volumes get other names ({}): who starts a server and whose volume the hub does not remember finds an "
        "empty home; the old volumes stay",
        see.moved(*see.HOME_NAMES),
        True,
    ),
    Rule(
        "profile-removed",
        "profile {} disappears: a start with it, from a saved link or after the server was stopped, ends in an error; "
        "running servers keep going",
        see.profile_removed,
        True,
    ),
    Rule(
        "profiles-gone",
        "no profile is left ({}): every new server gets the default image and resources, whatever people had chosen; "
        "running servers keep going",
        see.no_profiles_left,
        True,
    ),
    Rule(
        "release-name",
        "the release gets another name ({}): every pod of the hub is made anew, and the network policies no longer "
        "cover the servers that are running",
        see.config("releaseName"),
        True,
    ),
    Rule("dummy-authenticator", "anybody who finds the address may log in under any name", see.when(see.dummy)),
    Rule(
        "tls-off",
        "HTTPS is switched off: passwords and notebooks travel readable by others, links with https:// fail",
        see.when(see.tls_off),
    ),
    Rule("new-token", "a secret is renewed: {}", see.token),
    Rule(
        "hub-restart",
        "the hub restarts: no logins and no new servers for about 20 s; running notebooks keep going",
        see.restart("hub"),
    ),
    Rule(
        "proxy-restart",
        "the proxy restarts: nobody reaches the hub or a notebook for some seconds; open notebooks reconnect by "
        "themselves",
        see.restart("proxy"),
    ),
    Rule(
        "autohttps-restart",
        "the HTTPS end point restarts: nobody reaches the hub or a notebook for some seconds; open notebooks reconnect "
        "by themselves",
        see.restart("autohttps"),
    ),
    Rule(
        "public-address",
        "where people reach the hub changes ({}): check links, DNS names and login callbacks",
        see.public_address,
    ),
    Rule(
        "authenticator",
        "people log in another way ({}): the same person may come under another user name, with an empty home",
        see.authenticator,
    ),
    Rule("admin-users", "more administrators: {}", see.admins),
    Rule("network-policy", "pods may reach, or be reached by, more than before: {}", see.policy_widened),
    Rule(
        "user-image",
        "new servers start from another image ({}); running servers keep theirs until they are stopped",
        see.images,
    ),
    Rule(
        "user-resources",
        "new servers get other resources ({}); running servers keep theirs until they are stopped",
        see.resources,
    ),
    Rule(
        "culling",
        "idle servers, also the running ones, are stopped by another rule: {}",
        see.moved(
            "cull.enabled", "cull.timeout", "cull.every", "cull.maxAge", "cull.users", "cull.adminUsers",
            "cull.removeNamedServers",
        ),
    ),
    Rule(
        "sealed-secrets",
        "encrypted settings change of which nothing can be told here: secretValues as a whole, or what is no free text",
        see.when(lambda change: change.base.sealed != change.head.sealed),
    ),
    Rule(
        "chart-version",
        "another version of the chart ({}): read its change log; the hub may upgrade its database when it starts, "
        "which cannot be undone, so back it up",
        see.chart,
    ),
    Rule("capacity", "{}", capacity.never, True),
    Rule("capacity-unknown", "{}", capacity.unknown),
    Rule("servers-per-node", "new servers fill the nodes in another way: {}", capacity.per_node),
    Rule("placeholders", "room kept for the next users: {}", capacity.placeholders),
)  # fmt: skip
"""Every rule; what blocks stands first."""
