"""What the library says to those who write Python, as those who type commands can follow it."""

from __future__ import annotations

import re
from collections.abc import Callable

Mend = str | Callable[[re.Match[str]], str]


def _drop(found: re.Match[str]) -> str:
    """Name the units in the command where the message lists them all."""
    units = found["units"]
    named = "UNIT[,UNIT]" if " more" in units else units.replace(", ", ",")
    what = "them" if "," in named else "it"
    return found[0].removesuffix(found["mend"]) + f"leave {what} out by --drop {named}."


def _drop_all_but_one(found: re.Match[str]) -> str:
    units = found["units"]
    named = "UNIT[,UNIT]" if " more" in units else ",".join(units.split(", ")[1:])
    return found[0].removesuffix(found["mend"]) + f"keep one, and leave the others out by --drop {named}."


UNITS = r"units? (?P<units>[^:;]+): "
OF_READING = "dt|series|variable|trials|trial_duration|duration|t0|signal|sets|networks"
"""Arguments that are options of the same name."""
ADVICE: tuple[tuple[str, Mend], ...] = (
    (rf"(?:^|(?<=meant, ))({OF_READING})(?= must | '| = )", lambda found: "--" + found[1].replace("_", "-")),
    (
        rf"constant samples in {UNITS}a constant neither drives nor is driven, (?P<mend>drop it\.)",
        _drop,
    ),
    (rf"only NaN in {UNITS}(?P<mend>drop it\.)", _drop),
    (rf"identical samples in {UNITS}which of them drives cannot be told, (?P<mend>keep one\.)", _drop_all_but_one),
    (r"transpose it if it is the other way round", r"\g<0> (an array's file by --units-first)"),
    (
        r"choose the units that both have, sel\(units=\.\.\.\)",
        "say by --units FILE.csv which belong together (others of the truth are then left out), and leave out what the "
        "truth lacks by discover --drop",
    ),
    (r"give trial_duration=([\d.e-]+) where", r"say --trial-duration \1 where"),
    (r"rename\(\), or on the shell ", "by "),
    (
        r"take the connectome's own, or recording\.sel\(unit=connectome\.unit_ids\)",
        "give the recording that it was found from, and the same --drop",
    ),
    (r"unscored='omit' \(on the shell (--omit-unscored)\)", r"\1"),
    (r"\b[a-z]+=(?:, [a-z]+=)*(?: or [a-z]+=)?, on the shell (--)", r"\1"),
    (r"replace=True \(on the shell (--force)\)", r"\1"),
)
"""Words of a refusal, by a regular expression, and what stands in their place on the shell."""


def on_the_shell(text: str) -> str:
    """Give a message with advice for the shell in place of that for Python."""
    for words, mend in ADVICE:
        text = re.sub(words, mend, text)
    return text
