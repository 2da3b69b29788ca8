"""Weights averaged over the last steps: what a model is applied by, while the newest ones learn."""

from __future__ import annotations

import copy
from typing import cast

import torch
from torch import Tensor

from synfer.discover.d2cl.model import D2CLModel
from synfer.forecast.ensemble import EnsembleModule

SPAN = 64
"""Steps that the mean reaches back over; a tenth of those that were taken, where that is less."""


class Averaged(EnsembleModule):
    """A model that learns, and beside it the exponential mean of its weights over the last steps.

    At a rate that does not fall, the last weights are one draw about the best ones; their mean is nearer to these, and
    two of them differ less. In training it is the model that is asked, at rest the mean: so the loss that stops the
    learning is the mean's, and the mean is what is kept (`settled`).

    The mean's weights are buffers. The loop keeps them in checkpoints, and no optimizer moves them.

    Parameters
    ----------
    model : D2CLModel
    span : int
        Of the mean, in steps.
    """

    def __init__(self, model: D2CLModel, span: int = SPAN):
        super().__init__(model.n_init)
        self.model, self.span = model, span
        self.mean = copy.deepcopy(model)
        for module in self.mean.modules():
            for name in list(module._parameters):
                weight = module._parameters.pop(name)
                module.register_buffer(name, None if weight is None else weight.detach().clone())
        self.steps: Tensor
        self.register_buffer("steps", torch.zeros(model.n_init))
        self._behind = False

    @property
    def evaluation_tokens(self) -> int:
        """Pairs in one pass without gradients."""
        return self.model.evaluation_tokens

    def train(self, mode: bool = True) -> Averaged:
        """Turn to learning, or to rest; at rest the mean knows of the last step."""
        if not mode:
            self._follow()
        super().train(mode)
        return self

    def forward(self, images: Tensor, graphs: Tensor) -> tuple[Tensor, None]:
        """Give the model's logits, (B, head, I), in training; at rest the mean's, (B, 1, I)."""
        if not self.training:
            return cast(tuple[Tensor, None], self.mean(images, graphs))
        self._follow()
        self._behind = True  # a step follows
        return cast(tuple[Tensor, None], self.model(images, graphs))

    @torch.no_grad()
    def _follow(self) -> None:
        if not self._behind:
            return
        self._behind = False
        self.steps += 1.0
        taken = float(self.steps[0])  # who learns has taken as many as any other
        share = max(1.0 / self.span, 10.0 / (taken + 10.0))
        means, nows = self.mean.state_dict(), self.model.state_dict()
        for name, mean in means.items():
            mean.lerp_(nows[name], share)

    def settled(self) -> D2CLModel:
        """Give the model, its weights the mean's."""
        self.model.load_state_dict(self.mean.state_dict())
        return self.model.eval()
