"""Rules that are let pass for one change: by the command line, by labels, by the stack's file."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from hubstack.errors import HubstackError
from hubstack.review import accepting
from tests.unit.review_repository import Repository

STORAGE = {"singleuser": {"storage": {"dynamic": {"pvcNameTemplate": "x-{username}"}}}}


def accept(repository: Repository, stack: str, reasons: Any) -> None:
    """Write reasons into a stack's file, beside its configuration."""
    file = repository.root / f"Pulumi.{stack}.yaml"
    document = {**yaml.safe_load(file.read_text()), accepting.KEY: reasons}
    file.write_text(yaml.safe_dump(document))


def test_by_the_stacks_file(repository: Repository) -> None:
    """A reason in a stack's file lets the rule pass on that stack alone, and stands in the comment."""
    for name in ("a", "b"):
        repository.stack(name, {})
    repository.commit()
    for name in ("a", "b"):
        repository.stack(name, STORAGE)
    accept(repository, "a", {"home-names": "everybody was moved by hand"})
    report, text = repository.review()
    assert report.exit_code == 3
    assert [[each.accepted for each in stack.findings if each.blocks] for stack in report.stacks] == [
        ["everybody was moved by hand"],
        [None],
    ]
    assert "Accepted: everybody was moved by hand" in text
    assert [line.split("|")[5].split()[-1] for line in text.splitlines() if line.startswith(("| a", "| b"))] == [
        "accepted",
        "blocked",
    ]
    report, _ = repository.review("a")
    assert report.exit_code == 2


def test_for_one_change_only(repository: Repository) -> None:
    """A reason that the base has already does not let a later change pass; a new reason does."""
    repository.stack("a", {})
    accept(repository, "a", {"home-names": "last year"})
    repository.commit()
    repository.stack("a", STORAGE)
    accept(repository, "a", {"home-names": "last year"})
    assert repository.review()[0].exit_code == 3
    accept(repository, "a", {"home-names": "this year"})
    assert repository.review()[0].exit_code == 2


@pytest.mark.parametrize(
    ("reasons", "message"),
    [
        ({"home-name": "typo"}, "'home-name': no such rule"),
        ({"home-names": ""}, "home-names: a reason is needed"),
        (["home-names"], "must be a map of reasons"),
    ],
)
def test_what_cannot_be_meant(repository: Repository, reasons: Any, message: str) -> None:
    """A typo is the error of its stack and accepts nothing; the other stacks are shown."""
    for name in ("a", "b"):
        repository.stack(name, {})
    repository.commit()
    repository.stack("a", STORAGE)
    accept(repository, "a", reasons)
    repository.stack("b", {"cull": {"timeout": 60}})
    report, _ = repository.review(form="text")
    assert report.exit_code == 1
    assert message in report.stacks[0].errors[0]
    assert report.stacks[1].findings


@pytest.mark.parametrize(
    "labels", ['["bug", "accept:home-names", "accept:storage"]', "bug,accept:home-names, accept:storage"]
)
def test_labels(labels: str) -> None:
    """Labels as GitHub and as GitLab hand them on accept the rules that they name, and say so as the reason."""
    assert accepting.from_labels(labels) == {
        "home-names": "label accept:home-names of the pull request",
        "storage": "label accept:storage of the pull request",
    }


def test_no_labels() -> None:
    """No label, and labels about other things, accept nothing."""
    assert [accepting.from_labels(text) for text in ("", "[]", "bug", '["bug, accept:storage"]')] == [{}, {}, {}, {}]


@pytest.mark.parametrize(
    ("labels", "message"), [('["accept:everything"]', "'everything': no such rule"), ('["accept', "starts like a JSON")]
)
def test_labels_that_cannot_be_meant(labels: str, message: str) -> None:
    """A label for a rule that there is not is an error, so that nobody believes it accepted."""
    with pytest.raises(HubstackError, match=message):
        accepting.from_labels(labels)


@pytest.mark.parametrize("pair", ["storage", "storage=", "storage= "])
def test_a_reason_is_needed(pair: str) -> None:
    """The command line takes no rule without a reason."""
    with pytest.raises(HubstackError, match="a reason is needed"):
        accepting.from_pairs([pair])
