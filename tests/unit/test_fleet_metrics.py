"""The metrics gate against a stand-in for Prometheus' HTTP API; `tests/engine/test_prometheus.py` has the real one."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import TypeAdapter, ValidationError

from hubstack.fleet import gates, load
from hubstack.fleet import watch as watching
from hubstack.fleet.gate_settings import AnyGate
from hubstack.fleet.gates.prometheus import filled
from hubstack.fleet.model import Wave
from hubstack.project.stacks import Stack
from tests.unit.web_servers import THERE, answers
from tests.unit.web_servers import serve as serve_raw

STACK = Stack(name="a.b", base="a.b", config={"hubstack:namespace": "hub-a"}, document={})
NOW = time.time()
BEGAN, ENDED = NOW - 4000, NOW - 3600


class StandIn(BaseHTTPRequestHandler):
    """Answers queries as Prometheus does, with what the test has put into `figures`."""

    figures: Callable[[dict[str, str]], Any] = staticmethod(lambda asked: 1.0)
    asked: list[dict[str, str]] = []  # noqa: RUF012
    headers_seen: list[str | None] = []  # noqa: RUF012

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        asked["path"] = urlsplit(self.path).path
        type(self).asked.append(asked)
        type(self).headers_seen.append(self.headers.get("Authorization"))
        found = type(self).figures(asked)
        status, body = found if isinstance(found, tuple) else (200, vector(found))
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def vector(*figures: float | None) -> dict[str, Any]:
    """An answer to an instant query."""
    result = [{"metric": {}, "value": [NOW, str(figure)]} for figure in figures if figure is not None]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}


@pytest.fixture
def prometheus() -> Iterator[str]:
    """URL of the stand-in."""
    StandIn.asked, StandIn.headers_seen = [], []
    server = ThreadingHTTPServer(("127.0.0.1", 0), StandIn)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def gate(url: str, **settings: Any) -> AnyGate:
    """A gate as the fleet file has it."""
    given = {"type": "prometheus", "url": url, "query": "x", "attempts": 1, "timeout": "5s", **settings}
    found: AnyGate = TypeAdapter(AnyGate).validate_python(given)
    return found


def said(url: str, figures: Any, *, asked_again: bool = False, ended: float = ENDED, **settings: Any) -> str:
    """What a gate answers: ``open`` or ``shut``, and why."""
    StandIn.figures = staticmethod(figures if callable(figures) else lambda asked: figures)
    target = gates.Target(STACK, None, (BEGAN, ended), asked_again)
    result = gates.check(gate(url, **settings), target)
    return f"{'open' if result.passed else 'shut'}: {result.reason}"


@pytest.mark.parametrize(
    ("figures", "settings", "wanted"),
    [
        (0.5, {"max": 0.5}, "open: 0.5"),
        (0.51, {"max": 0.5}, "shut: 0.51; allowed: at most 0.5"),
        (3, {"min": 4}, "shut: 3; allowed: at least 4"),
        ("+Inf", {"max": 1e9}, "shut: inf; allowed: at most 1e+09"),
        (None, {"max": 1}, "shut: there is no data; noData: open lets that pass"),
        ("NaN", {"max": 1}, "shut: there is no data; noData: open lets that pass"),
        (None, {"max": 1, "noData": "open"}, "open: there is no data"),
    ],
)
def test_bounds(prometheus: str, figures: Any, settings: dict[str, Any], wanted: str) -> None:
    """Bounds belong to what is allowed; no figure is shut unless the file says otherwise."""
    assert said(prometheus, figures, **settings) == wanted


@pytest.mark.parametrize(
    ("before", "now", "settings", "wanted"),
    [
        (2, 3, {"max": 1.5}, "open: 3, 1.5 times the 2 from before the update"),
        (2, 3.1, {"max": 1.5}, "shut: 3.1, 1.55 times the 2 from before the update; allowed: at most 1.5"),
        (0, 0, {"max": 1.5}, "open: 0, 1 times the 0 from before the update"),
        (0, 0.1, {"max": 1.5}, "shut: 0.1, inf times the 0 from before the update; allowed: at most 1.5"),
        (-1, 1, {"max": 1.5}, "shut: the figure before the update, -1, is negative; compare: difference is for such"),
        (-1, 1, {"max": 2, "compare": "difference"}, "open: 1, +2 against the -1 from before the update"),
        (None, 1, {"max": 2}, "shut: there is no data from before the update; noData: open lets that pass"),
        (None, 1, {"max": 2, "noData": "open"}, "open: 1; there is no data from before the update to compare it with"),
    ],
)
def test_a_baseline(prometheus: str, before: Any, now: float, settings: dict[str, Any], wanted: str) -> None:
    """The figure is set against the one of the moment in which the update began, whenever that is asked."""
    found = said(prometheus, lambda asked: before if "time" in asked else now, baseline="before", **settings)
    assert found.startswith(wanted)
    assert StandIn.asked[0]["time"] == f"{BEGAN:.3f}"


def test_the_average_never_reaches_back_before_the_update(prometheus: str) -> None:
    """`over` is cut at the end of the update for the new figure, and whole for the earlier one."""
    ended = time.time() - 90
    said(prometheus, 1.0, ended=ended, max=1, over="30m", baseline="before", query="rate(x[5m]) # a comment")
    before, now = (asked["query"] for asked in StandIn.asked)
    assert before == "avg_over_time((\nrate(x[5m]) # a comment\n)[1800s:60s])"
    assert now in {f"avg_over_time((\nrate(x[5m]) # a comment\n)[{seconds}s:3s])" for seconds in (90, 91, 92)}


def test_too_early_to_judge(prometheus: str) -> None:
    """While it is asked again later, a start is no failure; at the end it is."""
    early = time.time() - 60
    assert said(prometheus, 9.0, ended=early, asked_again=True, max=1, over="30m").startswith("open: too early")
    assert said(prometheus, None, ended=early, asked_again=True, max=1).startswith("open: too early")
    assert said(prometheus, 9.0, ended=early, asked_again=True, max=1).startswith("shut: 9;")
    assert said(prometheus, 9.0, ended=early, max=1, over="30m").startswith("shut: 9;")
    assert said(prometheus, None, ended=time.time() - 400, asked_again=True, max=1).startswith("shut: there is no data")


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        ((200, vector(1, 2)), "shut: the query gives 2 figures; make one of them, with sum(...), max(...) or the like"),
        ((400, {"status": "error", "error": "parse error: x"}), "refuses the query: parse error: x"),
        ((401, "no"), "answers 401, and not as Prometheus does; the token lacks the right to it"),
        ((200, {"status": "success", "data": {}}), "shut: the answer is none of Prometheus"),
        ((200, {"status": "success", "data": {"resultType": "matrix", "result": []}}), "gives a matrix"),
        ((200, {"status": "success", "data": {"resultType": "scalar", "result": [1, "1"]}}), "open: 1"),
    ],
)
def test_answers(prometheus: str, answer: Any, wanted: str) -> None:
    """What is no figure shuts the gate in words."""
    assert wanted in said(prometheus, answer, max=1)


def test_names_in_url_and_query(prometheus: str) -> None:
    """Stack and namespace stand in the path and in texts of the query; in a regular expression they mean themselves."""
    query = """x{stack=~"{stack}",b=~"{stack}|y",c!~`{stack}.*`,d='{namespace}'} # {other}"""
    said(f"{prometheus}/tenant/{{stack}}/", 1.0, max=1, query=query)
    assert StandIn.asked[0]["path"] == "/tenant/a.b/api/v1/query"
    assert StandIn.asked[0]["query"] == r"""x{stack=~"a\\.b",b=~"a\\.b|y",c!~`a\.b.*`,d='hub-a'} # {other}"""
    assert filled('"\\"{stack}"', {"stack": "s"}) == '"\\"s"'
    target = gates.Target(Stack(name='"} or y{', base="", config={}, document={}), None)
    assert not gates.check(gate(prometheus, max=1), target).passed


def test_a_token(prometheus: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes from a file or the environment, goes to the URL's own server alone, and is never shown."""
    file = tmp_path / "token"
    file.write_text("from-a-file\n")
    monkeypatch.setenv("SOME_TOKEN", "from-the-environment")
    said(prometheus, 1.0, max=1, tokenFile=str(file))
    said(prometheus, 1.0, max=1, tokenEnv="SOME_TOKEN")
    said(prometheus, 1.0, max=1)
    assert StandIn.headers_seen == ["Bearer from-a-file", "Bearer from-the-environment", None]
    file.write_text("apiVersion: v1\nkind: Config\n")
    assert said(prometheus, 1.0, max=1, tokenFile=str(file)).endswith("holds something else than one token")
    assert said(prometheus, 1.0, max=1, tokenEnv="NO_TOKEN").endswith("it must hold the token for Prometheus")
    assert len(StandIn.asked) == 3
    with serve_raw(answers("HTTP/1.1 200 OK\r\n\r\n"), THERE) as other:
        redirect = f"HTTP/1.1 302 Found\r\nLocation: {other.url}/\r\nContent-Length: 0\r\n\r\n"
        with serve_raw(answers(redirect)) as first:
            found = said(first.url, 1.0, max=1, tokenEnv="SOME_TOKEN")
        assert other.came == []
    assert found.startswith("shut: ")
    assert "from-the-environment" not in found


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({}, "needs max or min"),
        ({"max": 1, "min": 2}, "min is more than max"),
        ({"max": 1, "compare": "ratio"}, "which is for baseline: before"),
        ({"max": 1, "tokenEnv": "A", "tokenFile": "b"}, "both tokenFile and tokenEnv"),
        ({"max": 1, "url": "https://user:secret@prom"}, "no user name, password"),
        ({"max": 1, "url": "https://prom/?token=x"}, "no user name, password"),
        ({"max": 1, "url": "https://prom/{cluster}"}, "nothing is known for this"),
        ({"max": 1, "query": "x{a={stack}}"}, "must stand in quotes"),
        ({"max": float("nan")}, "finite number"),
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, Any], wanted: str) -> None:
    """They are refused when the file is read."""
    with pytest.raises(ValidationError, match=wanted):
        gate(settings.pop("url", "https://prom"), **settings)


def test_what_looks_at_the_time_after_needs_some(tmp_path: Path) -> None:
    """A gate about the time after an update is refused in a wave that does not bake."""
    file = tmp_path / "fleet.yaml"
    file.write_text(
        "stacks: {a: {}}\nwaves:\n- name: w\n  select: stack=a\n  gates:\n"
        "  - {type: prometheus, url: https://prom, query: x, max: 1, over: 5m}\n"
    )
    with pytest.raises(Exception, match=r"fleet\.yaml:6: waves\[0\]\.gates\[0\]: .* the wave needs a bakeTime"):
        load.read(file, stack_files=False)


@pytest.mark.parametrize(("allowed", "rounds_of_a"), [(0, 3), (1, 59)])
def test_asked_all_through_the_bake_time(monkeypatch: pytest.MonkeyPatch, allowed: int, rounds_of_a: int) -> None:
    """A figure that gets worse in the middle of the bake ends it there, if the wave does not bear it; one that stays
    good is asked until the end.
    """
    metrics = {"type": "prometheus", "url": "https://prom", "query": "x", "max": 1, "every": "1m"}
    wave = Wave.model_validate({"name": "w", "select": "stack=a", "bakeTime": "1h", "gates": [metrics]})
    clock = [0.0]
    monkeypatch.setattr(watching, "time", SimpleNamespace(time=lambda: clock[0]))
    asked: list[str] = []
    failed: dict[str, str] = {}

    def ask(stack: str, _: AnyGate) -> str | None:
        asked.append(stack)
        return "shut" if stack == "b" and asked.count("b") == 3 else None

    def rest(seconds: float) -> None:
        clock[0] += seconds

    may_go_on = lambda: len(failed) <= allowed  # noqa: E731
    watching.watch(wave, ["a", "b"], 3600.0, ask=ask, rest=rest, may_go_on=may_go_on, failed=failed)
    assert failed == {"b": "during the bake time: shut"}
    assert (asked.count("a"), asked.count("b")) == (rounds_of_a, 3)
