"""`hubstack new`: what it writes, and that it never writes over anything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from hubstack import project, settings
from hubstack.commands.main import app
from hubstack.errors import HubstackError
from hubstack.fleet import load
from hubstack.project import definition, new, stacks

WORKFLOWS = [file for file in new.FILES if file.startswith(".github/")]


def tree(folder: Path) -> dict[str, str]:
    """Every file of a folder with its text."""
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("file", ["__main__.py", *WORKFLOWS])
def test_this_repository_has_the_same(file: str) -> None:
    """Program and workflows are those of this repository, except for where Hubstack comes from."""
    words = {"setup": "make setup", "sources": '"__main__.py", "hubstack/**", "requirements.*"'}
    assert new.filled(file, words) == (project.CODE / file).read_text()


def test_a_new_project_can_be_used_at_once(tmp_path: Path) -> None:
    """Everything in it is read by what reads it later; the name is the folder's."""
    made = new.make(tmp_path / "some" / "my hubs")
    assert (made.name, made.context) == ("my-hubs", "hubstack-sim")
    assert set(tree(made.folder)) == set(new.FILES)
    assert definition.read(made.folder)["name"] == "my-hubs"
    stack = stacks.select("dev", root=made.folder)
    found = settings.resolve(settings.parse(stacks.entries(stack.settings), set()), made.folder)
    assert stack.is_embedded
    assert (found.config.protect_data, found.loaded.warnings) == (False, ())
    fleet = load.load(made.folder)
    assert fleet is not None
    assert fleet.wave_of() == {"dev": "dev"}
    for file in WORKFLOWS:
        (job,) = yaml.safe_load((made.folder / file).read_text())["jobs"].values()
        assert {"run": project.SETUP_INSTALLED} in job["steps"]
    assert [text for text in tree(made.folder).values() if "@setup@" in text or "make setup" in text] == []


@pytest.mark.parametrize(("name", "context"), [("123", "on"), ("a.b_c-D", "arn:aws:eks:eu:1:cluster/x"), ("null", "'")])
def test_name_and_context_are_text(tmp_path: Path, name: str, context: str) -> None:
    """Neither is taken for another type of YAML; on a cluster that is named, data is protected."""
    new.make(tmp_path, name, context)
    stack = stacks.select("dev", root=tmp_path)
    found = settings.parse(stacks.entries(stack.settings), set())
    assert (definition.name(tmp_path), found.kube_context, found.protect_data) == (name, context, True)


def test_files_in_the_way_are_named_and_stay(tmp_path: Path) -> None:
    """Nothing is written where one file would be written over; others are not in the way."""
    (tmp_path / "config.yaml").write_text("mine: true\n")
    (tmp_path / "__main__.py").symlink_to("nowhere.py")
    (tmp_path / "notes.txt").write_text("mine\n")
    before = tree(tmp_path)
    done = CliRunner().invoke(app, ["new", str(tmp_path)])
    assert isinstance(done.exception, HubstackError)
    assert f"{tmp_path}: has files that a new project would write: config.yaml, __main__.py." in str(done.exception)
    assert tree(tmp_path) == before
    (tmp_path / "config.yaml").unlink()
    (tmp_path / "__main__.py").unlink()
    assert CliRunner().invoke(app, ["new", str(tmp_path)]).exit_code == 0
    assert set(tree(tmp_path)) == {*new.FILES, "notes.txt"}


def test_what_cannot_be_made(tmp_path: Path) -> None:
    """A file in the folder's place, and a name that the engine would refuse."""
    (tmp_path / "file").touch()
    with pytest.raises(HubstackError, match="file: is there already, and is no folder"):
        new.make(tmp_path / "file")
    with pytest.raises(HubstackError, match=r"--name 'a/b': must be 1 to 100 letters"):
        new.make(tmp_path / "new", "a/b")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("origin", "written"),
    [
        (None, "hubstack==1.2.3"),
        ({"url": "file:///home/me/hubstack", "dir_info": {"editable": True}}, "hubstack==1.2.3"),
        (
            {"url": "https://example.org/hubstack-1.2.3.whl", "archive_info": {}},
            "hubstack @ https://example.org/hubstack-1.2.3.whl",
        ),
        (
            {"url": "https://example.org/hubstack", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
            "hubstack @ git+https://example.org/hubstack@abc",
        ),
    ],
)
def test_others_get_the_same_hubstack(
    monkeypatch: pytest.MonkeyPatch, origin: dict[str, Any] | None, written: str
) -> None:
    """An address that others reach is written down; of one on this machine, the version alone."""

    class Installed:
        version = "1.2.3"

        def read_text(self, name: str) -> str | None:
            return json.dumps(origin) if origin and name == "direct_url.json" else None

    monkeypatch.setattr(new.metadata, "distribution", lambda _: Installed())
    assert new.requirement() == written


def test_a_key_service(tmp_path: Path) -> None:
    """It stands in the stack's file, where every command finds it; what is none is refused, and nothing is written."""
    new.make(tmp_path / "a", provider="awskms://alias/hubs?region=eu-west-1")
    file = tmp_path / "a" / "Pulumi.dev.yaml"
    assert yaml.safe_load(file.read_text())["secretsprovider"] == "awskms://alias/hubs?region=eu-west-1"
    with pytest.raises(HubstackError, match="--secrets-provider: 'kms': must be one of"):
        new.make(tmp_path / "b", provider="kms")
    assert not (tmp_path / "b").exists()
