"""What needs attention, in the order in which people read it: what blocks, then by whom it concerns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hubstack.review.rule import ADMINISTRATORS, OPERATORS, PEOPLE, SERVERS, START, UNTIL_STOPPED, Finding

BLOCKED = "blocked"
TITLES = {
    BLOCKED: "To be accepted by name, or changed",
    PEOPLE: "People now",
    SERVERS: f"New servers, from their next start; {UNTIL_STOPPED}",
    ADMINISTRATORS: "Administrators",
    OPERATORS: "Operators",
}


@dataclass(frozen=True)
class Section:
    """Findings under one title, each with the stacks that it is about."""

    title: str
    findings: tuple[tuple[Finding, Sequence[str]], ...]


def sections(findings: Mapping[Finding, Sequence[str]]) -> Iterator[Section]:
    """The findings by title; what blocks comes first."""
    for name, title in TITLES.items():
        found = tuple((finding, stacks) for finding, stacks in findings.items() if _section(finding) == name)
        if found:
            yield Section(title, found)


def time(finding: Finding) -> str:
    """When a finding is noticed and for how long, and by whom where its title does not say that."""
    if _section(finding) == BLOCKED:
        return f"{finding.audience}, {finding.when}" + (f", {finding.lasts}" if _lasts(finding) else "")
    if finding.audience == SERVERS and finding.when == START:
        return ""
    return finding.time


def _lasts(finding: Finding) -> bool:
    return bool(finding.lasts) and finding.lasts != UNTIL_STOPPED


def _section(finding: Finding) -> str:
    return BLOCKED if finding.blocks and not finding.accepted else finding.audience
