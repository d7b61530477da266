"""Names of home volumes: as KubeSpawner makes them, and counted where new settings would not find them."""

from __future__ import annotations

from typing import Any

import pytest

from hubstack.errors import HubstackError
from hubstack.review.homes import Claim, Homes, judge, new_name, note
from hubstack.review.rendering import Rendered

LONG = "team/long-" + "y" * 50


def side(template: str | None = None, scheme: str | None = None, **storage: Any) -> Rendered:
    """A stack whose home volumes have a template and a slug scheme."""
    spawner = {"slug_scheme": scheme} if scheme else {}
    dynamic = {"pvcNameTemplate": template}
    values = {
        "hub": {"config": {"KubeSpawner": spawner}},
        "singleuser": {"storage": {"type": "dynamic", "dynamic": dynamic, **storage}},
    }
    return Rendered("a", namespace="lab", values=values)


NAMES = [
    ("eve", "", None, None, "claim-eve"),
    ("eve", "gpu", None, None, "claim-eve--gpu"),
    ("eve@uni.example", "", None, None, "claim-eve-uni-example---4323e88c"),
    ("eve@uni.example", "", None, "escape", "claim-eve-40uni-2eexample"),
    ("eve@uni.example", "", "claim-{escaped_user_server}", None, "claim-eve-40uni-2eexample"),
    ("9lives", "", None, None, "claim-x-9lives---bc867356"),
    ("a--b", "", None, None, "claim-a-b---90827a2e"),
    ("Eve", "My Server", None, None, "claim-eve---b9bae658--my-server---c2d9a82f"),
    (LONG, "gpu", None, None, "claim-team-long-yyyyyyy--gpu---87f7c1d7"),
    (LONG, "", "{username}", None, "team-long-yyyyyyyyyyyyyyyyyyyyyyyyyyy---1f0a9968"),
    ("ünïcode", "", None, "escape", "claim--c3-bcn-c3-afcode"),
    ("eve", "", "{hubnamespace}-{unescaped_username}", None, "lab-eve"),
]


@pytest.mark.parametrize(("user", "server", "template", "scheme", "expected"), NAMES)
def test_names_are_kubespawners(user: str, server: str, template: str, scheme: str, expected: str) -> None:
    """Names of both schemes, with and without a hash, are the ones that KubeSpawner 7.0.0 was seen to make."""
    assert new_name(Claim("", user, server), side(template, scheme)) == expected


CLAIMS = [Claim("claim-eve", "eve"), Claim("claim-adam--gpu", "adam", "gpu"), Claim("claim-o-27neil", "o'neil")]


def test_orphans_are_counted() -> None:
    """Of three volumes, one has a name of the scheme before; other templates lose all; a nameless one is apart."""
    assert judge(CLAIMS, side()) == Homes(3, 1)
    assert judge(CLAIMS, side(scheme="escape")) == Homes(3, 0)
    assert judge([*CLAIMS, Claim("claim-who", "")], side("home-{username}")) == Homes(3, 3, 1)
    assert judge(CLAIMS, side(type="none")) == Homes(3, 3)
    assert judge(CLAIMS, side(type="static", static={"pvcName": "shared"})) == Homes(3, 3)


def test_notes_name_nobody() -> None:
    """What the comment says has figures and no user names."""
    assert note(side(), side("home-{username}"), lambda _: CLAIMS) == (
        "home volumes: 3 of 3 live ones would be orphaned under the new names"
    )
    assert note(side(), side(), lambda _: []) == "home volumes: there are none yet, so nobody loses one"


def test_what_only_the_hub_knows() -> None:
    """A template with the number of a user in the hub's database is said to be beyond telling."""
    with pytest.raises(HubstackError, match="field that only the hub can fill"):
        new_name(CLAIMS[0], side("claim-{userid}"))
