"""`hubstack tokens new`, files of tokens, and what is said of tokens that no hub takes or that can be guessed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hubstack import token_file
from hubstack.chart import helm_yaml, token_rules
from hubstack.chart.errors import Problem, SettingsError
from hubstack.chart.load import load_values
from hubstack.chart.tokens import Place
from hubstack.commands import main as cli
from hubstack.errors import HubstackError

GOOD = "0123456789abcdef" * 4


def new(*arguments: str) -> tuple[int, str, str]:
    """Exit code, output and errors of `hubstack tokens new`."""
    result = CliRunner().invoke(cli.app, ["tokens", "new", *arguments])
    return result.exit_code, result.stdout, str(result.exception or result.stderr)


def problems(file: Path, text: str) -> tuple[set[tuple[str, str]], list[Problem]]:
    """Path and beginning of every problem of a file of tokens, and its warnings; no token is in either."""
    file.write_text(text)
    file.chmod(0o600)
    warned: list[Problem] = []
    try:
        token_file.read(file, warned.append)
        found: tuple[Problem, ...] = ()
    except SettingsError as error:
        found = error.problems
    for line in [*found, *warned]:
        assert "sentinel" not in str(line)
    return {(each.path, each.message) for each in found}, warned


def test_new_tokens_are_what_is_read(tmp_path: Path) -> None:
    """A private file with a token for all that the values leave open, each of 64 hexadecimal digits, no two the same,
    and others each time."""
    values, file = tmp_path / "values.yaml", tmp_path / "tokens.yaml"
    values.write_text("hub: {cookieSecret: " + GOOD + ", services: {bot: {}, b: {apiToken: own-token-of-service-b}}}\n")
    assert new("--values", str(values), "--output", str(file))[0] == 0
    assert file.stat().st_mode & 0o777 == 0o600
    warned: list[Problem] = []
    read = token_file.read(file, warned.append)
    assert (set(read.tokens), warned) == ({"proxyAuth", "cryptKeys", "services.bot"}, [])
    assert all(len(bytes.fromhex(token)) == 32 for token in read.tokens.values())
    again = helm_yaml.load(new("--values", str(values), "--output", "-")[1], "")
    drawn = [*read.tokens.values(), again["proxyAuth"], again["cryptKeys"], again["services"]["bot"]]
    assert len(set(drawn)) == 6


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """Neither a file nor what a link leads to; and a folder that is not there is said."""
    file, link = tmp_path / "tokens.yaml", tmp_path / "link"
    file.write_text("mine")
    link.symlink_to(tmp_path / "elsewhere")
    for there in (file, link, tmp_path):
        with pytest.raises(HubstackError, match="exists and is left as it is"):
            token_file.write(there, "tokens")
    assert file.read_text() == "mine"
    assert not (tmp_path / "elsewhere").exists()
    with pytest.raises(HubstackError, match="cannot be written: No such file or directory"):
        token_file.write(tmp_path / "none" / "tokens.yaml", "tokens")


def test_a_new_file_that_git_would_take_in_is_warned_of(tmp_path: Path) -> None:
    """Unless git ignores it; outside of a work tree nothing is said."""
    assert new("--output", str(tmp_path / "outside.yaml"))[2] == ""
    os.system(f"git -C {tmp_path} init --quiet")
    (tmp_path / ".gitignore").write_text("ignored.yaml\n")
    assert "git does not ignore" in new("--output", str(tmp_path / "seen.yaml"))[2]
    assert new("--output", str(tmp_path / "ignored.yaml"))[2] == ""


def test_everything_wrong_with_a_file_is_said_at_once(tmp_path: Path) -> None:
    """Keys that are none, values that are no text, and tokens that no hub takes."""
    file = tmp_path / "tokens.yaml"
    text = "proxyauth: sentinel-1\ncookieSecret: 12345\ncryptKeys: sentinel-2\nservices: {a: s, b: sentinel 3 again}\n"
    found, _ = problems(file, text)
    assert {path for path, _ in found} == {"proxyauth", "cookieSecret", "cryptKeys", "services.a", "services.b"}
    assert ("cookieSecret", "must be text; quote it") in found
    ((path, message),) = problems(file, "cookieSecret: sentinel\n")[0]
    assert (path, message.partition(",")[0]) == ("cookieSecret", "must be an even number of hexadecimal digits")
    assert {message for _, message in problems(file, "[]")[0]} == {
        "must be a map with the keys proxyAuth, cookieSecret, cryptKeys, services"
    }
    assert problems(tmp_path / "tokens.yaml", "services: [a]\n")[0] == {
        ("services", "must be a map from a service's name to its token")
    }


def test_weak_tokens_and_an_open_file_are_warned_of(tmp_path: Path) -> None:
    """What works and yet is no secret: few characters, one token for two, a file that others can read."""
    file = tmp_path / "tokens.yaml"
    found, warned = problems(
        file,
        f"proxyAuth: sentinel\nservices: {{a: sentinel-of-two-services, b: sentinel-of-two-services, c: '{GOOD}'}}\n",
    )
    assert found == set()
    assert [(each.path, each.message) for each in warned] == [
        ("proxyAuth", "has 8 characters and can be guessed; `openssl rand -hex 32` makes a token"),
        ("services.b", "is the same as services.a; each needs a token of its own"),
    ]
    file.chmod(0o640)
    warned = []
    token_file.read(file, warned.append)
    assert warned[0].message == "others on this machine can read these tokens; chmod 600 ends that"


def test_tokens_for_services_that_are_not_there_are_warned_of() -> None:
    """A name that is written wrongly leaves another token missing; the rest are told as well."""
    warned: list[Problem] = []
    given = token_file.TokenFile("tokens.yaml", {"services.bto": GOOD})
    with pytest.raises(SettingsError, match=r"services\.bot \(hub\.services\.bot\.apiToken\)"):
        token_file.complete({"hub": {"services": {"bot": {}}}}, given, "values", warned.append, placeholders=False)
    assert warned == [Problem("tokens.yaml", "services.bto", "the values have no such service")]


def test_weak_tokens_of_values_are_warned_of_with_their_setting(tmp_path: Path) -> None:
    """The chart takes them as they are, so they are no error; what is encrypted is not judged here."""
    file = tmp_path / "values.yaml"
    file.write_text(
        "proxy: {secretToken: abc}\n"
        "hub:\n  cookieSecret: not hex\n  services: {a: {apiToken: abc}, b: {api_token: short}, c: {apiToken: 5}}\n"
        "  config: {CryptKeeper: {keys: [encrypted0123456789abcdef]}}\n"
    )
    file.write_text(file.read_text().replace("c: {apiToken: 5}", "c: {apiToken: encrypted0123456789abcdee}"))
    warned = load_values([file]).warnings
    assert [(each.source, each.path) for each in warned] == [
        (str(file), path)
        for path in (
            "proxy.secretToken",
            "hub.cookieSecret",
            "hub.services.a.apiToken",
            "hub.services.b.api_token",
        )
    ]
    assert "short" not in str(warned[-1])


@pytest.mark.parametrize("key", ["proxyAuth", "cookieSecret", "cryptKeys", "services.bot"])
def test_no_placeholder_passes_as_a_token(key: str) -> None:
    """Each is what the programs of a hub refuse; tests/parity/hub_configuration/test_tokens.py asks those programs."""
    place = Place(key, ("some", "setting"))
    (fault,) = token_rules.faults({place: token_file.placeholder(place)})
    assert fault.certain
