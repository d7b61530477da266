"""Code and names that the hub would trip over are told before an update."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from hubstack.chart.errors import SettingsError
from hubstack.chart.load import load_values
from hubstack.chart.snippets import faults

SENTINEL = "sentinel-5e1f"


def hub(**settings: Any) -> dict[str, Any]:
    return {"hub": settings}


def told(settings: dict[str, Any], **more: Any) -> list[str]:
    """The warnings."""
    return [str(each) for each in load_values([], settings, **more).warnings]


def refused(settings: dict[str, Any], **more: Any) -> list[str]:
    """The problems."""
    with pytest.raises(SettingsError) as error:
        load_values([], settings, to_be_deployed=True, **more)
    return [str(each) for each in error.value.problems]


def test_a_syntax_error_is_told_with_key_and_line(tmp_path: Path) -> None:
    """Every snippet that does not compile is a problem with its file, its key and its line; the others are none."""
    file = tmp_path / "values.yaml"
    file.write_text(
        "hub:\n  extraConfig:\n    10-good: c.A.b = 1\n    20-bad: |\n      c.A.b = 1\n      c.A.c = (\n"
        "    30-worse: |\n      return 5\n    40-escape: 'c.A.b = \"\\d\"'\n"
    )
    with pytest.raises(SettingsError) as error:
        load_values([file], to_be_deployed=True)
    assert [str(each) for each in error.value.problems] == [
        f"{file}: hub.extraConfig.20-bad: line 2: '(' was never closed; the hub would not start",
        f"{file}: hub.extraConfig.30-worse: line 1: 'return' outside function; the hub would not start",
    ]


def test_syntax_errors_come_together_with_other_problems() -> None:
    """One run tells everything: wrong settings and wrong code."""
    found = refused(hub(extraConfig={"a": "c.A.b ="}, db={"typ": 1}))
    assert [each.split(": ")[1] for each in found] == ["hub.db.typ", "hub.extraConfig.a"]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (5, "must be Python code as text, not the number 5; write it as a block, after '|'"),
        (["c.A.b = 1"], "must be Python code as text, not a list; write it as a block, after '|'"),
        ("x = 1\0", "the hub would not start"),
        ("(" * 5000, "the hub would not start"),
        ("  c.A.b = 1", "line 1: unexpected indent; the hub would not start"),
    ],
)
def test_code_that_is_none(code: Any, message: str) -> None:
    """What is not Python code at all is told as plainly, and nothing crashes."""
    (found,) = faults(hub(extraConfig={"a": code}), lambda _: False)
    assert message in found.message
    assert found.certain


def test_secret_code_is_never_shown() -> None:
    """Of code from the secret values, the line's number is all that is told."""
    secret = hub(extraConfig={"a": f"x = 1\n{SENTINEL}! = 2"})
    (found,) = refused({}, secret=secret)
    assert found == "hubstack:secretValues: hub.extraConfig.a: line 2: not valid Python; the hub would not start"


def test_newer_syntax_is_no_error_on_an_older_python() -> None:
    """What may be right in the hub's newer Python is a warning here, as far as this Python does not know it."""
    code = {
        "f-string": "x = f'{\"a\" + f'{1}'} {'",
        "type": "type Name = (",
        "plain": "x = (",
    }
    for version, certain in (((3, 11), {"f-string": False, "type": False}), ((3, 14), {})):
        found = {each.path[-1]: each.certain for each in faults(hub(extraConfig=code), lambda _: False, version)}
        assert found == {**dict.fromkeys(code, True), **certain}


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="needs python: this one knows the syntax of 3.12")
def test_a_warning_does_not_stop() -> None:
    """Code of a newer Python is deployed, and the doubt is told."""
    (found,) = load_values([], hub(extraConfig={"a": "type A = int"}), to_be_deployed=True).warnings
    assert found.path == "hub.extraConfig.a"


def test_what_only_renders_is_not_stopped() -> None:
    """Where the question is what Helm would say, code that does not compile is a warning, as Helm takes it."""
    (found,) = told(hub(extraConfig={"a": "x ="}))
    assert "hub.extraConfig.a: line 1: invalid syntax" in found


IGNORED = "so JupyterHub ignores this"
GITHUB = "GitHubOAuthenticator"


def chosen(name: str) -> dict[str, Any]:
    return {"JupyterHub": {"authenticator_class": name}}


@pytest.mark.parametrize(
    ("settings", "place", "message"),
    [
        (
            chosen("githb"),
            "JupyterHub.authenticator_class",
            "'githb' is no authenticator that the hub has; it would not start; did you mean 'github'?",
        ),
        (
            chosen(GITHUB),
            "JupyterHub.authenticator_class",
            f"'{GITHUB}' is no authenticator that the hub has; it would not start; did you mean 'github'?",
        ),
        (
            chosen("dummyauthenticator.DummyAuthenticator"),
            "JupyterHub.authenticator_class",
            "the hub has no module 'dummyauthenticator' for 'dummyauthenticator.DummyAuthenticator'; "
            "it would not start",
        ),
        (
            chosen("oauthenticator.github.GithubOAuthenticator"),
            "JupyterHub.authenticator_class",
            "'oauthenticator.github.GithubOAuthenticator': the hub's oauthenticator has no such class; "
            f"it would not start; did you mean '{GITHUB}'?",
        ),
        (
            {"GithubOAuthenticator": {"client_id": "x"}},
            "GithubOAuthenticator",
            f"the hub has no class of this name, {IGNORED}; did you mean '{GITHUB}'?",
        ),
        (
            {GITHUB: {"allowed_organisations": ["x"]}},
            f"{GITHUB}.allowed_organisations",
            f"{GITHUB} has no such trait, {IGNORED}; did you mean 'allowed_organizations'?",
        ),
        ({"KubeSpawner": {"x": 1}}, "KubeSpawner.x", f"KubeSpawner has no such trait, {IGNORED}"),
    ],
)
def test_unknown_names_are_doubted(settings: dict[str, Any], place: str, message: str) -> None:
    """A name that the hub does not have is told once, with the name that was meant."""
    assert told(hub(config=settings)) == [f"hubstack:values: hub.config.{place}: {message}"]


@pytest.mark.parametrize(
    "settings",
    [
        {"config": {"JupyterHub": {"authenticator_class": "GitHub"}, "GitHubOAuthenticator": {"allow_all": True}}},
        {
            "config": {
                "JupyterHub": {"authenticator_class": "oauthenticator.generic.GenericOAuthenticator"},
                "OAuthenticator": {"allow_all": True},
            }
        },
        # Traits of a derived class may stand in the section of its base.
        {"config": {"Authenticator": {"client_id": "x", "password": "y"}, "Spawner": {"pvc_name_template": "x"}}},
        {"config": {"JupyterHub": {"log_level": 10, "tornado_settings": {}}}},
        # An image of one's own, or files in it, may have any class.
        {"image": {"name": "example.org/my-hub", "tag": "1"}, "config": {"MyAuthenticator": {"x": 1}}},
        {"image": {"tag": "4.3.5"}, "config": {"MyAuthenticator": {"x": 1}}},
        {
                "extraVolumes": [{"name": "x", "emptyDir": {}}],
                "extraVolumeMounts": [{"name": "x", "mountPath": "/x"}],
                "config": {"MyAuthenticator": {"x": 1}},
            },
        # One's own code may define what is configured.
        {"extraConfig": {"a": "class Mine(Authenticator): x = Bool(config=True)"}, "config": {"Mine": {"x": 1}}},
        {"extraConfig": {"a": "c.JupyterHub.authenticator_class = Mine"}, "config": {"Authenticator": {"mine": 1}}},
        {"extraConfig": {"a": "print(c.KubeSpawner.mine)"}, "config": {"KubeSpawner": {"mine": 1}}},
    ],
)  # fmt: skip
def test_what_cannot_be_known_is_not_doubted(settings: dict[str, Any]) -> None:
    """Right names, and names that may be right, are not mentioned."""
    assert told(hub(**settings)) == []


def test_the_mirrored_image_has_the_same_classes() -> None:
    """The chart's image from another registry is the chart's image."""
    image = {"name": "mirror.example.org/jupyterhub/k8s-hub", "tag": "4.4.0"}
    assert len(told(hub(image=image, config={"Nothing": {"x": 1}}))) == 1


def test_a_secret_authenticator_is_never_shown() -> None:
    """Names come from the keys; a value of the secret values stays out of every message."""
    secret = hub(
        config={"JupyterHub": {"authenticator_class": SENTINEL}, "GitHubOAuthenticator": {"client_secrt": "x"}}
    )
    found = told({}, secret=secret)
    assert SENTINEL not in "".join(found)
