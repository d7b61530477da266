"""A cluster made of plain dicts, and stacks to look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hubstack.doctor import run
from hubstack.doctor.finding import Finding
from hubstack.doctor.reader import Access, Object, ReadError
from hubstack.doctor.state import EngineState
from hubstack.doctor.subject import Subject
from hubstack.project.stacks import Stack

NAMESPACE = "jhub"
CORE = f"/api/v1/namespaces/{NAMESPACE}"


class FakeReader:
    """Answers from two maps, and remembers what it was asked."""

    server = "https://fake:6443"

    def __init__(
        self,
        lists: Mapping[str, list[Object]] | None = None,
        objects: Mapping[str, Object] | None = None,
        *,
        allowed: Callable[[Access], bool] = lambda _: True,
        forbidden: tuple[str, ...] = (),
        admission: Callable[[Object], tuple[int, str]] = lambda _: (201, ""),
    ) -> None:
        self._lists = lists or {}
        self._objects = objects or {}
        self._allowed = allowed
        self._forbidden = forbidden
        self.asked: list[Access] = []
        self.admission = admission
        self.tried: list[tuple[str, Object]] = []

    def get(self, path: str) -> Object:
        found = self.find(path)
        if found is None:
            raise ReadError(404, "not found")
        return found

    def find(self, path: str) -> Object | None:
        if path in self._forbidden:
            raise ReadError(403, f"cannot get {path}")
        return self._objects.get(path)

    def items(self, path: str, selector: str = "", *, metadata_only: bool = False) -> list[Object]:
        if path in self._forbidden:
            raise ReadError(403, f"cannot list {path}")
        wanted = dict(pair.split("=") for pair in selector.split(",")) if selector else {}
        return [
            each
            for each in self._lists.get(path, [])
            if wanted.items() <= (each["metadata"].get("labels") or {}).items()
        ]

    def dry_run(self, path: str, body: Object) -> tuple[int, str]:
        self.tried.append((path, body))
        return self.admission(body)

    def allowed(self, access: Access) -> bool:
        self.asked.append(access)
        return self._allowed(access)


def subject(
    values: Mapping[str, Any] | None = None,
    *,
    lists: Mapping[str, list[Object]] | None = None,
    objects: Mapping[str, Object] | None = None,
    reader: FakeReader | None = None,
    engine: EngineState | None = None,
    **config: Any,
) -> Subject:
    """A stack with these values, on a cluster with these objects."""
    settings = {"namespace": NAMESPACE, "kubeContext": "fake", "values": dict(values or {}), **config}
    merged = {f"hubstack:{key}": value for key, value in settings.items()}
    stack = Stack(name="dev", base="dev", config=merged, document={"config": merged})
    gathered = run.gather(stack, engine or EngineState())
    return Subject(
        name="dev",
        settings=gathered.settings,
        objects=gathered.objects,
        named=gathered.named,
        engine=gathered.engine,
        reader=reader or FakeReader(lists, objects),
        version="v1.36.1",
    )


def named(name: str, **metadata: Any) -> Object:
    """An object with nothing but metadata."""
    return {"metadata": {"name": name, **metadata}}


def texts(findings: list[Finding]) -> list[tuple[str, str]]:
    """Severity and text of findings."""
    return [(each.severity.word, each.what) for each in findings]
