"""A figure that Prometheus knows, such as the share of failed requests: within bounds, or close to what it was."""

from __future__ import annotations

import json
import math
import os
import re
import ssl
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from hubstack import project, web
from hubstack.fleet.duration import written
from hubstack.fleet.gate_settings import QUERY_PARTS, Prometheus
from hubstack.fleet.gates.target import Shut, Target

LONGEST_TOKEN = 1 << 14
LONGEST_ERROR = 200
"""Characters of what a server says about a failure."""
EARLY_SECONDS = 300
"""How long after an update there may be no figure yet, or one of a start: Prometheus, too, looks back so far."""
_VALUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def prometheus(gate: Prometheus, target: Target) -> str:
    """The figure is where it may be, since the update.

    Raises:
        Shut: it is not, or there is none.
    """
    values = {"stack": target.stack.name, "namespace": target.stack.namespace}
    if wrong := [value for value in values.values() if not _VALUE.fullmatch(value)]:
        raise Shut(f"{wrong[0]!r} has characters that no query may have")
    source = _Source(gate, values)
    began, ended = target.updated or (time.time(), time.time())
    before = source.figure(began, gate.over) if gate.baseline == "before" else None
    if gate.baseline == "before" and before is None and gate.no_data == "shut":
        raise Shut("there is no data from before the update; noData: open lets that pass")
    seconds = min(gate.over, int(time.time() - ended))
    figure = source.figure(None, seconds) if seconds or not gate.over else None
    early = target.asked_again and time.time() - ended < EARLY_SECONDS
    if early and (figure is None or seconds < gate.over):
        known = "nothing" if figure is None else f"{figure:.4g}"
        return f"too early to judge: {known} until now{'' if before is None else f', {before:.4g} before the update'}"
    if figure is None:
        since = f" from the {written(seconds)} since the update" if gate.over else ""
        if gate.no_data == "open":
            return f"there is no data{since}"
        raise Shut(f"there is no data{since}; noData: open lets that pass")
    return _judged(gate, figure, before)


def _judged(gate: Prometheus, figure: float, before: float | None) -> str:
    """What was seen. Raises Shut."""
    value, seen = figure, f"{figure:.4g}"
    if before is not None:
        value = _ratio(figure, before) if gate.compare == "ratio" else figure - before
        change = f"{value:.4g} times" if gate.compare == "ratio" else f"{value:+.4g} against"
        seen = f"{figure:.4g}, {change} the {before:.4g} from before the update"
    elif gate.baseline == "before":
        return f"{seen}; there is no data from before the update to compare it with"
    if gate.max is not None and value > gate.max:
        raise Shut(f"{seen}; allowed: at most {gate.max:g}")
    if gate.min is not None and value < gate.min:
        raise Shut(f"{seen}; allowed: at least {gate.min:g}")
    return seen


def _ratio(figure: float, before: float) -> float:
    if before < 0:
        raise Shut(f"the figure before the update, {before:.4g}, is negative; compare: difference is for such figures")
    if before == 0:
        return 1.0 if figure == 0 else math.copysign(math.inf, figure)
    return figure / before


class _Source:
    """One query to one Prometheus."""

    def __init__(self, gate: Prometheus, values: Mapping[str, str]) -> None:
        self._gate = gate
        self._query = filled(gate.query, values)
        self._url = gate.url.rstrip("/")
        for name, value in values.items():
            self._url = self._url.replace(f"{{{name}}}", quote(value, safe=""))
        token = _token(gate)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._tls = web.Tls(ssl.create_default_context(cafile=_path(gate.ca_file))) if gate.ca_file else None

    def figure(self, moment: float | None, seconds: int) -> float | None:
        """The figure at a moment, now where that is None; over some seconds its average. None where there is no data.

        Raises:
            Shut: Prometheus does not answer, refuses the query, or has several figures.
        """
        query = self._query
        if seconds:
            # Points so dense that even the first minute has some; the line breaks end a comment of the query.
            query = f"avg_over_time((\n{query}\n)[{seconds}s:{min(60, max(1, seconds // 30))}s])"
        options = {"query": query, "timeout": f"{self._gate.timeout}s", **({"time": f"{moment:.3f}"} if moment else {})}
        return _figure(self._asked(options))

    def _asked(self, options: Mapping[str, str]) -> Any:
        shown = web.shown(self._url)
        url = f"{self._url}/api/v1/query?{urlencode(options)}"
        try:
            answer = web.request("GET", url, seconds=self._gate.timeout, headers=self._headers, tls=self._tls)
        except web.NoAnswer as error:
            raise Shut(f"{shown}: no answer: {error}") from None
        try:
            found = json.loads(answer.body)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict) or found.get("status") not in ("success", "error"):
            hint = "; the token lacks the right to it" if answer.status in (401, 403) else ""
            raise Shut(f"{shown}: answers {answer.status}, and not as Prometheus does{hint}")
        if found["status"] == "error" or answer.status != 200:
            raise Shut(f"{shown}: refuses the query: {str(found.get('error'))[:LONGEST_ERROR]}")
        return found.get("data")


def _figure(data: Any) -> float | None:
    """The one figure of an answer (Prometheus: HTTP API, instant queries); None for none, and for one that is none."""
    try:
        kind, result = data["resultType"], data["result"]
        if kind == "vector" and len(result) > 1:
            raise Shut(f"the query gives {len(result)} figures; make one of them, with sum(...), max(...) or the like")
        if kind not in ("vector", "scalar"):
            raise Shut(f"the query gives a {kind}, and not a figure")
        pair = result if kind == "scalar" else result[0]["value"] if result else None
        figure = math.nan if pair is None else float(pair[1])
    except (KeyError, TypeError, ValueError, IndexError):
        raise Shut("the answer is none of Prometheus") from None
    return None if math.isnan(figure) else figure


def filled(query: str, values: Mapping[str, str]) -> str:
    """A query with values in the place of ``{stack}`` and ``{namespace}``, each as its text can have it.

    Arguments:
        query: PromQL; the names stand in quotes, which the settings have checked.
        values: letters, digits, ``.``, ``_`` and ``-``; of these only the dot means something, in a regular expression.
    """

    def fill(part: re.Match[str]) -> str:
        text = part[0]
        if (quoted := part["text"]) is None:
            return text
        dot = r"\." if quoted[0] == "`" else r"\\."
        for name, value in values.items():
            text = text.replace(f"{{{name}}}", value.replace(".", dot) if part["regex"] else value)
        return text

    return QUERY_PARTS.sub(fill, query)


def _token(gate: Prometheus) -> str | None:
    """The token for Prometheus. Raises Shut."""
    if gate.token_env:
        token, where = os.environ.get(gate.token_env) or "", f"environment variable {gate.token_env}"
    elif gate.token_file:
        where = f"tokenFile {gate.token_file}"
        try:
            with open(_path(gate.token_file), encoding="ascii") as file:
                token = file.read(LONGEST_TOKEN + 1)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "holds no token"
            raise Shut(f"{where}: {why}") from None
    else:
        return None
    token = token.strip()
    if not token:
        raise Shut(f"{where}: has nothing; it must hold the token for Prometheus")
    if len(token) > LONGEST_TOKEN or not all(each.isascii() and each.isprintable() and each != " " for each in token):
        raise Shut(f"{where}: holds something else than one token")  # and so it is sent nowhere
    return token


def _path(name: str) -> Path:
    """A file of this machine; a relative path starts from the project's folder."""
    return project.ROOT / Path(name).expanduser()
