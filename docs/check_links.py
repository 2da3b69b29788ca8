"""Hold every link of the built site against what is there: ``python docs/check_links.py build/docs``.

Pages, pictures and anchors of the site itself; nothing is asked of any network.
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """What a page links to, and the anchors that it has."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = {"", "top"}
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the addresses and the anchors of a tag."""
        for name, value in attrs:
            if name in ("href", "src") and value and tag != "use":
                self.links.append(value)
            if name in ("id", "name") and value:
                self.anchors.add(value)


def broken(home: Path) -> list[str]:
    """Give a line for each link of the pages below ``home`` that leads nowhere."""
    pages = {path.resolve(): Page(path) for path in sorted(home.rglob("*.html"))}
    if not pages:
        return [f"{home}: no pages"]
    found = []
    for path, page in pages.items():
        for link in dict.fromkeys(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchor = unquote(parts.fragment)
            missing = not target.exists() or (target in pages and anchor not in pages[target].anchors)
            if missing:
                found.append(f"{path.relative_to(home.resolve())}: {link}")
    return found


if __name__ == "__main__":
    lines = broken(Path(sys.argv[1]))
    print("\n".join(lines) or "every link leads somewhere")
    sys.exit(bool(lines))
