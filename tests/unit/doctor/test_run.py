"""How checks become a report and an exit code."""

from __future__ import annotations

import io
import json
import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from hubstack.commands import doctor as cli
from hubstack.doctor import run, state
from hubstack.doctor.finding import Report, Severity, error, note, some, warning
from hubstack.doctor.reader import Connection, ReadError, connect
from hubstack.doctor.subject import Check
from hubstack.errors import HubstackError
from hubstack.project.stacks import Stack
from hubstack.unread import Unread
from tests.unit.doctor.fake import CORE, FakeReader, subject

NOTE, WARNING, ERROR = note("a", "b", "c"), warning("[x]", "b", "c"), error("a", "b", "c")


@pytest.mark.parametrize(
    ("findings", "code"), [([], 0), ([NOTE], 0), ([NOTE, WARNING], 2), ([WARNING, ERROR, NOTE], 3)]
)
def test_the_worst_finding_decides_the_exit_code(findings: list, code: int) -> None:
    """As documented: 0 nothing or notes, 2 warnings, 3 errors."""
    report = Report("dev", "context", "jhub", {"x": "ok"}, findings, 0.12)
    assert report.exit_code == report.as_dict()["exitCode"] == code


def test_the_report_is_plain_data() -> None:
    """JSON has every finding with what, why and fix."""
    report = Report("dev", "context", "jhub", {"x": "error"}, [replace(ERROR, check="x")], 0.12)
    finding = {"severity": "error", "what": "a", "why": "b", "fix": "c", "check": "x"}
    assert report.as_dict() == {
        "stack": "dev",
        "context": "context",
        "namespace": "jhub",
        "checks": {"x": "error"},
        "findings": [finding],
        "exitCode": 3,
        "seconds": 0.1,
    }


def test_people_see_every_finding_in_full() -> None:
    """Text in brackets is no markup."""
    report = Report("dev", "context", "jhub", {"x": "warning", "y": "skipped"}, [replace(WARNING, check="x")], 0.1)
    shown = io.StringIO()
    cli.show(report, {"x": "x is well", "y": "y is well"}, Console(file=shown, width=100))
    assert "warning (x): [x]\n  why: b\n  fix: c" in shown.getvalue()
    assert "1 warning, 1 check skipped" in shown.getvalue()


def test_a_check_without_what_it_needs_is_skipped() -> None:
    """Neither a cluster that is away nor a chart that is not modelled makes false findings."""
    away = replace(subject(), reader=None, unreachable="no answer")
    results = {each.name: run.run(each, away) for each in run.CHECKS if each.cluster}
    assert set(results.values()) == {None}
    (cluster,) = run.run(run.chosen(["cluster"])[0], away) or []
    assert cluster.severity is Severity.ERROR
    unmodelled = subject(mode="helm", chart={"version": "3.3.8"})
    assert {each.name for each in run.CHECKS if run.run(each, unmodelled) is None} == {
        each.name for each in run.CHECKS if each.objects
    }


def test_what_one_may_not_see_is_a_note() -> None:
    """A list that is forbidden is no fault of the stack; a server that stops answering is a warning."""
    (homes,) = run.chosen(["homes"])
    forbidden = subject(reader=FakeReader(forbidden=(f"{CORE}/persistentvolumeclaims",)))
    (found,) = run.run(homes, forbidden) or []
    assert (found.check, found.severity) == ("homes", Severity.NOTE)

    def broken(_: object) -> list:
        raise ReadError(503, "starting")

    (found,) = run.run(Check("x", broken, "it works"), forbidden) or []
    assert found.severity is Severity.WARNING


def test_a_check_that_fails_hides_nothing() -> None:
    """It is a finding that names the place and quotes nothing of what was read."""

    def stumble(_: object) -> list:
        raise TypeError("a secret")

    (found,) = run.run(Check("x", stumble, "it works"), subject()) or []
    assert found.severity is Severity.WARNING
    assert "TypeError in test_run.py, line " in found.what
    assert "a secret" not in str(found)


def test_every_check_has_a_name_of_its_own() -> None:
    """`--only` finds each, in the order of the report, and refuses others."""
    names = [each.name for each in run.CHECKS]
    assert len(set(names)) == len(names)
    assert [each.name for each in run.chosen(["quota", "cluster"])] == ["cluster", "quota"]
    with pytest.raises(HubstackError, match="--only weather: there is no such check; there are cluster, "):
        run.chosen(["weather"])


def test_secrets_that_cannot_be_decrypted_stay_hidden() -> None:
    """An encrypted leaf becomes a text that says so; with the engine's word it is what it is."""
    config = {"hubstack:namespace": "a", "hubstack:secretValues": {"b": {"secure": "v1:x"}, "c": [1]}, "other:x": "y"}
    stack = Stack(name="dev", base="dev", config=config, document={})
    assert state.entries(stack, None) == {"namespace": "a", "secretValues": {"b": Unread.of("v1:x"), "c": [1]}}
    decrypted = {"hubstack:secretValues": '{"b": "open"}'}
    assert state.entries(stack, decrypted) == {"namespace": "a", "secretValues": '{"b": "open"}'}


def test_long_lists_are_cut() -> None:
    """The first five names, and how many more."""
    assert some(list("abcdefg")) == "a, b, c, d, e and 2 more"
    assert some(["a"]) == "a"


def kubeconfig(folder: Path, server: str, user: dict) -> str:
    """A kubeconfig with the one context ``x``."""
    entry = {"cluster": {"server": server}, "context": {"cluster": "x", "user": "x"}, "user": user}
    lists = {f"{kind}s": [{"name": "x", kind: content}] for kind, content in entry.items()}
    file = folder / "kubeconfig"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", **lists}))
    return str(file)


def test_a_cluster_that_never_answers_does_not_hold_the_doctor(tmp_path: Path) -> None:
    """Neither a server that accepts and is silent nor a program that never gives the credentials."""
    sleeper = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "sleep", "args": ["30"]}}
    sleeper["exec"]["interactiveMode"] = "Never"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = f"https://127.0.0.1:{silent.getsockname()[1]}"
        given_up = (
            "context 'x', user 'x': the program sleep, which the kubeconfig names for fetching credentials, gave none "
            "within 0.5 s and was stopped, and said nothing; it may wait for somebody to log in, or for the network: "
            "run it by hand"
        )
        for user, expected in (
            ({}, Connection(unreachable="no answer within 0.5 seconds")),
            (sleeper, Connection(no_credentials=given_up)),
        ):
            started = time.monotonic()
            assert connect(kubeconfig(tmp_path, server, user), "x", 0.5) == expected
            assert time.monotonic() - started < 5


def test_a_context_that_does_not_exist_is_said(tmp_path: Path) -> None:
    """With the context's name, or the file's where there is none."""
    found = connect(kubeconfig(tmp_path, "https://127.0.0.1:1", {}), "elsewhere")
    assert found.reader is None
    assert "elsewhere" in found.unreachable
    assert str(tmp_path / "none") in connect(str(tmp_path / "none"), "x").unreachable
    found = connect(kubeconfig(tmp_path, "https://127.0.0.1:1", {}), "x")
    assert found.unreachable.startswith("its API server https://127.0.0.1:1 cannot be reached: ")
