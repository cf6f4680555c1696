"""The optimizers with the defaults of Keras 2.2, which the method used (preprint, p. 20-21).

Keras 2.2 and torch agree on the steps of AdaGrad and RMSProp: both add epsilon to the square root, not under it. They
differ in defaults. Those of Keras 2.2 are an AdaGrad whose sums of squares start at 0 (its successor in TensorFlow:
0.1), an RMSProp that keeps 0.9 of its mean square (torch: 0.99), and one epsilon for all, 1e-7. Source:
keras/optimizers.py of Keras 2.2.4. Adam is not the method's.
"""

import functools
import inspect
from collections.abc import Callable, Iterable

import torch
from torch import nn

from echomort.networks import NETWORKS
from echomort.settings import Training

EPSILON = 1e-7
"""Added to the denominator of every step: ``keras.backend.epsilon()``."""
RHO = 0.9
"""Share of the mean square that RMSProp keeps at a step."""
LEARNING_RATES = {"adagrad": 0.01, "rmsprop": 0.001, "adam": 0.001}
"""Default of each optimizer in Keras 2.2."""
HIDDEN = ("add_param_group", "load_state_dict", "state_dict", "zero_grad")
"""Methods that torch hides from its compiler, for which it imports all of it."""


def optimizer_of(parameters: Iterable[nn.Parameter], settings: Training) -> torch.optim.Optimizer:
    """Return the optimizer that ``settings`` name, or leave to the network, at their rate or at Keras's default."""
    name = NETWORKS.get(settings.network).optimizer if settings.optimizer == "by_network" else settings.optimizer
    rate = LEARNING_RATES[name] if settings.learning_rate is None else settings.learning_rate
    if name == "adagrad":
        return _uncompiled(torch.optim.Adagrad)(parameters, rate, initial_accumulator_value=0.0, eps=EPSILON)
    if name == "rmsprop":
        return _uncompiled(torch.optim.RMSprop)(parameters, rate, alpha=RHO, eps=EPSILON)
    return _uncompiled(torch.optim.Adam)(parameters, rate, eps=EPSILON)


@functools.cache
def _uncompiled(kind: type[torch.optim.Optimizer]) -> Callable[..., torch.optim.Optimizer]:
    """Return ``kind`` of optimizer without what torch's compiler needs, which is not used here: to import it takes a
    process 1.6 s, as long as the rest of torch. Its steps are those of ``kind``."""
    methods = {name: inspect.unwrap(getattr(kind, name)) for name in HIDDEN}
    return type(kind.__name__, (kind,), methods | {"step": torch.no_grad()(inspect.unwrap(kind.step))})
