"""The defaults and the settings of the typed values are the chart's."""

from __future__ import annotations

import base64
import tarfile
from collections.abc import Iterator
from typing import Any

from hubstack.chart import helm_yaml
from hubstack.chart.release import CHART_NAME, CHART_VERSION
from hubstack.chart.values import ChartValues
from hubstack.chart.values.shared import Section
from hubstack.parity import helm_documents
from tests.parity import harness
from tests.parity.recording import Question


def chart_file(name: str) -> Any:
    """A file of the packaged chart, read as YAML."""
    with tarfile.open(harness.chart().archive(CHART_VERSION)) as packed:
        member = packed.extractfile(f"{CHART_NAME}/{name}")
        assert member is not None
        return helm_yaml.load(member.read().decode(), name)


def test_the_defaults_equal_the_charts() -> None:
    """Key by key, as the hub is told them, which is without the nulls at the top."""
    rendered = helm_documents.read(harness.helm_template(Question(("{}\n",))))
    (secret,) = [each for each in rendered if each["kind"] == "Secret" and "values.yaml" in each["data"]]
    told = helm_yaml.load(base64.b64decode(secret["data"]["values.yaml"]).decode(), "values.yaml")
    expected = {key: value for key, value in ChartValues.defaults().items() if value is not None}
    assert {key: value for key, value in told.items() if key not in ("Chart", "Release")} == expected


def test_the_defaults_equal_those_in_the_charts_file() -> None:
    """Also the nulls at the top."""
    assert ChartValues.defaults() == chart_file("values.yaml")


def test_the_models_know_the_settings_of_the_charts_schema() -> None:
    """The same settings; what the schema leaves open and its defaults fill, the probes, the models know as well."""
    schema = chart_file("values.schema.json")
    known = {path for path in _paths(ChartValues) if "Probe." not in path}
    free = ("hub.services.", "hub.config.")
    assert {path for path in _schema_paths(schema) if not path.startswith(free)} == known


def _paths(model: type[Section], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        path = f"{prefix}{field.alias or name}"
        yield path
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield from _paths(field.annotation, f"{path}.")


def _schema_paths(schema: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for part in (schema, schema.get("then", {})):
        for key, member in part.get("properties", {}).items():
            yield f"{prefix}{key}"
            yield from _schema_paths(member, f"{prefix}{key}.")
