"""Pages that nobody writes: cards of methods, the API's lists, and the measured tables, each from where it is kept."""

from __future__ import annotations

import importlib
import inspect
import posixpath
import re
from pathlib import Path
from typing import Any

from numpydoc.docscrape import NumpyDocString
from sphinx.application import Sphinx

import synfer
from synfer.discover import METHODS
from synfer.discover.cards import CARDS, COSTS

ROOMS = (
    "recording", "connectome", "network", "trajectories", "simulate", "simulate.observe", "forecast", "discover",
    "discover.significance", "evaluate", "trust", "benchmark", "report", "plot", "datasets", "io", "ops", "errors",
)  # fmt: skip
"""In the order of a reader, where synfer has them."""
EXPLAINED = (
    "discover.stationarity", "discover.state_space", "discover.direction", "discover.group_lasso",
    "discover.spike_evidence",
)  # fmt: skip
"""Modules that are not called by users, and whose text docstrings refer to."""
ROOT = Path(__file__).resolve().parents[2]
TABLES = ROOT / "bench" / "results"
REPOSITORY = {"README.md": "index.md", "docs/": "", "bench/results/": "generated/results/",
              "CONTRIBUTING.md": "generated/contributing.md", "CHANGELOG.md": "generated/changelog.md"}  # fmt: skip
"""Where the site has what a link in the repository points to."""


def _write(path: Path, text: str) -> None:
    """Leave a file that would not change as it is: Sphinx goes by its date."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def _bullets(sentences: tuple[str, ...]) -> str:
    return "\n".join(f"- {sentence}" for sentence in sentences)


def card(name: str) -> str:
    """Give one method's page, as Markdown."""
    made, told = METHODS[name], CARDS[name]
    doc = NumpyDocString(inspect.cleandoc(made.__doc__ or ""))
    summary = " ".join(doc["Summary"])
    sources = "\n".join(doc["References"]).strip() or "It is synfer's own: say its version (`synfer info`)."
    return (
        f"# `{name}`\n\n{summary}\n\n"
        f"Takes\n: {told.takes}\n\n"
        f"Gives\n: A score for each pair{', signed weights' * told.signs}{', p-values' * told.pvalues}"
        f"{'' if told.pvalues else ' (p-values: `synfer.discover.significance`)'}.\n\n"
        f"Costs\n: {told.cost.capitalize()}: {COSTS[told.cost]}.\n\n"
        f"## What it assumes\n\n{_bullets(told.assumes)}\n\n"
        f"## When it fails\n\n{_bullets(told.fails)}\n\n"
        f"## How to call it\n\n```python\nestimate = sf.discover.{made.__name__}().fit(recording).connectome_\n```\n\n"
        f"```\nsynfer discover recording.nc --method {name} --out estimate.nc\n```\n\n"
        "Its equation, parameters, limits and what it refuses: "
        f"[{made.__name__}](../api/synfer.discover.{made.__name__}).\n\n"
        f"## Cite\n\n{sources}\n"
    )


def cards() -> str:
    """Give the page that lists them."""
    rows = "\n".join(
        f"| [`{name}`]({name}.md) | {'yes' if told.signs else 'no'} | {'yes' if told.pvalues else 'no'} | {told.cost} "
        f"| {told.takes} |"
        for name, told in CARDS.items()
    )
    pages = "\n".join(CARDS)
    words = "; ".join(f"*{word}*: {meaning}" for word, meaning in COSTS.items())
    return (
        "# Methods\n\nA card for each: what it takes, what it assumes, when it fails, what it costs, whom to cite.\n\n"
        f"| method | signs | p-values | cost | takes |\n| --- | --- | --- | --- | --- |\n{rows}\n\n"
        f"Costs, for tens of units and some thousands of samples on one core: {words}.\n\n"
        "How near each comes on systems whose wiring is known: [the measured tables](../results/index.md). Which to "
        "take: [a how-to](../gallery/plot_4_choosing_a_method.rst).\n\n"
        f"```{{toctree}}\n:hidden:\n\n{pages}\n```\n"
    )


def room(name: str) -> str:
    """Give the page of one room of the API, as reStructuredText."""
    module = importlib.import_module(f"synfer.{name}")
    public = getattr(module, "__all__", None)
    if public is None:
        public = [
            key for key, value in vars(module).items()
            if inspect.isclass(value) and value.__module__ == module.__name__ and not key.startswith("_")
        ]  # fmt: skip
    documented, values, inner = [], [], []
    for key in sorted(public, key=str.lower):
        value = getattr(module, key)
        (inner if inspect.ismodule(value) else documented if callable(value) else values).append(key)
    title = f"synfer.{name}"
    text = f"{title}\n{'=' * len(title)}\n\n.. automodule:: {title}\n   :no-members:\n\n.. currentmodule:: {title}\n\n"
    if documented:
        text += ".. autosummary::\n   :toctree:\n\n" + "".join(f"   {key}\n" for key in documented) + "\n"
    for key in values:
        text += f".. autodata:: {key}\n   :no-value:\n\n"
    for key in inner:
        text += f":doc:`synfer.{name}.{key} <synfer.{name}.{key}>`\n\n"
    return text


def _generate(app: Sphinx, _config: Any) -> None:
    made = Path(app.srcdir) / "generated"
    _write(made / "methods" / "index.md", cards())
    for name in CARDS:
        _write(made / "methods" / f"{name}.md", card(name))
    for name in EXPLAINED:
        title = f"synfer.{name}"
        text = f":orphan:\n\n{title}\n{'=' * len(title)}\n\n.. automodule:: {title}\n   :no-members:\n"
        _write(made / "api" / f"synfer.{name}.rst", text)
    rooms = [name for name in ROOMS if name.partition(".")[0] in synfer.__all__]
    for name in rooms:
        _write(made / "api" / f"synfer.{name}.rst", room(name))
    listed = "".join(f"   synfer.{name}\n" for name in rooms)
    about = inspect.cleandoc(synfer.__doc__ or "").partition("\n")[2].strip()
    about = re.sub(r":class:`(\w+)`", lambda noun: f":class:`~synfer.{noun[1].lower()}.{noun[1]}`", about)
    _write(made / "api" / "index.rst", f"API\n===\n\n{about}\n\n.. toctree::\n   :maxdepth: 1\n\n{listed}")
    tables = sorted(TABLES.glob("*.md"))
    for table in tables:
        text = table.read_text(encoding="utf-8")
        _write(made / "results" / table.name, text if text.startswith("# ") else f"# {table.stem}\n\n{text}")
    listed = "\n".join(table.stem for table in tables)
    _write(
        made / "results" / "index.md",
        "# What was measured\n\nEach page is a table of `bench/results`, with the command that made it; losses stay "
        f"in.\n\n```{{toctree}}\n:maxdepth: 1\n\n{listed}\n```\n",
    )
    for name in ("CONTRIBUTING.md", "CHANGELOG.md"):
        _write(made / name.lower(), (ROOT / name).read_text(encoding="utf-8"))


def _on_the_site(target: str, page: str) -> str:
    """Give where on the site a link of ``page`` (its path in the repository) leads; itself where it leads elsewhere."""
    path, hash_, anchor = target.partition("#")
    if not path or re.match(r"[a-z]+:", path):
        return target
    whole = posixpath.normpath(posixpath.join(posixpath.dirname(page), path))
    if how_to := re.fullmatch(r"docs/howto/(\w+)\.py", whole):  # the page that running it makes
        return f"/generated/gallery/{how_to[1]}.rst{hash_}{anchor}"
    for there, here in REPOSITORY.items():
        if whole == there or (there.endswith("/") and (whole + "/").startswith(there)):
            place = here + whole[len(there) :] if there.endswith("/") else here
            return "/" + (place or "index.md") + hash_ + anchor
    return target


def _relink(app: Sphinx, docname: str, source: list[str]) -> None:
    """Turn links that hold in the repository into links that hold on the site."""
    inside = {"generated/contributing": "CONTRIBUTING.md", "generated/changelog": "CHANGELOG.md"}
    page = inside.get(docname, f"docs/{docname}.md")
    if docname.startswith("generated/results/"):
        page = "bench/results/" + docname.rpartition("/")[2] + ".md"
    elif docname.startswith("generated/") and docname not in inside:
        return
    source[0] = re.sub(r"\]\(([^)\s]+)\)", lambda found: f"]({_on_the_site(found[1], page)})", source[0])


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("config-inited", _generate)  # before the project's files are looked for
    app.connect("source-read", _relink)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
