"""Hooks of MkDocs (``mkdocs.yml``): the repository's own pages become pages of the site, and links fit both."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
PAGES = {"README.md": "index.md", "CHANGELOG.md": "CHANGELOG.md", "CONTRIBUTING.md": "CONTRIBUTING.md"}
"""Pages at the top of the repository, and where the site has them."""

_LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")


def on_config(config: Any) -> Any:
    """Put every decision into the table of contents, where ``mkdocs.yml`` names their folder."""
    decisions = sorted(path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs" / "adr").glob("*.md"))
    for entries in (entries for section in config.nav if isinstance(section, dict) for entries in section.values()):
        for entry in entries:
            entry.update({title: decisions for title, page in entry.items() if page == "adr/"})
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that lie outside of docs/."""
    for source, page in PAGES.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Turn each link as the repository's readers need it into one as the site's do."""
    uri = page.file.src_uri
    folder = ROOT if uri in PAGES.values() else (ROOT / "docs" / uri).parent
    depth = "../" * uri.count("/")

    def fitting(link: re.Match[str]) -> str:
        text, target = link.groups()
        if target.startswith(("#", "https://", "http://")):
            return link[0]
        path, _, anchor = target.partition("#")
        inside = (folder / path).resolve().relative_to(ROOT).as_posix()
        if inside in PAGES:
            found = PAGES[inside]
        elif inside.startswith("docs/") and (ROOT / inside).is_file():
            found = inside.removeprefix("docs/")
        else:
            return text  # source code, a folder: only the repository has them
        return f"[{text}]({depth}{found}{'#' if anchor else ''}{anchor})"

    return _LINK.sub(fitting, markdown)
