"""Tensor operators shared by the forecasters."""

from synfer.ops.attention import attention_with_map
from synfer.ops.attention_reference import attention_with_map_reference
from synfer.ops.grouped import grouped_linear, grouped_linear_reference

__all__ = [
    "attention_with_map",
    "attention_with_map_reference",
    "grouped_linear",
    "grouped_linear_reference",
]
