"""How far an answer can be trusted: a card of answers to questions whose truth is known, and what they let expect."""

from synfer.trust.assess import assess
from synfer.trust.card import Card, Null, Power
from synfer.trust.forecasts import Course, Forecasts
from synfer.trust.predictor import Prediction, Predictor, read_table
from synfer.trust.reference import Reference
from synfer.trust.twins import Twin, edge_free

__all__ = [
    "Card",
    "Course",
    "Forecasts",
    "Null",
    "Power",
    "Prediction",
    "Predictor",
    "Reference",
    "Twin",
    "assess",
    "edge_free",
    "read_table",
]
