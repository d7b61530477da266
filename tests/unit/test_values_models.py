"""The typed values: every setting is described, a removed one is None, and nothing is converted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from hubstack.chart.merge import coalesce
from hubstack.chart.values import ChartValues
from hubstack.chart.values.shared import Section


def read(user: dict[str, Any]) -> ChartValues:
    """The model of some settings over the defaults."""
    return ChartValues.from_tree(coalesce(user, ChartValues.defaults()))


def test_every_setting_is_described() -> None:
    assert [path for path, description in _described(ChartValues) if not description] == []


def test_the_caller_owns_the_defaults() -> None:
    ChartValues.defaults()["hub"]["config"]["JupyterHub"]["admin_access"] = False
    assert ChartValues.defaults()["hub"]["config"]["JupyterHub"]["admin_access"] is True
    assert ChartValues().hub.config["JupyterHub"]["admin_access"] is True


def test_the_default_tree_reads_as_the_defaults() -> None:
    assert read({}) == ChartValues()


@pytest.mark.parametrize(
    "user",
    [
        {"hub": {"concurrentSpawnLimit": None}},
        {"hub": {"resources": None, "labels": None, "extraFiles": None}},
        {"singleuser": {"cmd": None}},
        {"nameOverride": None, "fullnameOverride": None},
    ],
)
def test_a_removed_setting_is_none(user: dict[str, Any]) -> None:
    values = read(user)
    for path in _leaf_paths(user):
        assert _get(values, path) is None


def test_a_removed_section_has_no_settings() -> None:
    storage = read({"singleuser": {"storage": None}}).singleuser.storage
    assert storage.type is None
    assert storage.dynamic.pvc_name_template is None


@pytest.mark.parametrize("text", ["1", 1.5, True])
def test_nothing_is_converted_to_a_whole_number(text: Any) -> None:
    with pytest.raises(ValidationError):
        read({"hub": {"concurrentSpawnLimit": text}})


def test_numbers_keep_their_type() -> None:
    cpu = read({"singleuser": {"cpu": {"limit": 1, "guarantee": 0.5}}}).singleuser.cpu
    assert (type(cpu.limit), type(cpu.guarantee)) == (int, float)


def test_python_names_are_no_settings() -> None:
    with pytest.raises(ValidationError, match="base_url"):
        read({"hub": {"base_url": "/x"}})


def test_what_goes_to_kubernetes_stays_as_it_was_written() -> None:
    files = {"a": {"mountPath": "/a", "stringData": "x", "mode": 420}}
    services = {"s": {"url": "http://s", "display": True}}
    hub = read({"hub": {"extraFiles": files, "services": services, "config": {"KubeSpawner": {"a_b": 1}}}}).hub
    assert hub.extra_files == files
    assert hub.services == services
    assert hub.config["KubeSpawner"] == {"a_b": 1}


def test_the_models_are_frozen() -> None:
    with pytest.raises(ValidationError):
        ChartValues().hub.base_url = "/x"  # type: ignore[misc]


def _described(model: type[Section], prefix: str = "") -> Iterator[tuple[str, str | None]]:
    for name, field in model.model_fields.items():
        path = f"{prefix}{field.alias or name}"
        yield path, field.description
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield from _described(field.annotation, f"{path}.")


def _leaf_paths(tree: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _leaf_paths(value, (*path, key))
        else:
            yield (*path, key)


def _get(values: Section, path: tuple[str, ...]) -> Any:
    found: Any = values
    for key in path:
        fields = {field.alias: name for name, field in type(found).model_fields.items()}
        found = getattr(found, fields[key])
    return found
