"""Sentences that depend on more than one setting: who is deleted, who may log in, what room is kept."""

from __future__ import annotations

from typing import Any

import pytest

from hubstack.chart.merge import coalesce
from hubstack.chart.values import ChartValues
from hubstack.review import rules
from hubstack.review.rendering import Rendered
from hubstack.review.secrets import Redactor
from hubstack.review.setting_changes import changed


def told(before: dict[str, Any], after: dict[str, Any]) -> dict[str, str]:
    """Text by rule of what differs between two sets of values."""
    base, head = (Rendered("a", values=coalesce(side, ChartValues.defaults())) for side in (before, after))
    rows = changed(base, head, Redactor(()))
    return {each.rule: each.text for each in rules.judge(rules.Change(base, head, (), rows), {})}


USERS = (
    "data of people is deleted: users who were not active for 1 hour are deleted from the hub's database, "
    "administrators included, with their tokens and groups, and their home volumes with them"
)
KEPT = {"hub": {"config": {"KubeSpawner": {"delete_pvc": False}}}}


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        ({}, {"cull": {"users": True}}, USERS),
        ({"cull": {"enabled": False, "users": True}}, {"cull": {"users": True}}, USERS),
        (
            KEPT,
            {**KEPT, "cull": {"users": True}},
            USERS.replace(", and their home volumes with them", "; their home volumes stay"),
        ),
        (
            {"singleuser": {"storage": {"type": "none"}}},
            {"singleuser": {"storage": {"type": "none"}}, "cull": {"users": True, "adminUsers": False}},
            USERS.replace(", and their home volumes with them", "").replace(
                "administrators included", "except administrators"
            ),
        ),
        (
            {},
            {"cull": {"users": True, "maxAge": 604800}},
            f"{USERS}; so is, when the server is stopped, every user whose account is older than 7 days",
        ),
        ({"cull": {"users": True}}, {"cull": {"users": True, "timeout": 1800}}, USERS.replace("1 hour", "30 minutes")),
        (
            {},
            {"cull": {"removeNamedServers": True}},
            "data of people is deleted: named servers that were idle for 1 hour are deleted, and their home volumes "
            "with them",
        ),
        (
            KEPT,
            {},
            "data of people is deleted: with a user or a named server, the home volume is deleted "
            "(hub.config.KubeSpawner.delete_pvc)",
        ),
    ],
)
def test_what_is_deleted(before: dict[str, Any], after: dict[str, Any], text: str) -> None:
    """Users and servers that are deleted are a rule that blocks, and say what goes with them."""
    assert told(before, after)["idle-deletion"] == text
    assert next(rule for rule in rules.RULES if rule.name == "idle-deletion").blocks


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"cull": {"users": True}}, {}),
        ({"cull": {"users": True}}, {"cull": {"users": True, "timeout": 7200}}),
        ({}, {"cull": {"users": True, "enabled": False}}),
        ({}, {"cull": {"timeout": 60}}),
    ],
)
def test_what_is_not_deleted(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Where less is deleted than before, or nothing, it is only said how servers are stopped."""
    found = told(before, after)
    assert "idle-deletion" not in found
    assert "culling" in found


def test_who_is_stopped() -> None:
    """Idle servers, in words and with the settings."""
    assert told({}, {"cull": {"timeout": 5400, "maxAge": 86400}})["culling"] == (
        "servers that were idle for 90 minutes are stopped, also those that run now; after 1 day every server is "
        "stopped, even while it is in use (cull.maxAge: 0 -> 86400; cull.timeout: 3600 -> 5400)"
    )
    assert told({}, {"cull": {"enabled": False}})["culling"] == (
        "idle servers are no longer stopped (cull.enabled: true -> false)"
    )


def oauth(**traits: Any) -> dict[str, Any]:
    """Values with an authenticator."""
    return {"hub": {"config": {"GitHubOAuthenticator": traits}}}


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (
            oauth(),
            oauth(allow_all=True),
            "hub.config.GitHubOAuthenticator.allow_all: unset -> true; everybody whom the login provider knows may log "
            "in",
        ),
        (
            oauth(allow_all=True),
            oauth(allow_all=False),
            "hub.config.GitHubOAuthenticator.allow_all: true -> false; who is not allowed by name, group or "
            "organization is refused",
        ),
        (
            oauth(allowed_users=["ada", "eve"]),
            oauth(allowed_users=["ada"]),
            'hub.config.GitHubOAuthenticator.allowed_users: ["ada", "eve"] -> ["ada"]; eve may log in all the same '
            "until an administrator deletes them in the admin panel",
        ),
        (
            oauth(allowed_users=["ada", "eve"], allow_existing_users=False),
            oauth(allowed_users=["ada"], allow_existing_users=False),
            'hub.config.GitHubOAuthenticator.allowed_users: ["ada", "eve"] -> ["ada"]; eve may no longer log in',
        ),
    ],
)
def test_who_may_log_in(before: dict[str, Any], after: dict[str, Any], text: str) -> None:
    """The hub remembers whom it has once allowed, and so the sentence depends on another setting."""
    assert told(before, after) == {"access": f"who may log in changes: {text}; nobody who is logged in is thrown out"}


def test_administrators() -> None:
    """Who leaves the list is still one, because the hub only grants by it."""
    before, after = oauth(admin_users=["ada"]), oauth(admin_users=["eve"])
    base, head = (Rendered("a", values=side) for side in (before, after))
    found = rules.judge(rules.Change(base, head, (), changed(base, head, Redactor(()))), {})
    assert [each.text for each in found] == [
        "more administrators: eve may do everything, in everybody's server",
        "fewer users are listed as administrators, but ada stay what they are: the hub only grants by this list, and "
        "the right is taken away in its admin panel",
    ]


def test_placeholders() -> None:
    """Room in numbers, and that it is given to people only by priority."""

    def room(**settings: Any) -> dict[str, Any]:
        return {"scheduling": {"userPlaceholder": settings, "podPriority": {"enabled": settings.pop("yields", True)}}}

    assert told(room(replicas=3), room(replicas=6)) == {"room-kept": "room is kept for 6 users instead of 3"}
    assert told(room(replicas=3), room(enabled=False)) == {"room-kept": "room is kept for nobody instead of 3"}
    assert told(room(yields=False), room(yields=False, replicas=1)) == {
        "room-kept": "room is kept for 1 user instead of nobody; as scheduling.podPriority is off, placeholders do "
        "not make way for them"
    }


def test_the_scheduler_of_users_servers() -> None:
    """Without it, servers are spread over the nodes."""
    found = told({}, {"scheduling": {"userScheduler": {"enabled": False}}})
    assert found == {
        "user-scheduler": "the scheduler of users' servers goes: new servers are put onto nodes by the cluster's own, "
        "which spreads them, so that fewer nodes become empty and can be given back "
        "(scheduling.userScheduler.enabled: true -> false)"
    }


def test_a_label_without_which_no_server_starts() -> None:
    """The hub's network policy lets servers in by a label; whoever removes it has taken the hub from them."""
    label = {"hub.jupyter.org/network-access-hub": "false"}
    assert "hub-access" in told({}, {"singleuser": {"extraLabels": label}})
    policy = {"hub": {"networkPolicy": {"enabled": False}}}
    assert "hub-access" not in told(policy, {**policy, "singleuser": {"extraLabels": label}})


def test_another_folder_of_the_databases_volume_is_another_database() -> None:
    """The hub finds an empty folder there, and starts with it."""
    found = told({}, {"hub": {"db": {"pvc": {"subPath": "new"}}}})
    assert "hub.db.pvc.subPath: unset -> new" in found["database"]


def test_what_network_policies_let_through() -> None:
    """What is opened is one sentence, and what is closed another."""
    rules_of_hub = {"egressAllowRules": {"privateIPs": False}, "interNamespaceAccessLabels": "accept"}
    found = told({}, {"hub": {"networkPolicy": {**rules_of_hub, "egress": [{}]}}})
    opened = "hub: egress, interNamespaceAccessLabels"
    assert found["network-policy"] == f"pods may reach, or be reached by, more than before: {opened}"
    assert found["network-rules"] == (
        "which connections pods may open and accept changes, also for servers that run "
        "(hub.networkPolicy.egressAllowRules.privateIPs: true -> false)"
    )


def test_the_same_cluster_under_another_context() -> None:
    """It is no move, and still says how the cluster is reached."""

    def side(context: str) -> Rendered:
        return Rendered("a", config={"kubeContext": context, "clusterIdentifier": "c"})

    base, head = side("old"), side("new")
    found = rules.judge(rules.Change(base, head, (), changed(base, head, Redactor(()))), {})
    assert [(each.rule, each.text) for each in found] == [
        (
            "credentials",
            "the cluster is reached with other credentials (hubstack:kubeContext: old -> new), or is called otherwise",
        )
    ]


def test_a_namespace_that_the_stack_makes_from_now_on() -> None:
    """One that exists would stop the update."""
    base, head = Rendered("a", config={"createNamespace": False}), Rendered("a", config={"createNamespace": True})
    found = rules.judge(rules.Change(base, head, (), changed(base, head, Redactor(()))), {})
    assert [each.rule for each in found] == ["namespace-made"]
