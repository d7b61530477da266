"""Expressions within limits: what a hostile one can take, and what one can find out about a secret."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hubstack.policy import expressions
from hubstack.policy.expressions import BEYOND, SECRET, Evaluator, Facts


@pytest.fixture(scope="module")
def evaluator() -> Iterator[Evaluator]:
    with Evaluator() as made:
        yield made


def outcome(evaluator: Evaluator, text: str, settings: object, *places: list[str | int]) -> bool | str:
    """What one expression says of some settings, with secrets in some places."""
    return evaluator.outcomes(Facts({"settings": settings}, {"settings": places}), [], [(text, None)])[0]


def test_hostile_expressions(evaluator: Evaluator) -> None:
    """One that doubles a text, one of endless loops and one that is too deep end alone; the next one is answered."""
    doubled = "['0123456789abcdef']"
    asked = [
        (f"{doubled}{'.map(x, x + x)' * 26}[0].contains('y')", None),
        ("settings.many.all(x, settings.many.all(y, settings.many.all(z, true)))", None),
        ("settings.on", None),
    ]
    found = evaluator.outcomes(Facts({"settings": {"many": list(range(1000)), "on": True}}), [], asked)
    assert found == [BEYOND, BEYOND, True]
    assert "recursion" in evaluator.mistakes([f"{'(' * 5000}true{')' * 5000}"])[0][0].message


def test_all_together_have_limits_too(evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the expressions of one stack have used up their time, the rest is not evaluated; the next stack's are."""
    monkeypatch.setattr(expressions, "_MOST_SECONDS", 0.0)
    asked: list[tuple[str, int | None]] = [("settings.many.all(x, x >= 0)", None)] * 3
    facts = Facts({"settings": {"many": list(range(5000))}})
    for _ in range(2):
        found = evaluator.outcomes(facts, [], asked)
        assert found == [True, *["was not evaluated: others have used up the time for all"] * 2]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("has(settings.password)", True),
        ("'password' in settings && !has(settings.passwort)", True),
        ("settings.user == 'ada'", True),
        ("settings.password != 'dummy'", SECRET),
        ("!has(settings.password) || settings.password != 'dummy'", SECRET),
        ("!has(settings.password) || !settings.password.matches('^a')", SECRET),
        ("!has(settings.password) || !settings.password.startsWith('x')", SECRET),
        ("!has(settings.password) || size(settings.password) > 3", SECRET),
        ("settings.exists(k, settings[k] == 17)", SECRET),
        ("settings.all(k, type(settings[k]) == string)", SECRET),
        ("!(settings.password in ['a', 'b'])", SECRET),
        ("settings != {'user': 'ada', 'password': 'b'}", SECRET),
        ("settings.missing == 1", "there is no 'missing'; has(...) asks whether there is"),
        ("settings.user", "its result is of type STRING"),
    ],
)
def test_a_secret_is_there_and_unknown(evaluator: Evaluator, text: str, said: bool | str) -> None:
    """An expression may ask whether a secret is set; one whose answer depends on its value has no answer."""
    assert outcome(evaluator, text, {"user": "ada", "password": "hubstack-0"}, ["password"]) == said


def test_nothing_is_imported_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules of the current folder, which a stranger's change may have brought, do not run."""
    for name in ("json", "cel_expr_python", "signal"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    monkeypatch.chdir(tmp_path)
    with Evaluator() as own:
        assert outcome(own, "settings == 1", 1) is True
    assert not (tmp_path / "ran").exists()
