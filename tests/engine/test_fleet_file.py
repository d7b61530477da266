"""What the fleet file says about revisions, freezes and the stacks themselves, on the real engine."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from tests.engine.conftest import Machine
from tests.engine.fleet_copy import FleetCopy

STACKS = {"plain": {"tier": "prod"}, "exam": {"tier": "exam"}}
PROD = {"name": "prod", "select": "tier=prod"}
EXAM = {"name": "exam", "select": "tier=exam", "revision": "tested"}


@pytest.fixture(scope="module")
def fleet(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> FleetCopy:
    """Two stacks; the program has changed since the tag ``tested``, and knows one setting and one output more."""
    folder = tmp_path_factory.mktemp("fleet-file")
    copy = FleetCopy.make(folder / "project", folder / "state")
    copy.values("common.yaml", hub={"concurrentSpawnLimit": 10})
    for name in STACKS:
        copy.stack(name, machine.cluster.context, machine.cluster.kubeconfig, ["common.yaml"])
    copy.fleet(STACKS, [PROD, EXAM])
    copy.commit()
    copy.git("tag", "tested")
    settings = copy.root / "hubstack" / "settings.py"
    setting = "    pools_file: str | None = Field("
    settings.write_text(settings.read_text().replace(setting, f"    colour: str | None = None\n{setting}", 1))
    program = copy.root / "hubstack" / "components" / "program.py"
    output = '        pulumi.export("url", jupyterhub.url)'
    program.write_text(program.read_text().replace(output, f'        pulumi.export("edition", "new")\n{output}', 1))
    copy.values("common.yaml", hub={"concurrentSpawnLimit": 20})
    copy.commit()
    return copy


def outputs(fleet: FleetCopy, stack: str) -> dict[str, Any]:
    """The stack's outputs as the backend has them."""
    resources = json.loads(fleet.checkpoint(stack).read_text())["checkpoint"]["latest"]["resources"]
    return next(each["outputs"] for each in resources if each["type"] == "pulumi:pulumi:Stack")


def hub_values(machine: Machine, namespace: str) -> str:
    """The values that the stack's hub starts with."""
    return secret(machine, namespace, "values.yaml")


def secret(machine: Machine, namespace: str, key: str) -> str:
    """One entry of the hub's Secret."""
    found = machine.cluster.client().find(f"/api/v1/namespaces/{namespace}/secrets/hub")
    assert found is not None
    return base64.b64decode(found["data"][key]).decode()


def edit(fleet: FleetCopy, stack: str, **settings: Any) -> None:
    """Set settings in a stack's file; None takes one away."""
    file = fleet.root / f"Pulumi.{stack}.yaml"
    document = yaml.safe_load(file.read_text())
    for name, value in settings.items():
        document["config"].pop(f"hubstack:{name}", None)
        document["config"] |= {} if value is None else {f"hubstack:{name}": value}
    file.write_text(yaml.safe_dump(document))


def test_a_stack_stays_on_its_program_while_its_values_change(machine: Machine, fleet: FleetCopy) -> None:
    """The exam hub has the values of today and the program of the tag, and everything that tells about it says so."""
    head, tested = fleet.git("rev-parse", "HEAD"), fleet.git("rev-parse", "tested")
    code, output = fleet.run("up")
    assert code == 0, output
    assert ["edition" in outputs(fleet, stack) for stack in STACKS] == [True, False]
    assert ["concurrent_spawn_limit: 20" in _flat(hub_values(machine, stack)) for stack in STACKS] == [True, True]
    mark = outputs(fleet, "exam")["rollout"]
    assert (mark["commit"], mark["program"], mark["revision"]) == (head, tested, "tested")
    assert "program" not in outputs(fleet, "plain")["rollout"]
    shown = f"tested ({tested[:8]})"
    status = {each["stack"]: each["program"] for each in fleet.facts("status")["stacks"]}
    assert status == {"plain": None, "exam": shown}
    report = (fleet.state / "rollouts" / fleet.facts("status")["rollout"] / "report.md").read_text()
    assert f"program of {shown}" in report
    code, output = fleet.run("plan")
    assert (code, shown in output) == (0, True), output


def _flat(text: str) -> str:
    return text.replace("concurrentSpawnLimit", "concurrent_spawn_limit")


def test_a_setting_that_the_program_does_not_know(fleet: FleetCopy) -> None:
    """An older program refuses a newer setting when the rollout is planned; the stack's state is not touched."""
    before = fleet.checkpoint("exam").read_bytes()
    edit(fleet, "exam", colour="blue")
    edit(fleet, "plain", colour="blue")
    items = {item["stack"]: item for item in fleet.facts("plan")["items"]}
    assert [items[stack]["action"] for stack in STACKS] == ["up", "refused"]
    assert items["exam"]["reason"].startswith("the program of tested: ")
    assert "hubstack:colour: unknown key" in items["exam"]["reason"]
    code, output = fleet.run("up", "--stack", "exam")
    assert code == 3, output
    assert fleet.checkpoint("exam").read_bytes() == before
    fleet.git("checkout", "--", ".")


def test_a_revision_that_is_not_there(fleet: FleetCopy) -> None:
    """A name that git does not know refuses its stacks and nothing else."""
    fleet.fleet(STACKS, [PROD, {**EXAM, "revision": "v9.9"}])
    items = {item["stack"]: item for item in fleet.facts("plan")["items"]}
    assert [items[stack]["action"] for stack in STACKS] == ["skip", "refused"]
    assert "revision 'v9.9'" in items["exam"]["reason"]
    fleet.git("checkout", "--", ".")


def test_a_freeze_and_what_goes_on_in_spite_of_it(fleet: FleetCopy) -> None:
    """In a freeze nothing of its wave is started; whoever goes on says why, and the rollout keeps it."""
    today = datetime.now(UTC).date()
    freeze = {"from": str(today), "to": str(today + timedelta(days=1)), "reason": "exam week"}
    fleet.fleet(STACKS, [PROD, {**EXAM, "freeze": [freeze]}])
    fleet.values("common.yaml", hub={"concurrentSpawnLimit": 30})
    fleet.commit()
    code, output = fleet.run("plan")
    assert (code, "wave exam is frozen until" in output) == (2, True), output
    code, output = fleet.run("up")
    assert fleet.facts("status")["state"] == "paused", output
    assert fleet.states() == {"plain": "succeeded", "exam": "waiting"}
    assert "exam week" in output
    assert fleet.run("resume", "--during-freeze", " ")[0] == 1
    code, output = fleet.run("resume", "--during-freeze", "hub is down")
    assert code == 0, output
    assert fleet.states() == {"plain": "succeeded", "exam": "succeeded"}
    assert fleet.facts("status")["overrides"] == ["hub is down"]


def test_a_rollback_says_that_it_makes_third_tokens(machine: Machine, fleet: FleetCopy) -> None:
    """A token that was rotated is neither restored nor kept by the way back, which says so before."""
    fleet.fleet(STACKS, [PROD, EXAM])
    fleet.commit()
    key = "hub.config.ConfigurableHTTPProxy.auth_token"
    seen = [secret(machine, "plain", key)]
    edit(fleet, "plain", rotateTokens={"proxy": "1"})
    fleet.commit()
    (item,) = fleet.facts("plan", "--stack", "plain")["items"]
    assert item["new_tokens"] == ["proxy"]
    assert fleet.run("up", "--stack", "plain")[0] == 0
    seen.append(secret(machine, "plain", key))
    (item,) = fleet.facts("rollback", "--plan")["items"]
    assert item["reason"].endswith("makes new tokens: proxy, neither those of now nor those of before")
    code, output = fleet.run("rollback")
    assert code == 0, output
    assert "neither those of now" not in fleet.facts("plan", "--stack", "plain")["items"][0]["reason"]
    seen.append(secret(machine, "plain", key))
    assert len(set(seen)) == 3
    fleet.git("reset", "--quiet", "--hard", "HEAD~1")


def test_a_stack_that_leaves_the_fleet_file(machine: Machine, fleet: FleetCopy) -> None:
    """It is named until it is destroyed, by the plan, by a rollout and by its status."""
    fleet.fleet({"exam": STACKS["exam"]}, [EXAM])
    fleet.commit()
    assert [each["stack"] for each in fleet.facts("plan")["left"]] == ["plain"]
    code, output = fleet.run("plan")
    assert (code, "stack plain has left fleet.yaml and is still deployed" in output) == (0, True), output
    code, output = fleet.run("up")
    assert (code, "stack plain has left" in output) == (0, True), output
    assert [each["stack"] for each in fleet.facts("status")["left"]] == ["plain"]
    with fleet.command("destroy", "--stack", "plain", "--delete-data") as destroying:
        output, _ = destroying.communicate()
    assert destroying.returncode == 0, output
    assert (fleet.facts("plan")["left"], fleet.facts("status")["left"]) == ([], [])


def test_forecasts_count_updates_alone(fleet: FleetCopy) -> None:
    """The first creates are longer than updates, and no sample of a forecast of updates."""
    found = fleet.facts("simulate")
    created = fleet.facts("simulate", "--kind", "create")
    assert min(found["stack_seconds"], created["stack_seconds"]) > 0
    code, output = fleet.run("simulate", "--kind", "recovery")
    assert (code, "measured: create (2), update" in output) == (1, True), output
