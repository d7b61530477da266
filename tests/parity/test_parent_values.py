"""Files of a parent chart: what this chart gets of them equals what Helm hands to it as a dependency of that chart.

The dependency here has this chart's name and defaults, and one template, which prints the values that it sees.
"""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from hubstack.chart import helm_yaml
from hubstack.chart.load import load_raw_values
from hubstack.chart.values import ChartValues
from tests import programs

KEY = "base.jupyterhub"
TEMPLATE = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: seen}\ndata: {values: {{ .Values | toJson | quote }} }\n"


@pytest.fixture(scope="module")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pinned Helm."""
    with pytest.MonkeyPatch.context() as patch:
        return Path(programs.find(("helm",), tmp_path_factory.mktemp("cache"), patch)["helm"])


def charts(folder: Path, outer: dict[str, Any], inner: dict[str, Any]) -> list[Path]:
    """Write chart top, with base in it, with jupyterhub in that; gives the values.yaml of the two, the inner first."""
    levels = {"top": outer, "base": inner, "jupyterhub": ChartValues.defaults()}
    needs = {"top": "base", "base": "jupyterhub"}
    written = []
    for name, values in levels.items():
        folder = folder / name if name == "top" else folder / "charts" / name
        folder.mkdir(parents=True)
        about: dict[str, Any] = {"apiVersion": "v2", "name": name, "version": "1.0.0"}
        if name in needs:
            about["dependencies"] = [{"name": needs[name], "version": "1.0.0"}]
        (folder / "Chart.yaml").write_text(json.dumps(about))
        (folder / "values.yaml").write_text(helm_yaml.dump(values))
        written.append(folder / "values.yaml")
    (folder / "templates").mkdir()
    (folder / "templates" / "seen.yaml").write_text(TEMPLATE)
    return [written[1], written[0]]


def seen_by_helm(helm: Path, chart: Path, files: Sequence[Path]) -> Any:
    """The values that the innermost chart sees."""
    command = [str(helm), "template", "hub", str(chart), *(f"--values={file}" for file in files)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(helm_yaml.load(done.stdout.partition("---\n")[2], "helm")["data"]["values"])


def require_equal(helm: Path, folder: Path, outer: Any, inner: Any, *documents: dict[str, Any]) -> None:
    """Compare the two readings of some files over the defaults of both parent charts."""
    defaults = charts(folder, outer, inner)
    files = []
    for number, document in enumerate(documents):
        files.append(folder / f"{number}.yaml")
        files[-1].write_text(helm_yaml.dump(document))
    expected = helm_yaml.canonical(seen_by_helm(helm, folder / "top", files))
    found = load_raw_values([*defaults, *files], values_key=KEY).tree
    # Of a dependency, Helm drops defaults that are null at the top; no template of the chart tells the two apart.
    assert without_nulls(found) == without_nulls(expected), documents


def without_nulls(values: dict[str, Any]) -> dict[str, Any]:
    """Values without what is null at the top."""
    return {key: value for key, value in values.items() if value is not None}


def below(values: Any, **siblings: Any) -> dict[str, Any]:
    """A file of chart top."""
    return {"base": {"jupyterhub": values, "dask": {"enabled": True}}, "nfs": {"enabled": True}, **siblings}


@pytest.mark.parametrize(
    ("inner", "outer", "documents"),
    [
        ({}, {}, [below({"cull": {"every": 5}})]),
        ({"jupyterhub": {"cull": {"every": 1, "users": True}}}, {}, [below({"cull": {"every": 5}})]),
        ({"jupyterhub": {"cull": {"every": 1}}}, below({"cull": {"every": 2}}), [below({"debug": {"enabled": True}})]),
        ({"jupyterhub": {"cull": {"every": 1}}}, {}, [below({"cull": {"every": None}})]),
        ({"jupyterhub": {"singleuser": {"cmd": {"a": 1}}}}, {}, [below({"singleuser": {"cmd": None}})]),
        ({"jupyterhub": {"singleuser": {"cmd": None}}}, {}, [below({}), {"other": {"x": 1}}]),
        ({"global": {"a": 1, "m": {"x": 1}}}, {"global": {"a": 2, "m": {"y": 2}}}, [below({"global": {"m": {}}})]),
        ({}, {}, [below({"global": {"a": 1, "m": 1, "n": {"x": 1}}}, **{"global": {"a": 2, "m": {"y": 2}, "n": 5}})]),
        ({}, {}, [below({}, **{"global": {"safeToShowValues": True}})]),
        ({}, {}, [below({}, **{"global": {"safeToShowValues": None}}), {"global": {"other": None}}]),
        ({}, {}, [{"base": {"dask": {}}}, {"jupyterhub": {"ignored": True}, "base": {"jupyterhub": {"debug": {}}}}]),
    ],
)  # fmt: skip
def test_as_helm(helm: Path, tmp_path: Path, inner: Any, outer: Any, documents: list[Any]) -> None:
    """Files over the parents' defaults, nulls, and what is shared from above."""
    require_equal(helm, tmp_path, outer, inner, *documents)


def test_as_helm_at_random(helm: Path, tmp_path: Path) -> None:
    """Trees with nulls, maps and texts at the same places, in two files."""
    draw = random.Random(18)

    def tree(levels: int, *, nulls: bool) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name in draw.sample("abcd", draw.randint(1, 3)):
            kind = draw.choice(["scalar", "map"]) if levels else "scalar"
            scalars = [1, "text", [1, None], *([None] if nulls else [])]
            found[name] = tree(levels - 1, nulls=nulls) if kind == "map" else draw.choice(scalars)
        return found

    def of_hub() -> dict[str, Any]:
        policy = draw.choice([None, {"enabled": None}, {"egress": None}, {}])
        section = {"networkPolicy": policy, "extra": tree(2, nulls=True)}
        return {"custom": tree(2, nulls=True), "global": tree(2, nulls=False), "hub": section}

    for number in range(8):
        files = [below(of_hub(), **{"global": tree(2, nulls=False)}) for _ in range(2)]
        files[0]["base"]["global"] = tree(2, nulls=False)
        require_equal(helm, tmp_path / str(number), {}, {}, *files)
