"""How the site is built: ``sphinx-build -W -n docs build/docs`` (CONTRIBUTING.md says what that needs)."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is loaded: see the README's "The methods"
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "_ext"))

import synfer  # noqa: E402
from synfer.errors import SynferWarning  # noqa: E402

project = "synfer"
author = "The synfer developers"
project_copyright = f"2026, {author}"
release = version = synfer.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
    "docstrings",  # ours, in _ext
    "pages",  # ours, in _ext: what is made from the code and from bench/results
]
# What the extensions make stands in generated/, which git ignores.
exclude_patterns = ["_ext", "_templates", "howto", "generated/gallery/*.ipynb", "generated/gallery/*.py"]
templates_path = ["_templates"]

# Single backticks link where the name is an object of synfer's, and are emphasis elsewhere.
default_role = "autolink"
# Types stand in the docstrings' own words ("array (time, unit)"), once.
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autosummary_generate = True
nitpick_ignore_regex = [
    ("py:.*", r"(joblib|sklearn|scipy|torch|numpy|xarray|matplotlib|pandas)\..*"),  # documented elsewhere
    ("py:obj", r".*"),  # what single backticks name links where it can
]
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3

sphinx_gallery_conf = {
    "examples_dirs": "howto",
    "gallery_dirs": "generated/gallery",
    "filename_pattern": r"/plot_",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_memory": False,
    "capture_repr": ("_repr_html_",),
    "show_signature": False,
    "min_reported_time": 0,
    "thumbnail_size": (400, 280),
    "reset_modules": ("matplotlib",),
    "copyfile_regex": r"$^",
    "write_computation_times": False,
}
# An example that warns its reader of what synfer warns of is an example to be mended, or says so itself.
warnings.filterwarnings("error", category=SynferWarning)

html_theme = "furo"
html_title = "synfer"
html_static_path = ["_static"]
html_css_files = ["synfer.css"]
html_theme_options = {
    "sidebar_hide_name": False,
    "light_css_variables": {"color-brand-primary": "#005b96", "color-brand-content": "#005b96"},
    "dark_css_variables": {"color-brand-primary": "#7ab8e6", "color-brand-content": "#7ab8e6"},
}
html_show_sourcelink = False
html_copy_source = False
