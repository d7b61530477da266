"""Stacks that policies are asked about in tests."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

from hubstack import settings, unread
from hubstack.policy import subject
from hubstack.policy.expressions import Evaluator
from hubstack.policy.judge import Place, Verdict, judge
from hubstack.policy.model import Policies, PolicyFile
from hubstack.policy.subject import Subject

TODAY = datetime.date(2026, 11, 27)


def made(values: dict[str, Any] | None = None, secret: dict[str, Any] | None = None, **config: Any) -> Subject:
    """A stack with some values, of which the secret ones are as a stack's file has them."""
    entries = {"kubeContext": "c", **config, "values": values or {}, "secretValues": unread.opened(secret or {})}
    return subject.of(settings.resolve(settings.parse(entries, set()), Path("/")))


def rules(text: dict[str, Any]) -> Policies:
    """The rules of a document, without the built-in set."""
    found = PolicyFile.model_validate(text)
    return Policies(tuple(found.policies), tuple(found.exemptions), found.production)


def rule(require: str, **keys: Any) -> dict[str, Any]:
    """A rule of a document."""
    return {"name": "a", "require": require, "reason": "Because", "fix": "Mend it", **keys}


def verdict(policies: Policies, about: Subject, evaluator: Evaluator, **labels: str) -> Verdict:
    """What some policies say of a stack on the day of these tests."""
    return judge(policies, about, Place("dev", labels), evaluator, TODAY)
