"""The documents: their links lead somewhere, and decisions are numbered one by one."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from urllib.parse import unquote

import pytest

from hubstack import project

DECISIONS = project.ROOT / "docs" / "adr"
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"(`+)[^`].*?\1", re.DOTALL)
# [text](target "title"), [label]: target, href="target" and src="target".
LINK = re.compile(r"""\]\(\s*<?([^)\s>]+)|^\[[^\]]+\]:\s*(\S+)|(?:href|src)=["']([^"']+)""", re.MULTILINE)
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
ANCHOR = re.compile(r"""<[a-z]+\s[^>]*\b(?:id|name)=["']([^"']+)""")
# What code and settings say of a document: docs/fleet.md, docs/adr/0002.
MENTION = re.compile(r"(?<![\w/.-])docs/[\w./-]*\w")


def tracked(*patterns: str) -> list[Path]:
    """Files of the repository, the new ones too."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=project.ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\0")
    return sorted(path for name in listed if name and (path := project.ROOT / name).exists())


def anchors(text: str) -> set[str]:
    """The fragments that GitHub makes of a document's headings, and those that it spells out itself.

    A heading in lower case without punctuation, with hyphens for blanks; a repeated one gets a number.
    """
    found = set(ANCHOR.findall(text))
    for heading in HEADING.findall(FENCE.sub("", text)):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        repeated = 0
        while (name := f"{slug}-{repeated}" if repeated else slug) in found:
            repeated += 1
        found.add(name)
    return found


def broken_links(document: Path) -> list[str]:
    """Relative links of a Markdown file that lead to no file, or to no heading of one."""
    text = CODE.sub("", FENCE.sub("", document.read_text()))
    broken = []
    for groups in LINK.findall(text):
        target = "".join(groups)
        if re.match(r"[a-z][a-z0-9+.-]*:|//", target, re.IGNORECASE):
            continue
        name, _, fragment = unquote(target).partition("#")
        file = document.parent / name if name else document
        if not file.exists() or (fragment and fragment not in anchors(file.read_text())):
            broken.append(target)
    return broken


@pytest.mark.parametrize("document", [str(path.relative_to(project.ROOT)) for path in tracked("*.md")])
def test_relative_links_resolve(document: str) -> None:
    """Every relative link leads to a file of the repository, and every fragment to a heading in it."""
    assert broken_links(project.ROOT / document) == []


def test_broken_links_are_seen(tmp_path: Path) -> None:
    """The search for broken links finds each kind, and takes neither code nor addresses for links."""
    (tmp_path / "other.md").write_text("# A `title`, twice\n# A title twice\n```\n# not one\n```\n")
    document = tmp_path / "document.md"
    document.write_text(
        "[ok](other.md#a-title-twice-1) [a](#here) [b](https://example.org/none.md) `[c](none.md)`\n"
        "# Here\n[d](none.md) [e](other.md#not-one) [f](#there)\n[g]: gone.md\n<img src='gone.svg'>\n"
        "```\n[h](fenced.md)\n```\n"
    )
    assert broken_links(document) == ["none.md", "other.md#not-one", "#there", "gone.md", "gone.svg"]


def test_documents_that_files_mention_exist() -> None:
    """Comments, messages and settings name documents by a path from the root; a decision also by its number alone."""
    missing = {
        f"{path.relative_to(project.ROOT)}: {mention}"
        for path in tracked("*.py", "*.yaml", "*.yml", "*.toml", "Makefile", ".ci/run")
        for mention in MENTION.findall(path.read_text())
        if not (project.ROOT / mention).exists() and len(list(DECISIONS.glob(f"{Path(mention).name}-*.md"))) != 1
    }
    assert missing == set()


def test_make_has_what_documents_name() -> None:
    """Every ``make`` target of a document is there, and ``make help`` lists every target that is not a file."""
    makefile = (project.ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[0].split())
    named = {
        target
        for path in tracked("*.md")
        for target in re.findall(r"(?:`|^\$ )make ([a-z0-9-]+)", path.read_text(), re.MULTILINE)
    }
    helped = subprocess.run(["make", "help"], cwd=project.ROOT, check=True, capture_output=True, text=True).stdout
    assert named <= targets
    assert set(re.findall(r"^  make (\S+)", helped, re.MULTILINE)) == targets


def test_decisions_are_numbered_without_gaps() -> None:
    """docs/adr holds 0001, 0002 and so on, each number once, and each title begins with its file's number."""
    numbers = [int(path.name.partition("-")[0]) for path in sorted(DECISIONS.glob("*.md"))]
    titles = [int(path.read_text().partition(".")[0].removeprefix("# ")) for path in sorted(DECISIONS.glob("*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))
    assert titles == numbers
