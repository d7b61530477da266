"""A stack's file that somebody has written stays theirs when settings are put into it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from hubstack import project
from hubstack.errors import HubstackError
from hubstack.migration import commented_yaml, stack_file

FILE = """\
# Hub of the physics department.
config:
  # Which cluster: ask Ada.
  hubstack:kubeContext: "eu-1"   # not us-1
  hubstack:protectData: "false"

  hubstack:valuesFiles:
    - common.yaml  # for all
    - physics.yaml
  hubstack:values: {hub: {services: {announce: {admin: false}}}, cull: null}
  hubstack:secretValues:
    # From the identity provider.
    hub:
      config:
        GitHubOAuthenticator:
          client_secret: {secure: v1:abc}
  # Below is what reviews accept.
hubstack.review.accept:
  profile-removed: 'nobody has used it since May'
# The end.
"""


def put(tmp_path: Path, text: str, settings: dict[str, object]) -> str:
    """A file's text after settings were put into it."""
    file = tmp_path / "Pulumi.a.yaml"
    file.write_text(text)
    stack_file.put(file, settings)
    return file.read_text()


def test_new_settings_stand_at_the_head_and_nothing_else_moves(tmp_path: Path) -> None:
    """Each line that was there is there still, byte for byte; the secrets provider stands above the configuration."""
    changed = put(tmp_path, FILE, {"encryptionsalt": "v1:salt=", "hubstack:takeOver": "on", "hubstack:empty": {}})
    assert changed == FILE.replace("config:\n", 'encryptionsalt: v1:salt=\nconfig:\n  hubstack:takeOver: "on"\n', 1)


def test_a_setting_changes_in_place(tmp_path: Path) -> None:
    """What is there changes where it stands, with the comments around and in it; a provider that is there stays."""
    text = "encryptionsalt: v1:mine\n" + FILE
    secret = {"hub": {"config": {"GitHubOAuthenticator": {"client_secret": {"secure": "v1:def"}}}, "more": "1"}}
    changed = put(
        tmp_path, text, {"encryptionsalt": "v1:no", "hubstack:kubeContext": "eu-2", "hubstack:secretValues": secret}
    )
    assert changed == text.replace("eu-1", "eu-2").replace("{secure: v1:abc}\n", '{secure: v1:def}\n      more: "1"\n')


@pytest.mark.parametrize(
    "text",
    [
        "config: {hubstack:mode: helm}\n",
        "config:\n    'hubstack:mode': helm\n    hubstack:values:\n        hub:\n            a: [1]\n",
        "---\nconfig:\n  hubstack:values:\n    list:\n    - a: 1\n      b: |\n        # text\n        c\n",
        "config:\n",
        "other: 1\n",
        "config:\n  a: &x {b: 1}\n  c: *x\n  d: {<<: *x, e: 010, f: 12:30:00, g: yes, h: 1_000, i: ~}\n",
    ],
)
def test_ways_of_writing(tmp_path: Path, text: str) -> None:
    """However a file is written, it says the same and the new settings, twice as well as once."""
    once = put(tmp_path, text, {"hubstack:takeOver": "jhub"})
    before = yaml.safe_load(text)
    assert yaml.safe_load(once) == {**before, "config": {**(before.get("config") or {}), "hubstack:takeOver": "jhub"}}
    assert put(tmp_path, once, {"hubstack:takeOver": "jhub"}) == once


@pytest.mark.parametrize("file", sorted(project.CODE.glob("Pulumi.*.yaml")), ids=lambda file: file.name)
def test_files_of_this_repository(file: Path) -> None:
    """Nothing but the new line is different."""
    before, after = (
        file.read_text().splitlines(),
        commented_yaml.edited(file.read_text(), {}, {"hubstack:takeOver": "x"}),
    )
    assert after is not None
    new = [line for line in after.splitlines() if line not in before]
    assert (new, len(after.splitlines())) == (["  hubstack:takeOver: x"], len(before) + 1)


def test_a_comment_is_never_lost(tmp_path: Path) -> None:
    """Where the change would take a comment with it, the file stays as it is, and the error has what to write."""
    text = "config:\n  hubstack:rotateTokens: {a: b}  # since May\n"
    file = tmp_path / "Pulumi.a.yaml"
    file.write_text(
        "config:\n  hubstack:adoptedTokens:\n    services:\n      x: 1\n      # about y\n      y: 2  # y's\n"
    )
    with pytest.raises(HubstackError, match=r"Pulumi.a.yaml: cannot be changed safely; write this below .*config"):
        stack_file.put(file, {"hubstack:adoptedTokens": {"services": {"x": 1}}})
    assert "# about y" in file.read_text()
    text = "config:\n  hubstack:rotateTokens: {a: b}  # since May\n"
    assert put(tmp_path, text, {"hubstack:rotateTokens": {"a": "c"}}) == text.replace("b}", "c}")


TEXTS = st.text(max_size=8)
VALUES = st.recursive(
    TEXTS | st.integers() | st.booleans(), lambda of: st.dictionaries(TEXTS, of, max_size=3), max_leaves=6
)


@settings(deadline=None)
@given(VALUES)
def test_every_text_comes_back_as_it_is(value: object) -> None:
    """What PyYAML reads from the file is what was put there, whatever the text looks like."""
    changed = commented_yaml.edited(FILE, {}, {"hubstack:x": value})
    assert changed is not None
    assert yaml.safe_load(changed)["config"]["hubstack:x"] == value
