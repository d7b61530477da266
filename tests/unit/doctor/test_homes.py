"""Would everybody find their home again?"""

from __future__ import annotations

from typing import Any

import pytest

from hubstack.doctor import checks_homes, slugs
from tests.unit.doctor.fake import CORE, named, subject, texts

CLAIMS = f"{CORE}/persistentvolumeclaims"
USER = "jo.smith@example.com"
ESCAPED = "claim-jo-2esmith-40example-2ecom"
SAFE = slugs.claim_name(slugs.DEFAULT_TEMPLATE, "safe", USER) or ""
FORGETS = {"hub": {"config": {"KubeSpawner": {"remember_pvc_name": False}}}}
OLDER = {"hub": {"config": {"KubeSpawner": {"slug_scheme": "escape"}}}}


def home(name: str, user: str | None, server: str = "") -> dict[str, Any]:
    """A volume claim as KubeSpawner makes it."""
    annotations = {checks_homes.USER: user} if user is not None else {}
    if server:
        annotations[checks_homes.SERVER] = server
    return named(name, labels={"component": "singleuser-storage"}, annotations=annotations)


def homes(*claims: dict[str, Any], values: dict[str, Any] | None = None, **config: Any) -> list[tuple[str, str]]:
    """What the check says about these claims."""
    return texts(list(checks_homes.homes(subject(values, lists={CLAIMS: list(claims)}, **config))))


@pytest.mark.parametrize(
    ("claims", "values"),
    [
        ([], None),
        ([home(SAFE, USER), home("claim-anna", "anna"), home("claim-anna--gpu", "anna", "gpu")], None),
        ([home(ESCAPED, USER), home("claim-anna", "anna")], OLDER),
        ([named("hub-db-dir"), named("data-of-somebody-else")], None),
        ([home("home-anna", "anna")], {"singleuser": {"storage": {"dynamic": {"pvcNameTemplate": "home-{username}"}}}}),
        ([home("home-7", "anna")], {"singleuser": {"storage": {"dynamic": {"pvcNameTemplate": "home-{userid}"}}}}),
    ],
)
def test_homes_of_the_configured_name_are_silence(claims: list[dict[str, Any]], values: dict[str, Any] | None) -> None:
    """Under either scheme, with a template, for named servers; other claims are not looked at."""
    assert homes(*claims, values=values) == []


def test_a_home_of_the_other_scheme_is_found() -> None:
    """It is a warning where the hub remembers names, an error where it does not; both names are said."""
    ((severity, what),) = homes(home(ESCAPED, USER), home("claim-anna", "anna"))
    assert (severity, what) == (
        "warning",
        "1 home volumes belong to nobody under the template 'claim-{user_server}' and the slug scheme 'safe': "
        f"{ESCAPED} (looked for as {SAFE})",
    )
    assert homes(home(ESCAPED, USER), values=FORGETS)[0][0] == "error"
    assert f"{SAFE} (looked for as {ESCAPED})" in homes(home(SAFE, USER), values=OLDER)[0][1]


def test_a_changed_template_is_found() -> None:
    """All homes of another template belong to nobody."""
    values = {"singleuser": {"storage": {"dynamic": {"pvcNameTemplate": "home-{username}"}}}}
    ((severity, what),) = homes(home("claim-anna", "anna"), home("claim-bo", "bo"), values=values)
    assert severity == "warning"
    assert what.startswith("2 home volumes belong to nobody")


def test_two_homes_of_one_user_are_found() -> None:
    """Work may be in either."""
    ((severity, what),) = homes(home(ESCAPED, USER), home(SAFE, USER))
    assert (severity, what) == ("warning", f"1 users have a home volume under both slug schemes: {ESCAPED} and {SAFE}")


def test_homes_without_a_name_of_their_owner_are_guessed() -> None:
    """What can only be of the other scheme is a warning, what could be of either is silence."""
    assert homes(home(ESCAPED, None))[0][0] == "warning"
    assert homes(home(SAFE, None), values=OLDER)[0][0] == "warning"
    assert homes(home("claim-anna", None), home("claim-jean-luc", None), home(SAFE, None)) == []


def test_chart_3_names_by_the_older_scheme_and_forgets() -> None:
    """In mode helm with chart 3 the defaults of its time apply."""
    chart = {"mode": "helm", "chart": {"version": "3.3.8"}}
    assert homes(home(ESCAPED, USER), home("claim-anna-gpu", "anna", "gpu"), **chart) == []
    assert homes(home(SAFE, USER), **chart)[0][0] == "error"


def test_another_type_of_storage_leaves_homes_behind() -> None:
    """Homes that would no longer be mounted, and a shared claim that is not there."""
    static = {"singleuser": {"storage": {"type": "static", "static": {"pvcName": "nfs"}}}}
    assert [severity for severity, _ in homes(home(SAFE, USER), values=static)] == ["error", "warning"]
    assert homes(named("nfs"), values=static) == []
    assert homes(values={"singleuser": {"storage": {"type": "none"}}}) == []


def test_code_that_names_homes_is_a_note() -> None:
    """Code is not run, and so it is said."""
    code = {"hub": {"extraConfig": {"10-names": 'c.KubeSpawner.pvc_name_template = "x-{username}"', "20": "x = 1"}}}
    assert homes(values=code) == [("note", "hub.extraConfig.10-names sets how home volumes are named")]
