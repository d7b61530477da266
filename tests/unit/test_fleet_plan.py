"""Digests and plans: what counts as a change, and what is said about it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from hubstack import project
from hubstack.chart.errors import SettingsError
from hubstack.fleet import deployed, digest, load, plan, rollout, source

REVISION = source.Revision("c" * 40, False)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one stack; its program stands for any."""
    monkeypatch.setenv("HUBSTACK_STATE_DIR", str(tmp_path / "state"))
    folder = tmp_path / "project"
    folder.mkdir()
    for name in ("__main__.py", "Pulumi.yaml"):
        shutil.copy(project.ROOT / name, folder / name)
    (folder / "common.yaml").write_text("cull: {every: 300}\n")
    write(folder)
    (folder / "fleet.yaml").write_text("stacks: {a: {}}\nwaves: [{name: all, select: stack=a}]\n")
    return folder


def write(folder: Path, **config: Any) -> None:
    """Write the stack's file."""
    settings = {"kubeContext": "c", "namespace": "hub", "valuesFiles": ["common.yaml"], **config}
    document = {"config": {f"hubstack:{key}": value for key, value in settings.items()}}
    (folder / "Pulumi.a.yaml").write_text(yaml.safe_dump(document))


def digest_of(folder: Path) -> str:
    """Digest of what the folder wants of its stack."""
    digest.program_version.cache_clear()
    return digest.desired(plan.stack_of("a", folder)).digest


def test_what_does_not_count(root: Path, tmp_path: Path) -> None:
    """Comments, another place of the project, the kubeconfig's path and a setting's place leave the digest alone."""
    before = digest_of(root)
    (root / "common.yaml").write_text("# slower\ncull:\n  every: 300\n")
    assert digest_of(root) == before
    write(root, kubeconfig="/elsewhere/config")
    assert digest_of(root) == before
    write(root, valuesFiles=[], values={"cull": {"every": 300}})
    assert digest_of(root) == before
    shutil.copytree(root, tmp_path / "moved")
    assert digest_of(tmp_path / "moved") == before


@pytest.mark.parametrize(
    "config",
    [
        {"values": {"cull": {"every": 301}}},
        {"mode": "helm"},
        {"namespace": "other"},
        {"kubeContext": "other"},
        {"rotateTokens": {"proxy": "2"}},
        {"secretValues": {"hub": {"config": {"A": {"b": {"secure": "v1:x"}}}}}},
    ],
)
def test_what_counts(root: Path, config: dict[str, Any]) -> None:
    """A value, the mode, the place, a rotation and an encrypted setting each change the digest."""
    before = digest_of(root)
    write(root, **config)
    assert digest_of(root) != before


def test_how_a_hub_is_gone_on_with_does_not_count(root: Path) -> None:
    """What a change of mode writes into the stack's file while it is deployed makes no other digest."""
    before = digest_of(root)
    write(root, takeOver="jhub", keptChecksums={"checksum/a: 1": "2"})
    assert digest_of(root) == before


def test_the_program_counts(root: Path) -> None:
    """Another program is another digest, whatever the settings; a cache file is no part of it."""
    before = digest_of(root)
    (root / "__pycache__").mkdir()
    (root / "__pycache__" / "__main__.pyc").touch()
    assert digest_of(root) == before
    (root / "__main__.py").write_text("# other\n" + (root / "__main__.py").read_text())
    assert digest_of(root) != before


def test_an_encrypted_setting_is_compared_as_it_is_written(root: Path) -> None:
    """Nothing is decrypted: another ciphertext is another digest, the same one the same."""
    write(root, secretValues={"hub": {"config": {"A": {"b": {"secure": "v1:x"}}}}})
    first = digest_of(root)
    write(root, secretValues={"hub": {"config": {"A": {"b": {"secure": "v1:y"}}}}})
    assert digest_of(root) != first


def state(**facts: Any) -> deployed.Deployed:
    """A stack as its backend knows it."""
    return deployed.Deployed(**{"exists": True, "mode": "native", **facts})


def test_actions_and_reasons(root: Path) -> None:
    """A stack is skipped only when our last update of it succeeded with the wanted digest."""
    wanted = digest_of(root)

    def decided(found: deployed.Deployed) -> tuple[str, str]:
        item = plan.decide("a", "all", root, None, found)
        return item.action, item.reason

    assert [
        decided(deployed.Deployed()),
        decided(state()),
        decided(state(digest="0" * 16, finished=True)),
        decided(state(digest=wanted, finished=True)),
        decided(state(digest=wanted)),
        decided(state(digest=wanted, pending=2)),
    ] == [
        ("up", "is not deployed yet"),
        ("up", "was not deployed by a rollout, or changed by other means since"),
        ("up", f"changes from 00000000 to {wanted[:8]}"),
        ("skip", f"unchanged: {wanted[:8]} is deployed"),
        ("up", "the last operation on it did not succeed"),
        ("up", "an update was interrupted (2 operations pending)"),
    ]
    assert decided(state(mode="helm", digest="d0", finished=True)) == (
        "up",
        "switches from mode helm to mode native, in place",
    )


def test_refused_settings_are_part_of_the_plan(root: Path) -> None:
    """Wrong values make a stack refused, with everything that is wrong, and no other stack less planned."""
    write(root, values={"hub": {"db": {"typ": 1}}, "cul": {}})
    fleet = load.load(root)
    assert fleet
    made = plan.make(fleet, root, REVISION, {"PULUMI_BACKEND_URL": f"file://{root}/backend"})
    (item,) = made.items
    assert item.action == "refused"
    assert item.reason.count("unknown key") == 2
    assert plan.Plan.from_dict(json.loads(json.dumps(made.as_dict()))) == made
    with pytest.raises(SettingsError):
        digest_of(root)


def backend(folder: Path, mark: Any, message: str, result: str = "succeeded", pending: int = 0) -> Path:
    """A local backend with one stack."""
    base = folder / "backend" / ".pulumi"
    resources = [{"type": "pulumi:pulumi:Stack", "outputs": {"mode": "native", **({"rollout": mark} if mark else {})}}]
    latest = {"resources": resources, "pending_operations": [{"type": "creating", "resource": {"urn": "a"}}] * pending}
    history = base / "history" / "hubstack" / "a"
    history.mkdir(parents=True)
    (base / "stacks" / "hubstack").mkdir(parents=True)
    (base / "stacks" / "hubstack" / "a.json").write_text(json.dumps({"checkpoint": {"latest": latest}}))
    old = {"kind": "update", "result": "succeeded", "message": "hubstack rollout r0: d0"}
    (history / "a-1000.history.json").write_text(json.dumps(old))
    (history / "a-1001.history.json").write_text(json.dumps({"kind": "update", "result": result, "message": message}))
    return folder / "backend"


MARK = {"digest": "d1", "commit": "c1", "rollout": "r1"}


@pytest.mark.parametrize(
    ("mark", "message", "result", "pending", "finished"),
    [
        (MARK, "hubstack rollout r1: d1", "succeeded", 0, True),
        (MARK, "hubstack rollout r1: d1", "failed", 0, False),
        (MARK, "hubstack rollout r1: d1", "succeeded", 1, False),
        (MARK, "hubstack rollout r0: d0", "succeeded", 0, False),
        (MARK, "by hand", "succeeded", 0, False),
        (None, "hubstack rollout r1: d1", "succeeded", 0, False),
    ],
)
def test_what_a_backend_says(
    tmp_path: Path, mark: Any, message: str, result: str, pending: int, finished: bool
) -> None:
    """Deployed is what the output names, and only if the last operation of all was that very update and succeeded."""
    url = f"file://{backend(tmp_path, mark, message, result, pending)}"
    found = deployed.read("a", {"PULUMI_BACKEND_URL": url}, tmp_path)
    assert (found.digest, found.finished, found.pending) == ("d1" if mark else None, finished, pending)
    assert deployed.read("b", {"PULUMI_BACKEND_URL": url}, tmp_path) == deployed.Deployed()
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    assert deployed.read("a", {"PULUMI_BACKEND_URL": url}, tmp_path) == deployed.Deployed(), "another project's stack"


def test_a_snapshot_is_the_work_tree(tmp_path: Path) -> None:
    """A snapshot has uncommitted files and what settings name although git ignores it, and not what git ignores."""
    from tests.unit.test_review import Repository

    root = tmp_path / "project"
    root.mkdir()
    repository = Repository(root)
    repository.git("init", "--quiet")
    (root / ".gitignore").write_text("private/\ncache/\n")
    repository.stack("a", None, valuesFiles=["private/a.yaml"])
    repository.commit()
    for name in ("private/a.yaml", "cache/x", "new.yaml"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("{}")
    found = source.revision(root)
    assert found.dirty
    assert str(found.name).endswith(source.DIRTY)
    source.snapshot(root, tmp_path / "copy", ["a"])
    files = {str(path.relative_to(tmp_path / "copy")) for path in (tmp_path / "copy").rglob("*") if path.is_file()}
    assert files == {".gitignore", "Pulumi.a.yaml", "new.yaml", "private/a.yaml"}
    source.lay_out(root, str(found.commit), tmp_path / "commit")
    assert {path.name for path in (tmp_path / "commit").iterdir()} == {".gitignore", "Pulumi.a.yaml"}


def test_a_fleet_on_the_embedded_cluster(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its stacks get that cluster's kubeconfig; with one stack elsewhere, the engine needs all its plugins."""
    monkeypatch.setattr(project, "ROOT", root)
    fleet = load.load(root)
    assert fleet
    assert not rollout.is_embedded(fleet, root)
    write(root, kubeContext="hubstack-sim")
    assert rollout.is_embedded(fleet, root)
    before, stack = digest_of(root), plan.stack_of("a", root)
    assert stack.kubeconfig == str(project.state_dir() / "cluster" / "sim" / "kubeconfig")
    write(root, kubeContext="hubstack-sim", kubeconfig="mine")
    assert not rollout.is_embedded(fleet, root)
    assert digest_of(root) == before, "whose kubeconfig it is says nothing about what is deployed"
