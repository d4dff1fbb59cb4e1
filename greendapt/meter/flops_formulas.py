"""Which operations cost FLOPs, and by which formula; which are free by convention.

Two FLOPs per multiply-add; only contractions (matrix products, convolutions, attention) count,
as in ``torch.utils.flop_counter``, whose formulas are kept where they are exact. The mappings
here correct or complete it. Every formula gets shapes in place of tensors and returns FLOPs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import torch

aten = torch.ops.aten
Shape = Sequence[int]
Formula = Callable[..., int]


def conv_flops(x: Shape, weight: Shape, out: Shape, transposed: bool) -> int:
    """One pass of a convolution, batch included: every weight meets every position of the output
    (of the input, if transposed). The weight's shape already holds the division by groups."""
    return 2 * x[0] * prod(weight) * prod((x if transposed else out)[2:])


def _conv_backward(  # the arguments of torch's operator, in its order
    grad: Shape,
    x: Shape,
    weight: Shape,
    _bias: object,
    _stride: object,
    _padding: object,
    _dilation: object,
    transposed: bool,
    _output_padding: object,
    _groups: int,
    output_mask: Sequence[bool],
    *_rest: object,
    **_named: object,
) -> int:
    """Each wanted gradient (input, weight) costs what the forward pass costs; torch's own formula
    counts the weight's ``groups`` times too much."""
    return sum(output_mask[:2]) * conv_flops(x, weight, grad, transposed)


def attention_flops(query: Shape, key: Shape, value: Shape) -> int:
    """Q K^T and scores V for [..., heads, length, width]; key and value heads may be shared.

    Masks and causality are not subtracted: a dense product is counted.
    """
    return 2 * prod(query[:-1]) * key[-2] * (query[-1] + value[-1])


def _attention(query: Shape, key: Shape, value: Shape, *_rest: object, **_named: object) -> int:
    return attention_flops(query, key, value)


def _attention_backward(
    _grad: object, query: Shape, key: Shape, value: Shape, *_rest: object, **_named: object
) -> int:
    """Two products a forward product. A fused kernel's recomputation of the scores is left out,
    so that the count is that of the algorithm and the same on every device."""
    return 2 * attention_flops(query, key, value)


def _linear(x: Shape, weight: Shape, *_rest: object, **_named: object) -> int:
    return 2 * prod(x) * weight[0]


def _linear_backward(
    x: Shape,
    _grad: object,
    weight: Shape,
    output_mask: Sequence[bool],
    *_rest: object,
    **_named: object,
) -> int:
    return sum(output_mask[:2]) * _linear(x, weight)


def _mv(matrix: Shape, *_rest: object, **_named: object) -> int:
    return 2 * prod(matrix)


def _dot(vector: Shape, *_rest: object, **_named: object) -> int:
    return 2 * prod(vector)


def _added(product: Formula) -> Formula:
    """The formula of ``input + product(...)``: the sum itself is free."""

    def formula(_input: object, *args: Any, **named: Any) -> int:
        return product(*args, **named)

    return formula


def _mm(a: Shape, b: Shape, *_rest: object, **_named: object) -> int:
    """[..., m, k] by [..., k, n]."""
    return 2 * prod(a) * b[-1]


_BY_NAME: dict[str, Formula] = {
    "convolution_backward": _conv_backward,
    "linear": _linear,
    "linear_backward": _linear_backward,
    "mv": _mv,
    "addmv": _added(_mv),
    "dot": _dot,
    "vdot": _dot,
    "_int_mm": _mm,
    "addbmm": _added(_mm),
    "_addmm_activation": _added(_mm),
    **dict.fromkeys(
        (
            "_scaled_dot_product_efficient_attention",
            "_scaled_dot_product_flash_attention",
            "_scaled_dot_product_flash_attention_for_cpu",
            "_scaled_dot_product_cudnn_attention",
            "_scaled_dot_product_fused_attention_overrideable",
            "_scaled_dot_product_attention_math_for_mps",
        ),
        _attention,
    ),
    **dict.fromkeys(
        (
            "_scaled_dot_product_efficient_attention_backward",
            "_scaled_dot_product_flash_attention_backward",
            "_scaled_dot_product_flash_attention_for_cpu_backward",
            "_scaled_dot_product_cudnn_attention_backward",
            "_scaled_dot_product_fused_attention_overrideable_backward",
        ),
        _attention_backward,
    ),
}

FORMULAS: dict[Any, Formula] = {
    getattr(aten, name): formula for name, formula in _BY_NAME.items() if hasattr(aten, name)
}
"""Over torch's own registry, for the operations that this torch has."""

_FREE_BY_KIND = {
    "make, move, copy": """
        alias_copy arange as_strided_scatter assert_async cat channel_shuffle clone constant_pad_nd
        copy diag_embed empty empty_like empty_strided eye fill flip full full_like item lift_fresh
        linspace local_scalar_dense new_empty new_empty_strided new_full new_ones new_zeros ones
        ones_like pad pixel_shuffle pixel_unshuffle reflection_pad1d reflection_pad2d repeat
        replication_pad1d replication_pad2d replication_pad3d resize roll scalar_tensor set stack
        to_copy unsafe_split unsafe_split_with_sizes unsafe_view zeros zeros_like""",
    "index, sort": """
        bucketize col2im embedding embedding_dense gather im2col index index_add index_copy
        index_put index_select masked_fill masked_scatter masked_select nonzero repeat_interleave
        scatter scatter_add select select_scatter slice slice_scatter sort topk tril triu unfold
        unique unique2 unsafe_index unsafe_index_put value_selecting_reduction where""",
    "random": """
        bernoulli dropout fused_dropout multinomial native_dropout normal rand rand_like randint
        randn randn_like randperm random uniform""",
    "reduce, compare": """
        all allclose amax amin aminmax any argmax argmin count_nonzero cumprod cumsum equal
        linalg_vector_norm logsumexp max mean median min mode norm prod std std_mean sum var
        var_mean""",
    "norm": """
        batch_norm batch_norm_no_update batch_norm_stats batch_norm_with_update cudnn_batch_norm
        fused_layer_norm fused_rms_norm miopen_batch_norm native_batch_norm
        native_batch_norm_legit native_batch_norm_legit_no_training native_group_norm
        native_layer_norm weight_norm_interface""",
    "activation, loss": """
        binary_cross_entropy cross_entropy_loss elu gelu glu hardshrink hardsigmoid hardswish
        hardtanh huber_loss l1_loss leaky_relu log_sigmoid log_sigmoid_forward log_softmax
        masked_softmax mish mse_loss nll_loss nll_loss2d nll_loss2d_forward nll_loss_forward
        nll_loss_nd prelu prelu_kernel relu relu6 rrelu_with_noise safe_softmax sigmoid silu
        smooth_l1_loss softmax softplus softshrink tanh thnn_fused_gru_cell thnn_fused_lstm_cell
        threshold""",
    "pool, resample": """
        adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool2d adaptive_max_pool3d avg_pool2d
        avg_pool3d grid_sampler_2d grid_sampler_3d max_pool2d_with_indices max_pool3d_with_indices
        upsample_bicubic2d upsample_bicubic2d_aa upsample_bilinear2d upsample_bilinear2d_aa
        upsample_linear1d upsample_nearest1d upsample_nearest2d upsample_nearest3d
        upsample_nearest_exact2d upsample_trilinear3d""",
    "update of weights": "fused_adagrad fused_adam fused_adamw fused_sgd",
}
"""Base names of aten operations; views and element-wise ones are known by their tags."""

_FREE = frozenset(name for names in _FREE_BY_KIND.values() for name in names.split())

_FREE_TAGS = {torch.Tag.pointwise, torch.Tag.inplace_view}

_SUFFIXES = ("_backward", "_backward_data", "_jvp")


def is_free(op: Any) -> bool:
    """Whether an operator is free by convention: element-wise, view, copy, reduction, norm,
    pooling, resampling, indexing, random, an optimiser's update. What is not known to be free is
    not free."""
    if not isinstance(op, torch._ops.OpOverload):
        return False
    if op.namespace in ("prim", "profiler") or _FREE_TAGS & set(op.tags) or _is_view(op):
        return True
    name = _base_name(op)
    return op.namespace == "aten" and (name in _FREE or name.startswith("foreach_"))


def _is_view(op: torch._ops.OpOverload) -> bool:
    """A view aliases its input without writing to it."""
    returns = op._schema.returns
    return bool(returns) and all(
        r.alias_info is not None and not r.alias_info.is_write for r in returns
    )


def _base_name(op: torch._ops.OpOverload) -> str:
    """``aten::_softmax_backward_data`` is softmax, ``aten::index_put_`` is index_put."""
    name = op._schema.name.removeprefix("aten::").strip("_")
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    return name.strip("_")
