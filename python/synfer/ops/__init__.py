"""Tensor operators shared by the forecasters."""

from synfer.ops.attention import attention_with_map
from synfer.ops.attention_reference import attention_with_map_reference
from synfer.ops.attention_values import value_weighted_map
from synfer.ops.dropout import Drop, dropout, dropout_reference
from synfer.ops.embedding import sample_embedding, sample_embedding_reference
from synfer.ops.grouped import (
    grouped_linear,
    grouped_linear_reference,
    grouped_linears,
    grouped_linears_reference,
)
from synfer.ops.normed import (
    Norm,
    normed_feed_forward,
    normed_feed_forward_reference,
    normed_linears,
    normed_linears_reference,
)

__all__ = [
    "Drop",
    "Norm",
    "attention_with_map",
    "attention_with_map_reference",
    "dropout",
    "dropout_reference",
    "grouped_linear",
    "grouped_linear_reference",
    "grouped_linears",
    "grouped_linears_reference",
    "normed_feed_forward",
    "normed_feed_forward_reference",
    "normed_linears",
    "normed_linears_reference",
    "sample_embedding",
    "sample_embedding_reference",
    "value_weighted_map",
]
