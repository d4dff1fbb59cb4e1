"""FLOPs of a training step, counted from the operations that it really runs.

Forward and backward each, with the gradients that the parameters' ``requires_grad`` asks for;
2 FLOPs per multiply-add. See ``flops_formulas`` for what counts and what is free.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from greendapt.core.errors import MeterError
from greendapt.meter.flops_formulas import FORMULAS, is_free


@dataclass(frozen=True)
class FlopCount:
    """FLOPs of one step over its whole batch.

    ``uncounted`` names the operations that have no formula and are not free by convention, each
    with the modules it ran in; where it is not empty, the counts are lower bounds.
    """

    forward: int
    backward: int
    uncounted: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        return self.forward + self.backward


def count_step(step: Callable[[], Any]) -> FlopCount:
    """Run ``step`` and its backward pass under the counter, on the device its tensors are on.

    ``step`` returns the scalar loss, or any nest of output tensors, which are then summed (a sum
    is free). No backward pass runs where nothing requires a gradient; gradients do accumulate in
    ``.grad`` as in any step. Attention runs unfused, so that each device counts the same products.
    """
    with torch.enable_grad(), _counting() as (counter, strangers):
        loss = _scalar(step())
        forward = counter.get_total_flops()
        if loss.requires_grad:
            loss.backward()  # type: ignore[no-untyped-call]
    backward = counter.get_total_flops() - forward
    return FlopCount(forward, backward, strangers.named())


def count_call(call: Callable[[], Any]) -> tuple[int, tuple[str, ...]]:
    """FLOPs of all that ``call`` runs in this thread, backward passes of its own included.

    With what has no formula, as in `FlopCount`. Attention runs unfused.
    """
    with _counting() as (counter, strangers):
        call()
    return counter.get_total_flops(), strangers.named()


@contextmanager
def _counting() -> Iterator[tuple[FlopCounterMode, _Strangers]]:
    with warnings.catch_warnings(), _plain_kernels():
        warnings.filterwarnings("ignore", module=r"torch\.utils\.(flop_counter|module_tracker)")
        counter = FlopCounterMode(display=False, custom_mapping=dict(FORMULAS))
        strangers = _Strangers(counter)
        with strangers, counter:
            yield counter, strangers


def training_step_flops(
    model: nn.Module,
    input_shape: Sequence[int],
    *,
    loss: Callable[[Any], Tensor] | None = None,
) -> FlopCount:
    """One step of ``model`` on a batch of ``input_shape`` ([B, C, H, W]), on the meta device.

    The model may live anywhere: a copy without values is counted, and its weights, gradients and
    the random state stay as they are. Parameters train as their ``requires_grad`` says. ``loss``
    takes the model's output (default: its sum). Raises MeterError where the model's forward pass
    needs values (and so cannot run on meta): use ``count_step`` on a real batch there.
    """
    return step_flops(model, [torch.empty(tuple(input_shape), device="meta")], loss=loss)


def step_flops(
    model: nn.Module,
    inputs: Sequence[Tensor],
    *,
    loss: Callable[[Any], Tensor] | None = None,
) -> FlopCount:
    """`training_step_flops` of a model that takes these ``inputs`` on the meta device."""
    twin = meta_copy(model)
    try:
        with torch.random.fork_rng(devices=[]):
            return count_step(lambda: twin(*inputs) if loss is None else loss(twin(*inputs)))
    except (RuntimeError, NotImplementedError, AssertionError, ValueError, TypeError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        shapes = ", ".join(str(tuple(one.shape)) for one in inputs)
        raise MeterError(
            f"flops: {type(model).__name__} cannot run on a batch of {shapes} on the "
            f"meta device ({reason}); check the image size, or count a real step"
        ) from error


def meta_copy(model: nn.Module) -> nn.Module:
    """A copy of ``model`` on the meta device: shapes, ``requires_grad``, sharing, no values.

    Batch norms normalise by their running statistics there: norms are free either way, and so a
    batch of one image can be counted.
    """
    twin = copy.deepcopy(model, {id(t): _meta(t) for t in _tensors(model)})
    for module in twin.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()
    return twin


def _tensors(model: nn.Module) -> Iterator[Tensor]:
    """Parameters, buffers, and tensors that hang on a module as plain attributes."""
    for module in model.modules():
        yield from module.parameters(recurse=False)
        yield from module.buffers(recurse=False)
        yield from (value for value in vars(module).values() if isinstance(value, Tensor))


def _meta(tensor: Tensor) -> Tensor:
    twin = torch.empty_like(tensor, device="meta", requires_grad=False)
    if isinstance(tensor, nn.Parameter):
        return nn.Parameter(twin, requires_grad=tensor.requires_grad)
    return twin


def _scalar(output: Any) -> Tensor:
    """The loss as it is, or the sum over all floating point outputs."""
    outputs = [leaf for leaf in tree_leaves(output) if isinstance(leaf, Tensor)]
    floats = [leaf for leaf in outputs if leaf.is_floating_point()]
    if not floats:
        raise MeterError("flops: the step returned no floating point tensor to differentiate")
    return torch.stack([leaf.sum() for leaf in floats]).sum()


@contextmanager
def _plain_kernels() -> Iterator[None]:
    """Attention as matrix products, and no fused transformer layers, while counting."""
    was = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(was)


class _Strangers(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Below the counter, sees what the counter passes on; notes what neither counts nor is free."""

    supports_higher_order_operators = True

    def __init__(self, counter: FlopCounterMode) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._counter = counter
        self._modules: dict[str, list[str]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        counted = getattr(func, "_overloadpacket", func) in self._counter.flop_registry
        if not counted and not is_free(func):
            modules = self._modules.setdefault(_op_name(func), [])
            where = max(self._counter.mod_tracker.parents - {"Global"}, key=len, default="")
            if where not in modules:
                modules.append(where)
        return func(*args, **(kwargs or {}))

    def named(self) -> tuple[str, ...]:
        """One line an operation: its name and the (first) module that ran it."""
        return tuple(_line(op, modules) for op, modules in sorted(self._modules.items()))


def _op_name(func: Any) -> str:
    return str(getattr(func, "_overloadpacket", func))


def _line(op: str, modules: list[str]) -> str:
    where = modules[0] or "the step"
    more = f" and {len(modules) - 1} more" if len(modules) > 1 else ""
    return f"{op} in {where}{more}"
