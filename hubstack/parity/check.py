"""`hubstack parity`: what a careful administrator runs before a hub moves from Helm to mode native."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hubstack import project, secret_settings, toolchain
from hubstack.chart.kube_version import require_supported
from hubstack.chart.release import CHART_REPOSITORY
from hubstack.errors import HubstackError
from hubstack.parity import compare, differences, rendering
from hubstack.secret_forms import SHORTEST, encodings

HIDDEN = "(secret)"
"""What is shown in place of a secret."""
COMMON = 3
"""In how many objects a place must differ in the same way to be shown once for all of them."""


@dataclass(frozen=True)
class Result:
    """How the two sides compare."""

    compared: int
    """Objects that both sides have."""
    only_chart: tuple[str, ...]
    only_native: tuple[str, ...]
    different: dict[str, list[compare.Place]]
    """By object; of a Secret only the places, without what is there."""
    meant: dict[str, str]
    """Meant differences that were met, with their reasons."""

    @property
    def equal(self) -> bool:
        return not (self.only_chart or self.only_native or self.different)

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON types."""
        return {
            "equal": self.equal,
            "compared": self.compared,
            "onlyChart": list(self.only_chart),
            "onlyNative": list(self.only_native),
            "different": {name: [vars(place) for place in places] for name, places in self.different.items()},
            "meantDifferences": self.meant,
        }


def check(wanted: rendering.Input, *, version: str, chart: Path | None, console: Console) -> Result:
    """Render both sides and compare.

    Arguments:
        wanted: values files, namespace, release and Kubernetes version.
        version: chart version to compare with.
        chart: a chart archive or folder to use instead of that version's.
        console: told about downloads.

    Raises:
        SettingsError: native refuses the values.
        HubstackError: Helm refuses the values, or helm or the chart cannot be had.
    """
    require_supported(wanted.kube_version)
    target = rendering.release(wanted)
    secrets = _forms(target.tree)
    try:
        helm = toolchain.ensure(("helm",), progress=console)["helm"]
    except toolchain.ToolchainError as error:
        raise HubstackError(str(error)) from None
    with tempfile.TemporaryDirectory() as folder:
        archive = chart or project.mirrored_chart(version) or _pull(helm, version, Path(folder))
        try:
            rendered = rendering.helm_template(helm, archive, wanted)
        except rendering.HelmRefusal as refusal:
            text = _without(secrets, _helm_error(refusal))
            raise HubstackError(f"Helm refuses these values, native accepts them:\n{text}") from None
    return _compare(rendering.pair(rendered, target), secrets)


def show(result: Result, console: Console) -> None:
    """Print a result for people: what is the same in several objects once, then object by object."""
    for title, names in (("only in the chart", result.only_chart), ("only in native", result.only_native)):
        for name in names:
            console.print(Text.assemble((title, "red"), f": {name}"))
    repeated = Counter(place for places in result.different.values() for place in places)
    common = {place: count for place, count in repeated.items() if count >= COMMON}
    if common:
        console.print(_table("In several objects", common, [f"{count} objects" for count in common.values()]))
    for name, places in result.different.items():
        if own := [place for place in places if place not in common]:
            console.print(_table(name, own))
    if result.meant:
        table = Table("meant difference", "why", title="Met on the way, and meant", title_justify="left")
        for name, reason in result.meant.items():
            table.add_row(name, reason)
        console.print(table)
    if result.equal:
        console.print(Text.assemble(("equal", "green"), f": {result.compared} objects are the same in both"))
        return
    console.print(
        Text.assemble(
            ("not equal", "red"),
            f": {len(result.different)} of {result.compared} objects differ in {repeated.total()} "
            f"places, {len(result.only_chart) + len(result.only_native)} are on one side only",
        )
    )


def _table(title: str, places: Iterable[compare.Place], where: Sequence[str] = ()) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold red")
    for heading in ("place", "chart", "native", *(["where"] if where else [])):
        table.add_column(heading, overflow="fold")
    for index, place in enumerate(places):
        cells = [Text(cell or "-") for cell in (place.path, place.chart, place.ours)]
        table.add_row(*cells, *where[index : index + 1])
    return table


def _pull(helm: Path, version: str, folder: Path) -> Path:
    command = [helm, "pull", "jupyterhub", "--repo", CHART_REPOSITORY, "--version", version, "--destination", folder]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    archive = folder / f"jupyterhub-{version}.tgz"
    if done.returncode or not archive.is_file():
        reason = (done.stderr.strip().splitlines() or ["no archive came"])[-1]
        raise HubstackError(
            f"chart {version} cannot be had from {CHART_REPOSITORY}: {reason}\n"
            "name an archive or a folder with --chart, or put the archive into charts/ of the folder that "
            "HUBSTACK_MIRROR names"
        )
    return archive


def _forms(tree: Mapping[str, Any]) -> list[str]:
    """The secrets of some settings, in each form in which one may stand in an object or a message."""
    texts = {leaf for leaf in secret_settings.secrets_in(tree) if isinstance(leaf, str) and len(leaf) >= SHORTEST}
    lines = {line.strip() for text in texts for line in text.splitlines() if len(line.strip()) >= SHORTEST}
    return sorted({form for text in texts | lines for form in encodings(text)}, key=len, reverse=True)


def _without(secrets: Sequence[str], text: str) -> str:
    for form in secrets:
        text = text.replace(form, HIDDEN)
    return text


def _compare(both: rendering.Pair, secrets: Sequence[str]) -> Result:
    def show(value: Any) -> str:
        written = json.dumps(value, default=str, ensure_ascii=False)
        return HIDDEN if any(form in written for form in secrets) else compare.shown(value)

    different: dict[str, list[compare.Place]] = {}
    for identity in sorted(both.chart.keys() & both.ours.keys()):
        places = list(compare.differences(both.chart[identity], both.ours[identity], show=show))
        if identity[1] == "Secret":
            places = [_hidden(place) for place in places]
        if places:
            different[f"{identity[1]}/{identity[2]}"] = places
    reasons = {difference.name: difference.reason for difference in differences.DIFFERENCES}
    return Result(
        len(both.chart.keys() & both.ours.keys()),
        tuple(f"{kind}/{name}" for _, kind, name in sorted(both.chart.keys() - both.ours.keys())),
        tuple(f"{kind}/{name}" for _, kind, name in sorted(both.ours.keys() - both.chart.keys())),
        different,
        {name: reasons[name] for name in both.meant},
    )


def _hidden(place: compare.Place) -> compare.Place:
    """A place in a Secret, without what is there; labels and annotations are no secret."""
    if place.path.startswith("metadata."):
        return place
    return compare.Place(place.path, place.chart and HIDDEN, place.ours and HIDDEN)


def _helm_error(refusal: rendering.HelmRefusal) -> str:
    lines = [line for line in str(refusal).strip().splitlines() if not re.match(r"coalesce\.go|Use --debug", line)]
    return "\n".join(line.removeprefix("Error: ") for line in lines if line.strip())
