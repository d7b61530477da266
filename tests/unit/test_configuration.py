"""A stack's settings by their names, and that every name that is used or written in a message is a setting."""

from __future__ import annotations

import re
from typing import Any, get_args

from hubstack import project
from hubstack.configuration import Configuration, Setting, key, keyed, named
from hubstack.settings import StackConfig

FILE: dict[str, Any] = {"hubstack:mode": "helm", "hubstack:chart": {"version": "4.3.5"}, "aws:region": "eu-west-1"}
OTHER_WORDS = {"index", "refuse-existing", "dns", "cloud", "kwok", "opened", "update", "baseline"}
"""What else begins so: types of resources, a hook, users of the embedded cluster, tags of stacks, a set of policies."""


def test_the_names_are_those_of_the_typed_settings() -> None:
    """The program accepts exactly the settings that the tools know."""
    assert sorted(get_args(Setting)) == sorted(field.alias for field in StackConfig.model_fields.values())


def test_every_setting_in_the_sources_exists() -> None:
    """Messages name settings as people write them; a setting that is renamed must not stay behind in one."""
    known = {*get_args(Setting), *OTHER_WORDS}
    used = {
        (str(file.relative_to(project.CODE)), name)
        for file in (project.CODE / "hubstack").rglob("*.py")
        for name in re.findall(r"hubstack:([a-zA-Z][a-zA-Z-]*)", file.read_text(encoding="utf-8"))
    }
    assert len(used) > 20
    assert {each for each in used if each[1] not in known} == set()


def test_settings_are_read_and_written_in_the_file() -> None:
    """By name, with everything else as it was; what is made without some settings is a map of its own."""
    config = dict(FILE)
    settings = Configuration(config)
    assert (settings.get("mode"), settings["chart"], settings.get("namespace", "jhub")) == (
        "helm",
        {"version": "4.3.5"},
        "jhub",
    )
    assert ("mode" in settings, "values" in settings) == (True, False)
    other = settings.without("chart")
    other["mode"] = "native"
    assert config == FILE
    assert other.by_name() == {"mode": "native"}
    settings["namespace"] = "people"
    settings.remove("chart")
    settings.update({"mode": "native", "takeOver": "jhub"})
    assert config == {
        "hubstack:mode": "native",
        "hubstack:namespace": "people",
        "hubstack:takeOver": "jhub",
        "aws:region": "eu-west-1",
    }


def test_names_and_keys() -> None:
    """One is made of the other, and keys of other programs are nobody's business."""
    assert key("mode") == "hubstack:mode"
    assert keyed({"mode": "helm"}) == {"hubstack:mode": "helm"}
    assert named({**FILE, "hubstack:unknown": 1}) == {"mode": "helm", "chart": {"version": "4.3.5"}, "unknown": 1}
