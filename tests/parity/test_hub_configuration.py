"""Our hub files configure JupyterHub exactly as the chart's do: both are executed, with the same Secret and ConfigMap.

What this does not prove: that the hub starts (tests/engine).
"""

from __future__ import annotations

import base64
import contextlib
import json
import subprocess
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings

from chart import render
from chart.errors import SettingsError
from hubstack.parity import compare, rendering
from tests.parity import draws, harness
from tests.parity.hub_configuration import environment

MOUNT = "/usr/local/etc/jupyterhub"
FILES = [*harness.values_files("dev"), *harness.values_files("real")]
PORTS = {"hub": 8081, "proxy-api": 8001, "proxy-public": 80, "proxy-http": 8000}

pytestmark = pytest.mark.skipif(not FILES, reason=f"no values files in {harness.mirror() / 'values'}")


@dataclass
class Case:
    """One hub: what is mounted into its pod."""

    name: str
    secret: Mapping[str, str]
    names: Mapping[str, str]
    """Entries of the ConfigMap that are not files."""
    existing: Mapping[str, str] | None = None
    calls: tuple[tuple[Any, ...], ...] = ()


def case(values: Path, **more: Any) -> Case:
    """The hub that a values file describes, with our Secret and ConfigMap."""
    target = harness.release(values)
    objects = render.objects(target, rendering.generated_tokens(target))
    kinds = {
        each["kind"]: each["data"]
        for each in objects
        if each["kind"] in ("Secret", "ConfigMap") and {"values.yaml", "z2jh.py"} & each["data"].keys()
    }
    secret = {key: base64.b64decode(text).decode(errors="replace") for key, text in kinds["Secret"].items()}
    names = {key: text for key, text in kinds["ConfigMap"].items() if not key.endswith(".py")}
    return Case(values.stem, secret, names, **more)


def ours() -> dict[str, str]:
    """Our two files."""
    folder = Path(render.__file__).parent / "files"
    return {name: (folder / name).read_text() for name in ("jupyterhub_config.py", "z2jh.py")}


def charts() -> dict[str, str]:
    """The packaged chart's two files."""
    with tarfile.open(harness.chart_archive()) as archive:
        return {
            name: archive.extractfile(f"jupyterhub/files/hub/{name}").read().decode()  # type: ignore[union-attr]
            for name in ("jupyterhub_config.py", "z2jh.py")
        }


def outcomes(cases: Iterable[Case], folder: Path) -> list[tuple[str, Any, Any]]:
    """Name, the chart's outcome and ours, of each case."""
    try:
        python = environment.python()
    except environment.Unavailable as error:
        pytest.skip(str(error))
    sides = {"chart": charts(), "ours": ours()}
    cases = list(cases)
    jobs = [
        _job(case, files, folder / f"{index}-{side}")
        for index, case in enumerate(cases)
        for side, files in sides.items()
    ]
    (folder / "jobs.json").write_text(json.dumps(jobs))
    done = subprocess.run(
        [python, environment.RUNNER, folder / "jobs.json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    # Where the two are mounted differs, and may stand in their texts.
    results = [
        json.loads(json.dumps(outcome).replace(job["folder"], MOUNT))
        for job, outcome in zip(jobs, json.loads(done.stdout), strict=True)
    ]
    return [(case.name, results[2 * index], results[2 * index + 1]) for index, case in enumerate(cases)]


def _job(case: Case, files: Mapping[str, str], mount: Path) -> dict[str, Any]:
    """Write what would be mounted, and describe the run; code finds its files below `mount`."""
    parts = {"secret": case.secret, "config": case.names, "existing-secret": case.existing}
    for part, content in parts.items():
        for name, text in (content or {}).items():
            (mount / part).mkdir(parents=True, exist_ok=True)
            (mount / part / name).write_text(text)
    for name, text in files.items():
        (mount / name).write_text(text.replace(MOUNT, str(mount)))
    services = {
        f"{full}_SERVICE_PORT".upper().replace("-", "_"): str(PORTS.get(short, 80))
        for short, full in case.names.items()
    }
    variables = {"PATH": "/usr/bin", "POD_NAMESPACE": "jhub", "CONFIGPROXY_AUTH_TOKEN": "x", **services}
    return {"folder": str(mount), "environment": variables, "calls": case.calls}


def differing(pairs: Iterable[tuple[str, Any, Any]]) -> dict[str, list[str]]:
    """What differs, by case."""
    return {name: list(compare.differences(chart, mine)) for name, chart, mine in pairs if chart != mine}


CORNERS = [
    "hub: {extraConfig: {b: 'c.B.x = c.A.x + 1', a: 'c.A.x = 1'}}",
    "hub: {extraConfig: {a: 'from z2jh import get_config as g\\nc.A.x = g(\"cull.every\")'}}",
    "hub: {extraConfig: {a: 'raise ValueError(1)'}}",
    'hub: {extraConfig: {a: \'c.KubeSpawner.init_containers.append({"name": "x"})\'}}',
    "hub: {extraConfig: {a: 'def hook(spawner): return 1\\nc.KubeSpawner.pre_spawn_hook = hook'}}",
    'hub: {extraConfig: {a: \'c.A.names = sorted([camelCaseify("a_b"), os.path.sep, re.escape(".")])\'}}',
    "hub: {loadRoles: {grader: {scopes: [self], users: [a]}}, services: {grader: {admin: true}}}",
    "custom: {a: {b: [1, 2]}}\nhub: {extraConfig: {a: 'c.A.x = get_config(\"custom.a.b\")'}}",
    "cull: {users: true, adminUsers: false, maxAge: 5, removeNamedServers: true}\nhub: {baseUrl: /x/}",
    "singleuser: {cmd: null, allowPrivilegeEscalation: null}",
    "singleuser: {storage: {type: static, static: {pvcName: p, subPath: 'u/{username}'}}}",
    "singleuser: {storage: {extraVolumes: {a: {name: a}}, extraVolumeMounts: {b: {name: a, mountPath: /a}}}}",
    "scheduling: {userPods: {nodeAffinity: {matchNodePurpose: require}, tolerations: [{key: a}]}}",
    "imagePullSecret: {create: true, registry: r, username: u, password: p}\nsingleuser: {image: {pullSecrets: [x]}}",
]
"""Users' code and rarely used settings."""


def test_same_configuration_for_every_values_file(tmp_path: Path) -> None:
    """Each values file leads to the same traits, environment, services and roles, or to the same failure."""
    pairs = outcomes((case(file) for file in FILES), tmp_path)
    assert differing(pairs) == {}
    loaded = [name for name, chart, _ in pairs if "config" in chart]
    assert len(loaded) > 0.9 * len(pairs), "hardly anything was configured, so the comparison says little"


def test_same_configuration_for_random_values(tmp_path: Path) -> None:
    """Values drawn at random, those that are not refused, lead to the same configuration, or to the same failure."""
    cases: list[Case] = []

    @settings(
        max_examples=120, deadline=None, derandomize=True, phases=[Phase.generate], suppress_health_check=[*HealthCheck]
    )
    @given(draws.values())
    def collect(tree: dict[str, Any]) -> None:
        values = tmp_path / f"{len(cases)}.yaml"
        values.write_text(json.dumps(tree))
        with contextlib.suppress(SettingsError):
            cases.append(case(values))

    collect()
    assert len(cases) > 30
    assert differing(outcomes(cases, tmp_path)) == {}


def test_existing_secret_lies_over_the_hubs(tmp_path: Path) -> None:
    """The users' own Secret overrides settings and tokens, for both sides alike."""
    values = tmp_path / "values.yaml"
    values.write_text(
        "hub: {existingSecret: mine, services: {grader: {url: http://grader}}, config: {A: {b: 1, c: 2}}}\n"
    )
    existing = {
        "values.yaml": yaml.safe_dump(
            {"hub": {"config": {"A": {"b": 3}}, "extraConfig": {"x": "c.A.d = get_config('hub.db.type')"}}}
        ),
        "hub.config.JupyterHub.cookie_secret": "ab" * 32,
        "hub.services.grader.apiToken": "from-the-existing-secret",
        "hub.db.password": "hidden",
    }
    (found,) = outcomes([case(values, existing=existing)], tmp_path)
    assert differing([found]) == {}
    assert found[2]["config"]["A"] == {"b": 3, "c": 2, "d": "sqlite-pvc"}
    assert found[2]["config"]["JupyterHub"]["cookie_secret"] == "ab" * 32


@pytest.mark.parametrize(("kind", "variable"), [("mysql", "MYSQL_PWD"), ("postgres", "PGPASSWORD")])
def test_database_password_by_environment(tmp_path: Path, kind: str, variable: str) -> None:
    """The password reaches the database library by its own variable."""
    values = tmp_path / "values.yaml"
    values.write_text(f"hub: {{db: {{type: {kind}, url: 'db://hub@host/hub', password: sesame}}}}\n")
    (found,) = outcomes([case(values)], tmp_path)
    assert differing([found]) == {}
    assert found[2]["environment"] == {variable: "sesame"}


def test_same_effect_of_snippets_and_corners(tmp_path: Path) -> None:
    """Users' code and rarely used settings work, or fail, alike."""
    cases = []
    for index, text in enumerate(CORNERS):
        values = tmp_path / f"{index}.yaml"
        values.write_text(text)
        cases.append(case(values))
    # A section that configures no class ends the hub; only the users' own Secret can smuggle one in.
    misplaced = {"values.yaml": "hub: {config: {jupyterHub: {x: 1}}}"}
    cases.append(case(tmp_path / "0.yaml", existing=misplaced))
    pairs = outcomes(cases, tmp_path)
    assert differing(pairs) == {}
    assert pairs[-1][2]["exit"] == 1


def test_every_public_function_of_z2jh(tmp_path: Path) -> None:
    """What users import from z2jh is there, and gives the same for paths that lead somewhere and for others."""
    calls = [
        *(
            ("get_config", path)
            for path in ("hub", "hub.db.type", "hub.nothing", "hub.db.type.deeper", "hub.db.url", "")
        ),
        ("get_config", "hub.nothing", "default"),
        ("get_config", "hub.db.url", "default"),
        ("get_config", "singleuser.cmd.0", "default"),
        ("get_name", "hub"),
        ("get_name", "nothing"),
        ("get_name_env", "hub", "_SERVICE_PORT"),
        ("get_name_env", "hub", "_NOTHING"),
        ("get_secret_value", "hub.config.CryptKeeper.keys"),
        ("get_secret_value", "nothing"),
        ("get_secret_value", "nothing", None),
        ("get_secret_value", "nothing", "default"),
    ]
    values = tmp_path / "values.yaml"
    values.write_text("{}")
    (found,) = outcomes([case(values, calls=tuple(calls))], tmp_path)
    for call, chart, mine in zip(calls, found[1]["calls"], found[2]["calls"], strict=True):
        assert mine == chart, call
    public = [line.split("(")[0][4:] for line in charts()["z2jh.py"].splitlines() if line.startswith("def ")]
    text = ours()["z2jh.py"]
    assert [name for name in public if not name.startswith("_") and f"\ndef {name}(" not in text] == []
