"""The table of settings: what is listed, how it is written, which file it names, and what nobody may read."""

from __future__ import annotations

from typing import Any

import pytest

from hubstack.review import markdown
from hubstack.review.changes import StackChange
from hubstack.review.rendering import Rendered
from hubstack.review.report import Report
from hubstack.review.secrets import Redactor
from hubstack.review.setting_changes import ChangedSetting, changed
from tests.unit.review_repository import Repository


def rows(before: Any, after: Any, **sides: Any) -> list[str]:
    """The rows of two trees of values."""
    found = changed(Rendered("a", values=before, **sides), Rendered("a", values=after, **sides), Redactor(()))
    return [str(row) for row in found]


LONG = [f"user-{number:02d}@example.org" for number in range(40)]
CODE = "import os\nx = 1\ny = 2\n"
CASES: list[tuple[Any, Any, list[str]]] = [
    ({"a": 1}, {"a": 1}, []),
    ({"a": 1}, {"a": True}, ["a: 1 -> true"]),
    ({"a": 1}, {"a": 1.0}, []),
    ({"a": "1"}, {"a": 1}, ['a: "1" -> 1']),
    ({"a": None}, {"a": "4G"}, ["a: unset -> 4G"]),
    ({}, {"a": None}, ["a: unset -> null"]),
    ({"a": "true"}, {"a": True}, ['a: "true" -> true']),
    ({"a": ""}, {"a": " x"}, ['a: "" -> " x"']),
    ({"a": {}}, {"a": []}, ["a: {} -> []"]),
    ({"a": {"b": {"c": 1}}}, {"a": {}}, ['a.b: {"c": 1} -> unset']),
    (
        {"hub": {"config": {}}},
        {"hub": {"config": {"A": {"b": 1, "c": 2}}}},
        ["hub.config.A.b: unset -> 1", "hub.config.A.c: unset -> 2"],
    ),
    ({"hub": None}, {"hub": {"db": {"type": "other"}}}, ["hub.db.type: unset -> other"]),
    ({"a": ["x", "y"]}, {"a": ["x"]}, ['a: ["x", "y"] -> ["x"]']),
    ({"a": LONG}, {"a": LONG[:-1]}, ["a: 40 entries, with user-39@example.org -> 39 entries"]),
    ({"a": LONG}, {"a": LONG[::-1]}, ["a: 40 entries -> 40 entries, some of them again or in another order"]),
    ({"a": LONG}, {"a": [*LONG[:5], "eve", *LONG[6:]]}, ["a[5]: user-05@example.org -> eve"]),
    (
        {"a": [{"name": "x", "v": 1}, {"name": "y"}]},
        {"a": [{"name": "y"}, {"name": "x", "v": 2}]},
        ["a (order): x, y -> y, x", "a[x].v: 1 -> 2"],
    ),
    ({"a": [{"to": 1}, {"to": 2}]}, {"a": [{"to": 2}]}, ['a[0]: {"to": 1} -> unset']),
    ({"a": [{"to": 1}]}, {"a": [{"to": 1}, {"to": 1}]}, ['a[1]: unset -> {"to": 1}']),
    ({"a": [{"to": 1}, {"to": 2}]}, {"a": [{"to": 2}, {"to": 1}]}, ["a (order): 0, 1 -> 1, 0"]),
    ({"a": CODE}, {"a": CODE.replace("x = 1", "x = 10")}, ["a: 3 lines, line 2: x = 1 -> 3 lines, line 2: x = 10"]),
    ({"a": CODE}, {"a": f"{CODE}z = 3\n"}, ["a: 3 lines -> 4 lines, line 4: z = 3"]),
    ({}, {"a": CODE}, ["a: unset -> text of 3 lines"]),
    ({"a": f"{'x' * 90}1"}, {"a": f"{'x' * 90}2"}, [f"a: ...{'x' * 20}1 -> ...{'x' * 20}2"]),
]


@pytest.mark.parametrize("case", range(len(CASES)))
def test_how_values_are_written(case: int) -> None:
    """Both values stand on one line, short, and can be told from each other."""
    before, after, expected = CASES[case]
    assert rows(before, after) == expected
    assert len(rows(after, before)) == len(expected)


ENVIRONMENT = {"kubespawner_override": {"environment": {"API_KEY": "hunter2"}}}
TOKEN = {"name": "A_TOKEN", "value": "hunter2"}
PEM = {"a.pem": {"stringData": "hunter2"}}
SECRETS: list[tuple[Any, Any, str]] = [
    ({"hub": {"config": {"A": {"client_secret": "hunter2"}}}}, {}, "hub.config.A.client_secret"),
    ({"proxy": {"secretToken": None}}, {"proxy": {"secretToken": "hunter2"}}, "proxy.secretToken"),
    ({"hub": {"extraEnv": []}}, {"hub": {"extraEnv": [TOKEN]}}, "hub.extraEnv[A_TOKEN]"),
    ({"hub": {"extraFiles": {}}}, {"hub": {"extraFiles": PEM}}, "hub.extraFiles.a.pem"),
    (
        {"singleuser": {"profileList": [{"slug": "a"}]}},
        {"singleuser": {"profileList": [{"slug": "a", **ENVIRONMENT}]}},
        "singleuser.profileList[a].kubespawner_override",
    ),
    ({"custom": {"passwords": []}}, {"custom": {"passwords": ["hunter2"]}}, "custom.passwords"),
    ({"custom": {"own": {"name": "x"}}}, {"custom": {"own": {"name": "hunter2"}}}, "custom.own.name"),
]


@pytest.mark.parametrize("case", range(len(SECRETS)))
def test_a_secret_is_a_digest(case: int) -> None:
    """Whatever makes a setting secret, its row names it and shows no more than that it differs."""
    before, after, path = SECRETS[case]
    redactor = Redactor([Rendered("a", leftovers=frozenset({"hunter2"}))])
    declared = frozenset({"custom.own.name"})
    sides = [Rendered("a", values=values, secrets=declared) for values in (before, after)]
    (row,) = changed(*sides, redactor)
    assert row.path == path
    assert "(secret " in f"{row.before}{row.after}"
    assert "hunter2" not in str(row)


def test_which_file_sets_it(repository: Repository) -> None:
    """The last file that has the setting; of one that goes, the file that had it; and the stack's own file."""
    (repository.root / "common.yaml").write_text("cull: {timeout: 60, every: 60}\nhub: {activeServerLimit: 3}\n")
    repository.stack("a", {"cull": {"timeout": 70}}, valuesFiles=["common.yaml", "a.yaml"])
    repository.commit()
    (repository.root / "common.yaml").write_text("cull: {timeout: 61, every: 61}\n")
    repository.stack(
        "a",
        {"cull": {"timeout": 71}},
        valuesFiles=["common.yaml", "a.yaml"],
        values={"cull": {"maxAge": 5}},
        secretValues={"hub": {"db": {"password": "correct-horse"}}},
        protectData=False,
    )
    report, text = repository.review()
    found = {row.path: row.source for row in report.stacks[0].settings}
    assert found == {
        "hubstack:protectData": "stack file",
        "cull.every": "common.yaml",
        "cull.maxAge": "hubstack:values",
        "cull.timeout": "a.yaml",
        "hub.activeServerLimit": "common.yaml",
        "hub.db.password": "hubstack:secretValues",
    }
    assert "| `cull.timeout` | 70 | 71 | a.yaml |" in text
    assert text.index("### Settings") < text.index("### Objects")


def test_equal_rows_of_many_stacks_are_one(repository: Repository) -> None:
    """In every format, a setting that changes alike on many stacks stands once, with their names."""
    for name in ("a", "b", "c"):
        repository.stack(name, None, valuesFiles=["common.yaml"])
    (repository.root / "common.yaml").write_text("cull: {timeout: 60}\n")
    repository.commit()
    (repository.root / "common.yaml").write_text("cull: {timeout: 90}\n")
    assert "| `cull.timeout` | 60 | 90 | common.yaml | a, b, c |\n" in repository.review()[1]
    assert "  cull.timeout: 60 -> 90, set in common.yaml [a, b, c]\n" in repository.review(form="text")[1]
    page = repository.review(form="html")[1]
    assert page.count("<td>cull.timeout") == 1
    report = repository.review()[0].as_dict()
    row = {"path": "cull.timeout", "before": "60", "after": "90", "source": "common.yaml"}
    assert [stack["settings"] for stack in report["stacks"]] == [[row]] * 3


def test_the_table_is_bounded() -> None:
    """More settings than there is room for are counted; object diffs give way before the table does."""
    side = Rendered("hub")
    many = tuple(ChangedSetting(f"custom.{number:05d}", "1", "2" * 60, "a.yaml") for number in range(2000))
    text = markdown.comment(Report("main", (StackChange("hub", side, side, settings=many),)))
    assert len(text) <= markdown.LIMIT
    shown = text.count("| `custom.")
    assert 100 < shown < 2000
    assert f"and {2000 - shown} more settings, see the JSON report" in text


def test_a_setting_alone_is_a_change(repository: Repository) -> None:
    """What changes no object is shown all the same: the next update reads it."""
    repository.stack("a", {})
    repository.commit()
    repository.stack("a", {}, protectData=False)
    report, text = repository.review(form="text")
    assert (report.exit_code, report.stacks[0].changes) == (2, ())
    assert "what an update may delete changes (hubstack:protectData: true -> false)" in text


def test_objects_that_go_are_named_only(repository: Repository) -> None:
    """A deleted or new object is its name; of one that stays, the diff has what differs and the way there."""
    repository.stack("a", {})
    repository.commit()
    repository.stack("a", {"scheduling": {"userScheduler": {"enabled": False}}, "cull": {"timeout": 60}})
    report, text = repository.review()
    assert {change.action for change in report.stacks[0].changes if not change.diff} == {"delete"}
    assert "`ClusterRole/a-user-scheduler`, `ClusterRoleBinding/a-user-scheduler`" in text
    assert "apiGroups" not in text
    secret = next(change for change in report.stacks[0].changes if change.name == "Secret/hub")
    assert secret.diff.splitlines() == [
        " data:",
        "   values.yaml:",
        "     cull:",
        "-      timeout: 3600",
        "+      timeout: 60",
        "     scheduling:",
        "       userScheduler:",
        "-        enabled: true",
        "+        enabled: false",
    ]
