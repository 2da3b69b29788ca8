"""``python -m synfer``: the command line, where its script is not on the path."""

from synfer.cli import app

app(prog_name="synfer")
