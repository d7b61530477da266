"""The workflows: valid, safe with whatever people write into labels and branches, and right about exit codes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from hubstack import project
from hubstack.fleet import export, load
from hubstack.project import actions, new
from hubstack.review.markdown import MARKER
from tests import needs

FOLDER = project.ROOT / ".github" / "workflows"
ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.7"


def steps(name: str) -> dict[str, dict[str, Any]]:
    """The named steps of a workflow's only job."""
    document = yaml.safe_load((FOLDER / name).read_text())
    (job,) = document["jobs"].values()
    return {step["name"]: step for step in job["steps"] if "name" in step}


def run(script: str, folder: Path, hubstack: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a step's script as the runner does, with a stand-in for the command that notes its arguments."""
    command = folder / ".venv" / "bin" / "hubstack"
    command.parent.mkdir(parents=True, exist_ok=True)
    command.write_text(f'#!/bin/bash\nprintf "%s\\0" "$@" >> "{folder}/arguments"\n{hubstack}\n')
    command.chmod(0o755)
    files = {name: str(folder / name.lower()) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_ENV")}
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=folder,
        env={"PATH": os.environ["PATH"], **files, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def arguments(folder: Path) -> list[str]:
    """What the stand-in was called with."""
    return (folder / "arguments").read_text().split("\0")


NASTY = [
    "bug",
    'accept:x"; touch pwned; "',
    "accept:$(touch pwned)",
    "`touch pwned`",
    "'; touch pwned #",
    "a\nb",
    "--x",
]
WRITES = 'while [ $# -gt 1 ]; do [ "$1" = --output ] && echo written > "$2"; shift; done; exit '


def test_labels_reach_the_command_and_no_shell(tmp_path: Path) -> None:
    """Labels and revision come as one argument each, whatever they contain, and nothing in them is run."""
    done = run(steps("review.yml")["review"]["run"], tmp_path, WRITES + "2", LABELS=json.dumps(NASTY), BASE="$(id)")
    assert done.returncode == 0, done.stderr
    assert arguments(tmp_path)[:11] == [
        "review",
        "--base",
        "$(id)",
        "--labels",
        json.dumps(NASTY),
        "--dry-run",
        "embedded",
        "--format",
        "markdown",
        "--output",
        "review/comment.md",
    ]
    assert not (tmp_path / "pwned").exists()
    assert (tmp_path / "github_output").read_text() == "code=2\n"


def test_a_review_that_fails_is_posted_as_such(tmp_path: Path) -> None:
    """Where the command writes nothing, there is a comment that says so, found again by its marker."""
    done = run(steps("review.yml")["review"]["run"], tmp_path, "exit 1", LABELS="[]", BASE="x")
    assert done.returncode == 0
    assert (tmp_path / "review" / "comment.md").read_text().startswith(MARKER)
    assert (tmp_path / "github_output").read_text() == "code=1\n"


@pytest.mark.parametrize(("code", "passes"), [(0, True), (2, True), (3, False), (1, False), ("", False)])
def test_the_verdict(tmp_path: Path, code: object, passes: bool) -> None:
    """A change passes, a blocked one and one that cannot be shown do not."""
    assert (run(steps("review.yml")["verdict"]["run"], tmp_path, "", CODE=str(code)).returncode == 0) == passes


@pytest.mark.parametrize(("code", "passes"), [(0, True), (2, True), (1, False)])
def test_the_plan(tmp_path: Path, code: int, passes: bool) -> None:
    """A plan with something to do is no failure."""
    done = run(steps("deploy.yml")["plan"]["run"], tmp_path, f"exit {code}")
    assert (done.returncode == 0) == passes
    assert arguments(tmp_path)[:2] == ["rollout", "plan"]


@pytest.mark.parametrize(("code", "passes"), [(0, True), (5, True), (4, False), (3, False), (1, False)])
def test_the_rollout(tmp_path: Path, code: int, passes: bool) -> None:
    """A paused rollout is a warning; an approval is one argument, and none where nobody gave it."""
    script = steps("deploy.yml")["roll out"]["run"]
    done = run(script, tmp_path, f"exit {code}", COMMAND="up", APPROVE="")
    assert (done.returncode == 0) == passes
    assert arguments(tmp_path) == ["rollout", "up", "--max-time", "5h30m", ""]
    (tmp_path / "arguments").unlink()
    run(script, tmp_path, "exit 0", COMMAND="resume", APPROVE="prod $(touch pwned)")
    approved = ["--approve", "prod $(touch pwned)"]
    assert arguments(tmp_path) == ["rollout", "resume", "--max-time", "5h30m", *approved, ""]
    assert not (tmp_path / "pwned").exists()
    (tmp_path / "arguments").unlink()
    run(script, tmp_path, "exit 0", COMMAND="abort", APPROVE="")
    assert arguments(tmp_path) == ["rollout", "abort", ""]


def exported() -> str:
    """The workflow that `hubstack rollout export` writes for the example of a fleet."""
    fleet = load.read(project.ROOT / "docs" / "examples" / "fleet" / "fleet.yaml", stack_files=False)
    return export.text(fleet, "github-matrix", export.Operator("", "", "", ""))


def written() -> dict[str, str]:
    """Every workflow that we run, that a new project gets, or that we write for a fleet."""
    words = {"setup": project.SETUP_INSTALLED, "sources": '"__main__.py"'}
    own = {name: (FOLDER / name).read_text() for name in sorted(each.name for each in FOLDER.iterdir())}
    ours = {f"new/{file}": new.filled(file, words) for file in new.FILES if file.startswith(".github/workflows/")}
    return {**own, **ours, "exported": exported()}


WRITTEN = written()


def jobs(text: str) -> dict[str, dict[str, Any]]:
    """The jobs of a workflow."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(text)["jobs"]
    return found


def expressions(text: Any) -> list[str]:
    """Every expression in a part of a workflow."""
    return re.findall(r"\$\{\{.*?\}\}", json.dumps(text))


@pytest.mark.parametrize("name", WRITTEN)
def test_no_expression_in_scripts(name: str) -> None:
    """What others write never becomes the text of a script; no workflow runs a stranger's code with our rights."""
    text = WRITTEN[name]
    for job in jobs(text).values():
        assert [step["run"] for step in job["steps"] if expressions(step.get("run", ""))] == []
    assert "pull_request_target" not in text


@pytest.mark.parametrize("name", WRITTEN)
def test_secrets_reach_only_the_steps_that_need_them(name: str) -> None:
    """Secrets are in the environment of single steps that run our command, never of a job, an action or the
    installation; and in no workflow that pull requests start.
    """
    document = yaml.safe_load(WRITTEN[name])
    outside = {key: value for key, value in document.items() if key != "jobs"}
    places = set()
    for job in document["jobs"].values():
        outside[job.get("name", "")] = {key: value for key, value in job.items() if key != "steps"}
        for step in job["steps"]:
            outside[""] = {key: value for key, value in step.items() if key not in ("env", "with")}
            if any("secrets" in each for each in expressions(step.get("env"))):
                places.add(step["name"])
            assert not any("secrets" in each for each in expressions(step.get("with")))
            if step.get("run") in ("make setup", project.SETUP_INSTALLED):
                assert "env" not in step
    assert not any("secrets" in each for each in expressions(outside))
    deploys = {
        "deploy.yml": {"kubeconfig", "plan", "roll out"},
        "drift.yml": {"kubeconfig", "look"},
        "exported": {"deploy", "ask the gates"},
    }
    assert places == deploys.get(name.rpartition("/")[2], set())


@pytest.mark.parametrize("name", WRITTEN)
def test_least_rights(name: str) -> None:
    """The token of each job may do what the job does; of what nobody has named it may do nothing."""
    document = yaml.safe_load(WRITTEN[name])
    assert document["permissions"] in ({}, {"contents": "read"})
    granted = [job.get("permissions", {}) for job in document["jobs"].values()]
    writes = {(key, value) for each in granted for key, value in each.items() if value != "read"}
    # A job that logs in to a cloud has a token of its own made, which opens nothing of the repository.
    logs_in = {("id-token", "write")} if name == "exported" else set()
    assert writes == ({("pull-requests", "write")} if name.endswith("review-comment.yml") else logs_in)
    for job in document["jobs"].values():
        for step in job["steps"]:
            if str(step.get("uses")).startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("name", WRITTEN)
def test_actions_are_pinned_by_commit(name: str) -> None:
    """Every action is one at a commit, with its tag behind it; the commits are those of one list."""
    lines = [line.strip() for line in WRITTEN[name].splitlines() if re.match(r"\s*(- )?uses:", line)]
    known = {f"uses: {each.uses} # {each.tag}" for each in actions.ALL}
    assert {line.removeprefix("- ") for line in lines} <= known
    assert all(re.fullmatch(r"[a-z-]+/[a-z-]+@[0-9a-f]{40}", each.uses) for each in actions.ALL)
    assert len(lines) == sum("uses" in step for job in jobs(WRITTEN[name]).values() for step in job["steps"])


@pytest.mark.parametrize("name", WRITTEN)
def test_actionlint_finds_nothing(name: str) -> None:
    """The workflows are valid by the checker that knows GitHub's rules."""
    command = [actionlint(), "-stdin-filename", name.rpartition("/")[2], "-"]
    done = subprocess.run(command, input=WRITTEN[name], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0)


def actionlint() -> str:
    """The checker on PATH, or made by Go once; skips where neither can be."""
    if found := shutil.which("actionlint"):
        return found
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hubstack" / ACTIONLINT.replace("/", "_")
    if not (cache / "actionlint").is_file():
        go = shutil.which("go")
        if go is None:
            needs.skip("index", "neither actionlint nor Go to make it with is on PATH")
        environment = {**os.environ, "GOBIN": str(cache), "GOFLAGS": ""}
        try:
            made = subprocess.run([go, "install", ACTIONLINT], env=environment, capture_output=True, timeout=300)
        except subprocess.TimeoutExpired:
            needs.skip("index", f"go install {ACTIONLINT} takes too long")
        if made.returncode:
            needs.skip("index", f"go install {ACTIONLINT} fails: no network?")
    return str(cache / "actionlint")
