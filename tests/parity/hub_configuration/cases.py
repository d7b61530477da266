"""The hubs whose configuration is compared, and both sides' files executed for them in the hub's own Python."""

from __future__ import annotations

import base64
import functools
import json
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from hubstack.chart import render
from hubstack.chart.release import CHART_NAME, CHART_VERSION
from hubstack.parity import differences, rendering
from tests.parity import harness
from tests.parity.hub_configuration import environment
from tests.parity.recording import Question

MOUNT = "/usr/local/etc/jupyterhub"
PORTS = {"hub": 8081, "proxy-api": 8001, "proxy-public": 80, "proxy-http": 8000}


@dataclass(frozen=True)
class Case:
    """One hub: what is mounted into its pod."""

    name: str
    secret: Mapping[str, str]
    names: Mapping[str, str]
    """Entries of the ConfigMap that are not files."""
    existing: Mapping[str, str] | None = None
    calls: tuple[tuple[Any, ...], ...] = ()
    starts: tuple[dict[str, str], ...] = ()
    """What users choose, for each pod that KubeSpawner is to make."""


def case(question: Question, name: str = "values", **more: Any) -> Case:
    """The hub that some values describe, with our Secret and ConfigMap.

    Raises:
        SettingsError: the values are wrong.
    """
    target = harness.release(question)
    objects = render.objects(target, rendering.generated_tokens(target))
    kinds = {
        each["kind"]: each["data"]
        for each in objects
        if each["kind"] in ("Secret", "ConfigMap") and {"values.yaml", "z2jh.py"} & each["data"].keys()
    }
    secret = {key: base64.b64decode(text).decode(errors="replace") for key, text in kinds["Secret"].items()}
    names = {key: text for key, text in kinds["ConfigMap"].items() if not key.endswith(".py")}
    return Case(name, secret, names, **more)


def of_values_files() -> list[Case]:
    """One hub for each values file of the chart's branches and of real hubs."""
    files = harness.sampled(harness.values_files("dev", "real"), 8)
    return [case(harness.question(file), file.stem) for file in files]


EXISTING_SECRET = {
    "values.yaml": yaml.safe_dump(
        {"hub": {"config": {"A": {"b": 3}}, "extraConfig": {"x": "c.A.d = get_config('hub.db.type')"}}}
    ),
    "hub.config.JupyterHub.cookie_secret": "ab" * 32,
    "hub.services.grader.apiToken": "from-the-existing-secret",
    "hub.db.password": "hidden",
}
"""A Secret of the users' own."""


def with_existing_secret() -> list[Case]:
    """A hub whose settings and tokens the users' own Secret overrides."""
    values = "hub: {existingSecret: mine, services: {grader: {url: http://grader}}, config: {A: {b: 1, c: 2}}}\n"
    return [case(Question((values,)), existing=EXISTING_SECRET)]


def with_database(kind: str) -> list[Case]:
    """A hub with a database server and a password."""
    return [case(Question((f"hub: {{db: {{type: {kind}, url: 'db://hub@host/hub', password: sesame}}}}\n",)))]


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


def of_corners() -> list[Case]:
    """One hub for each corner, and one whose own Secret smuggles a section in that configures no class."""
    cases = [case(Question((text,)), f"{index}-{index}") for index, text in enumerate(CORNERS)]
    misplaced = {"values.yaml": "hub: {config: {jupyterHub: {x: 1}}}"}
    return [*cases, case(Question((CORNERS[0],)), f"{len(CORNERS)}-0", existing=misplaced)]


CALLS = [
    *(("get_config", path) for path in ("hub", "hub.db.type", "hub.nothing", "hub.db.type.deeper", "hub.db.url", "")),
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
"""What users call of z2jh, with paths that lead somewhere and with others."""


def with_calls() -> list[Case]:
    """A hub with the chart's defaults that is asked for everything."""
    return [case(Question(("{}",)), calls=tuple(CALLS))]


FUNCTIONS = ["get_config", "get_name", "get_name_env", "get_secret_value", "set_config_if_not_none"]
"""What users can import from the chart's z2jh."""

RECORDED: dict[str, Callable[[], list[Case]]] = {
    "test_same_configuration_for_every_values_file": of_values_files,
    "test_existing_secret_lies_over_the_hubs": with_existing_secret,
    "test_database_password_by_environment[mysql-MYSQL_PWD]": functools.partial(with_database, "mysql"),
    "test_database_password_by_environment[postgres-PGPASSWORD]": functools.partial(with_database, "postgres"),
    "test_same_effect_of_snippets_and_corners": of_corners,
    "test_every_public_function_of_z2jh": with_calls,
}
"""Cases of each test whose outcomes a recording has, by the test's name."""


def our_files() -> dict[str, str]:
    """Our two files."""
    folder = Path(render.__file__).parent / "files"
    return {name: (folder / name).read_text() for name in differences.HUB_FILES}


def charts_files() -> dict[str, str]:
    """The packaged chart's two files.

    Raises:
        Missing: the comparison is not with a chart at hand.
    """
    with tarfile.open(harness.chart().archive(CHART_VERSION)) as archive:
        return {
            name: archive.extractfile(f"{CHART_NAME}/files/hub/{name}").read().decode()  # type: ignore[union-attr]
            for name in differences.HUB_FILES
        }


def by_test(files: Mapping[str, str], tests: Iterable[str] = RECORDED) -> dict[str, dict[str, Any]]:
    """What some configuration files lead to in the recorded tests, by test and by case; the hub's Python starts once.

    Raises:
        Unavailable: the hub's packages cannot be installed here.
    """
    hubs = {test: RECORDED[test]() for test in tests}
    found = iter(outcomes([hub for each in hubs.values() for hub in each], files))
    return {test: {hub.name: next(found) for hub in each} for test, each in hubs.items()}


def outcomes(cases: Sequence[Case], files: Mapping[str, str]) -> list[Any]:
    """What some configuration files lead to, in the cases' order.

    Raises:
        Unavailable: the hub's packages cannot be installed here.
    """
    python = environment.python()
    with tempfile.TemporaryDirectory() as folder:
        jobs = [_job(case, files, Path(folder) / str(index)) for index, case in enumerate(cases)]
        description = Path(folder) / "jobs.json"
        description.write_text(json.dumps(jobs))
        done = subprocess.run([python, environment.RUNNER, description], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    # Where the files are mounted differs, and may stand in their texts.
    return [
        json.loads(json.dumps(outcome).replace(job["folder"], MOUNT))
        for job, outcome in zip(jobs, json.loads(done.stdout), strict=True)
    ]


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
    return {"folder": str(mount), "environment": variables, "calls": case.calls, "starts": case.starts}
