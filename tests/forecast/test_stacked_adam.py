"""One call for all initialisations against an optimizer of torch's for each."""

from __future__ import annotations

import torch

from synfer.forecast.stacked_adam import StackedAdamW


def test_it_is_each_one_s_own_adamw():
    generator = torch.Generator().manual_seed(0)
    together = [torch.randn(shape, generator=generator) for shape in ((4, 3, 5), (4, 7), (4, 1))]
    apart = [[p[k].clone().requires_grad_() for p in together] for k in range(4)]
    rates = [0.01, 0.01, 0.005, 0.01]
    optimizers = [torch.optim.AdamW(own, lr=lr, weight_decay=0.1) for own, lr in zip(apart, rates, strict=True)]
    adam, going = StackedAdamW(together, weight_decay=0.1), [0, 1, 2, 3]
    for step in range(12):
        if step == 4:  # one comes to its end, another's rate is halved
            going = [0, 2, 3]
            together = [p[going] for p in together]
            adam.keep(going)
            rates = [0.01, 0.005, 0.005]
            optimizers[3].param_groups[0]["lr"] = 0.005
        if step == 8:
            resumed = StackedAdamW(together, weight_decay=0.1)
            resumed.load_state_dict(adam.state_dict())
            adam = resumed
        gradients = [torch.randn(p.shape, generator=generator) for p in together]
        gradients[0] = gradients[0].transpose(1, 2).contiguous().transpose(1, 2)  # as it may come
        adam.step(together, gradients, rates)
        for place, k in enumerate(going):
            for p, gradient in zip(apart[k], gradients, strict=True):
                p.grad = gradient[place].clone()
            optimizers[k].step()
    for place, k in enumerate(going):
        for p, own in zip(together, apart[k], strict=True):
            torch.testing.assert_close(p[place], own.detach(), rtol=1e-6, atol=1e-7)
