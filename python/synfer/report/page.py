"""The page: one file with all that it shows, which asks nothing of any network."""

from __future__ import annotations

import html
import importlib
import platform
from typing import Any

from synfer.connectome import Connectome
from synfer.discover.origin import refuse_other
from synfer.errors import InputError
from synfer.evaluate import compare
from synfer.recording import Recording
from synfer.report import markup, methods
from synfer.report.evidence import evidence_of
from synfer.storage import StrPath, name_alone, written_whole
from synfer.trust.card import Card, digest_of

# A table that goes on beyond an edge has a shadow there: two shadows stay where they are, and what is white, which
# scrolls with the table, covers that at an end which is in sight.
STYLE = """
:root{color-scheme:light}*{box-sizing:border-box}
body{margin:0;font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;color:#2b2f36;background:#fff}
main{max-width:1080px;margin:0 auto;padding:16px}
h1{font-size:1.6rem;line-height:1.2;margin:.4em 0}h2{font-size:1.15rem;margin:2em 0 .4em}
section{margin:0 0 1.5em}
.scroll{overflow-x:auto;background:
linear-gradient(90deg,#fff 40%,#fff0) 0 0/48px 100% no-repeat local,
linear-gradient(270deg,#fff 40%,#fff0) 100% 0/48px 100% no-repeat local,
linear-gradient(90deg,#2b2f3666,#2b2f3600) 0 0/18px 100% no-repeat scroll,
linear-gradient(270deg,#2b2f3666,#2b2f3600) 100% 0/18px 100% no-repeat scroll}
table{border-collapse:collapse;font-size:.85rem}
th,td{padding:.25em .7em;text-align:right;border-bottom:1px solid #e6e8eb}
th{color:#5a616b;font-weight:600}.known td,.known th{text-align:left;vertical-align:top}
td{white-space:nowrap}th{vertical-align:bottom}.known td{white-space:normal;overflow-wrap:anywhere}
@media(max-width:600px){main{padding:12px}table{font-size:.8rem}th,td{padding:.25em .45em}}
.doubts{background:#fdf6e9;border-left:4px solid #e69f00;padding:.6em 1em}.doubts p{margin:.3em 0}
figcaption,small{color:#5a616b;font-size:.85rem}figure{margin:0}small{display:block;margin:.3em 0}
"""
# No address but the page itself: neither what it holds nor what others wrote into a label can call out.
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; "
    "base-uri 'none'; form-action 'none'"
)


def write(
    path: StrPath,
    connectome: Connectome,
    recording: Recording | None = None,
    *,
    signal: str | None = None,
    truth: Connectome | None = None,
    title: str | None = None,
    card: Card | None = None,
) -> None:
    """Write a report of a connectome as one HTML file: open it in any browser, send it by mail.

    Parameters
    ----------
    path : path
        Written whole or not at all.
    connectome : Connectome
        One network at one time.
    recording : Recording, optional
        What it was found from, cut into the same trials; a stretch of it is drawn.
    signal : str, optional
        Which signal of the recording, where it holds several.
    truth : Connectome, optional
        The wiring, where it is known: figures of `synfer.evaluate.compare` are added.
    title : str, optional
        Default names the method and the number of units.
    card : synfer.trust.Card, optional
        How far the connectome can be trusted: its warnings stand first, its answers in a section of their own.

    Raises
    ------
    FileError
        The file cannot be written.
    InputError
        The connectome is a batch or holds several times, the recording is another than that it was found from (of
        other units, step or length), the card is of another method, units or scores, the signal is not named, the
        truth is of other units, or plotly is not installed (``synfer[report]``).
    """
    try:
        importlib.import_module("plotly")
    except ImportError:
        raise InputError("a report needs plotly: pip install 'synfer[report]'.") from None
    if not isinstance(connectome, Connectome) or connectome.leading is not None:
        raise InputError(
            "connectome must be a Connectome of one network at one time: choose it by isel; got "
            f"{getattr(connectome, 'leading', None) or type(connectome).__name__}."
        )
    connectome = connectome.to_matrix()
    name = _signal_of(recording, signal)
    if recording is not None:
        refuse_other(connectome, recording)
    if card is not None and (card.method, card.n_units) != (connectome.method, connectome.n_units):
        raise InputError(
            f"card must be of this connectome, {connectome.method} of {connectome.n_units} units; got one of "
            f"{card.method} of {card.n_units}: make it anew by synfer trust."
        )
    if card is not None and card.digest is not None and card.digest != digest_of(connectome):
        raise InputError(
            "card must be of this connectome; got one of other scores or units, of another recording perhaps: make it "
            "anew by synfer trust."
        )
    heading = title or f"{connectome.method or 'Connectome'} of {connectome.n_units} units"
    body = "".join(_sections(connectome, recording, name, truth, card))
    with written_whole(path) as draft:
        draft.write_text(document(heading, body), encoding="utf-8")


def document(heading: str, body: str) -> str:
    """Give a whole page around its sections: Plotly within it, and no way out of it."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(heading)}</title><style>{STYLE}</style><script>{_plotly()}</script></head>"
        f"<body><main><h1>{html.escape(heading)}</h1>{body}</main></body></html>"
    )


def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def _signal_of(recording: Recording | None, signal: str | None) -> str | None:
    if recording is None:
        return None
    if signal is None:
        if len(recording.signal_names) > 1:
            raise InputError(f"signal must name one of the recording's, {', '.join(recording.signal_names)}.")
        return recording.signal_names[0]
    if signal not in recording.signal_names:
        raise InputError(f"signal must name one of {', '.join(recording.signal_names)}; got {signal!r}.")
    return signal


def _sections(
    connectome: Connectome,
    recording: Recording | None,
    name: str | None,
    truth: Connectome | None,
    card: Card | None,
) -> list[str]:
    from synfer.report import coupling, edges, figures, fit, matrix, trust

    evidence = evidence_of(connectome)
    doubts = methods.doubts(connectome, evidence) + ([] if card is None else card.warnings)
    found = [f'<section class="doubts">{"".join(map(markup.p, doubts))}</section>']
    if recording is not None and name is not None:
        known = {
            "units": recording.n_units,
            "signal": name + (f" ({recording.units_of_measure[name]})" if name in recording.units_of_measure else ""),
            "duration": f"{recording.duration:g} s, {recording.n_samples} samples",
            "step": f"{recording.dt:g} s",
            **({} if recording.leading is None else {f"{recording.leading}s": recording.shape[0]}),
            **_without_folders(recording.provenance),
            "file": recording.read_from,
        }
        caption = _drawn(recording, name, figures.drawn_of(recording), figures.MOST_TRACES)
        found.append(
            markup.section(
                "What was recorded", markup.known(known) + markup.figure(figures.activity(recording, name), caption)
            )
        )
    found.append(
        markup.section(
            "Who drives whom",
            markup.figure(
                matrix.adjacency(connectome, evidence),
                matrix.caption(connectome),
                "min(780px, calc(100vw + 170px))",
            ),
        )
    )
    found.append(
        markup.section(
            "As a graph",
            markup.figure(
                figures.graph(connectome, evidence),
                "Arrows from source to target: red excites, blue inhibits, grey where the method gives no sign. The "
                f"{figures.MOST_EDGES} strongest edges at most; the slider begins at the significant ones where there "
                "are p-values." + figures.colours(connectome),
                "min(680px, calc(100vw + 170px))",
            ),
        )
    )
    found.append(markup.section("The strongest edges", edges.section(connectome, evidence)))
    if connectome.instantaneous is not None:
        found.append(coupling.section(connectome.instantaneous))
    if truth is not None:
        found.append(
            markup.section("Against the true wiring", markup.known(compare(connectome, truth, unscored="omit")))
        )
    found += fit.sections(connectome, card)
    if card is not None:
        found.append(markup.section("How far to trust it", trust.section(card)))
    told = [markup.p(methods.paragraph(connectome, recording, card, evidence))]
    told += [markup.p(reference) for reference in methods.references(connectome)]
    found.append(markup.section("Methods", "".join(told)))
    found.append(markup.section("What this does not mean", "".join(map(markup.p, methods.CAUTIONS))))
    environment = {
        **connectome.versions,
        "python": platform.python_version(),
        "seed": connectome.seed,
        "converged": connectome.converged,
        **_without_folders(connectome.provenance),
    }
    found.append(markup.section("Environment", markup.known(environment)))
    return found


def _drawn(recording: Recording, name: str, span: slice, most_units: int) -> str:
    """Which part of a recording is drawn, and how."""
    begin, end = (recording.t0 + k * recording.dt for k in (span.start, span.stop))
    which = f"the first {most_units} of {recording.n_units}" if recording.n_units > most_units else "all"
    first = "" if recording.leading is None else f" of the first {recording.leading}"
    scale = "" if name == "spikes" else ", each in its own scale"
    return f"From {begin:.6g} to {end:.6g} s{first}, {which} units{scale}; hover for values."


def _without_folders(provenance: dict[str, Any]) -> dict[str, Any]:
    """Where something is from, by the name of its file, or else of its folder: the page is sent to others."""
    name = name_alone(provenance.get("file", provenance.get("folder")))
    return {key: value for key, value in provenance.items() if key not in ("file", "folder")} | {"file": name}
