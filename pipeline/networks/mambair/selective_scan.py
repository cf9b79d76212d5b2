"""The selective scan of state-space models: as defined, in chunks with its own backward, or by mamba-ssm's kernel."""

import functools

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

STEPS = 32  # positions between two states that are kept for the backward
LANE_ELEMENTS = 2**27  # of one state tensor on a GPU, 0.5 GB in float32


def selective_scan_by_steps(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor) -> Tensor:
    """h_t = exp(delta_t A) h_{t-1} + delta_t B_t u_t with h_0 = 0; y_t = C_t h_t + D u_t.

    u, delta: (N, channels, L); A: (channels, S), negative; B, C: (N, groups, S, L), each for channels / groups channels in
    order; D: (channels,). Result: (N, channels, L), the dtype of u. Autograd keeps every state: L times (N, channels, S).

    Source: Mamba (Gu and Dao, 2023), Eq. (2) with the zero-order hold of Eq. (4) for A; for B its reference code's
    delta B instead of Eq. (4), which MambaIR takes over.
    """
    B, C = (t.repeat_interleave(u.shape[1] // t.shape[1], dim=1) for t in (B, C))  # (N, channels, S, L)
    h = torch.zeros_like(B[..., 0])
    y = []
    for t in range(u.shape[2]):
        h = torch.exp(delta[:, :, t, None] * A) * h + (delta[:, :, t] * u[:, :, t])[..., None] * B[..., t]
        y.append((C[..., t] * h).sum(-1) + D * u[:, :, t])
    return torch.stack(y, dim=-1)


def selective_scan(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, steps: int = STEPS, lanes: int | None = None
) -> Tensor:
    """selective_scan_by_steps in bounded memory; computes in float32 (float64 where u is), under autocast as well.

    On a GPU mamba-ssm's kernel computes it where that package is installed (its backward sums in any order, so it is not
    bit-exact). Else a block of `lanes` x `steps` positions is worked on at a time: its lanes side by side, `steps` positions
    one after the other, then the state handed from lane to lane. Only the state before each block is kept; the backward
    computes the block's states again. `lanes` is 1 on a CPU, where side by side gains nothing, and on a GPU as many as
    LANE_ELEMENTS allows. Backward once only.
    """
    dtype = torch.promote_types(u.dtype, torch.float32)
    if u.is_meta:  # a network that is only counted
        return torch.empty_like(u, dtype=dtype)
    u, delta, A, B, C, D = (t.to(dtype) for t in (u, delta, A, B, C, D))
    kernel = _kernel() if u.is_cuda and dtype == torch.float32 else None
    if kernel is not None:
        return kernel(*(t.contiguous() for t in (u, delta, A, B, C, D)))
    N, channels, L = u.shape
    if lanes is None:
        lanes = max(1, LANE_ELEMENTS // (N * channels * A.shape[1] * steps)) if u.is_cuda else 1
    lanes = min(lanes, -(-L // steps))
    y = _Scan.apply(*_time_first(u, delta, A, B, C, -L % (lanes * steps)), lanes, steps)
    return y[:L].permute(1, 2, 3, 0).flatten(1, 2) + D[:, None] * u


def _time_first(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, pad: int) -> tuple[Tensor, ...]:
    """u, delta (L, N, K, D, 1); A (K, D, S); B, C (L, N, K, 1, S) for K groups of D channels; L longer by `pad`.

    In the added positions delta is 0, so that they change no state.
    """
    K = B.shape[1]
    u, delta = (t.unflatten(1, (K, -1)).unsqueeze(3) for t in (u, delta))  # (N, K, D, 1, L)
    B, C = (t.unsqueeze(2) for t in (B, C))  # (N, K, 1, S, L)
    u, delta, B, C = (F.pad(t, (0, pad)).permute(4, 0, 1, 2, 3).contiguous() for t in (u, delta, B, C))
    return u, delta, A.unflatten(0, (K, -1)), B, C


@functools.cache
def _kernel():
    try:
        from mamba_ssm.ops.selective_scan_interface import selective_scan_fn
    except ImportError:
        return None
    return selective_scan_fn


class _Scan(torch.autograd.Function):
    """What _time_first gives -> C h, (L, N, K, D)."""

    @staticmethod
    def forward(ctx, u, delta, A, B, C, lanes, steps):
        h = u.new_zeros((*u.shape[1:4], A.shape[-1]))  # (N, K, D, S)
        before, y = [], []
        for at in range(0, len(u), lanes * steps):
            now = slice(at, at + lanes * steps)
            before.append(h)
            states = _states(u[now], delta[now], A, B[now], h, lanes)[1]
            y.append((states * C[now]).sum(-1))
            h = states[-1].clone()
        ctx.save_for_backward(u, delta, A, B, C, torch.stack(before))
        ctx.lanes, ctx.steps = lanes, steps
        return torch.cat(y)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_y):
        u, delta, A, B, C, before = ctx.saved_tensors
        block = ctx.lanes * ctx.steps
        grads = [torch.empty_like(t) for t in (u, delta, B, C)]
        grad_A = torch.zeros_like(A)
        later = torch.zeros_like(before[0])  # what the positions behind the block say of its last state
        for i in reversed(range(len(before))):
            now = slice(i * block, (i + 1) * block)
            decay, h = _states(u[now], delta[now], A, B[now], before[i], ctx.lanes)
            dy = grad_y[now].unsqueeze(-1)
            grads[3][now] = (dy * h).sum(3, keepdim=True)
            g = _adjoint(dy * C[now], decay, later, ctx.lanes)  # of each state h_t
            later = decay[0] * g[0]
            g_B = (g * B[now]).sum(-1, keepdim=True)
            grads[0][now] = delta[now] * g_B
            grads[2][now] = (g * (delta[now] * u[now])).sum(3, keepdim=True)
            # d exp(delta A) h_{t-1} = (A d delta + delta d A) exp(delta A) h_{t-1}
            g.mul_(decay)
            g[1:].mul_(h[:-1])
            g[0].mul_(before[i])
            grads[1][now] = u[now] * g_B + (g * A).sum(-1, keepdim=True)
            grad_A += g.mul_(delta[now]).sum((0, 1))
        grad_u, grad_delta, grad_B, grad_C = grads
        return grad_u, grad_delta, grad_A, grad_B, grad_C, None, None


def _states(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, h: Tensor, lanes: int) -> tuple[Tensor, Tensor]:
    """exp(delta A) and the states of one block, both (T, N, K, D, S), from the state h (N, K, D, S) before it."""
    decay = torch.exp(delta * A)
    states = (delta * u) * B
    states[0].addcmul_(decay[0], h)
    a, s = decay.unflatten(0, (lanes, -1)), states.unflatten(0, (lanes, -1))  # views: (lanes, steps, N, K, D, S)
    for t in range(1, s.shape[1]):
        s[:, t].addcmul_(a[:, t], s[:, t - 1])
    if lanes > 1:
        reach = a.cumprod(1)
        for lane in range(1, lanes):
            s[lane].addcmul_(reach[lane], s[lane - 1, -1])
    return decay, states


def _adjoint(g: Tensor, decay: Tensor, later: Tensor, lanes: int) -> Tensor:
    """g_t + decay_{t+1} (g_{t+1} + ...) for each position of a block, written into g; all (T, N, K, D, S)."""
    g[-1].add_(later)
    a, s = decay.unflatten(0, (lanes, -1)), g.unflatten(0, (lanes, -1))
    for t in range(s.shape[1] - 2, -1, -1):
        s[:, t].addcmul_(a[:, t + 1], s[:, t + 1])
    if lanes > 1:
        behind = torch.cat((a[:, 1:], torch.ones_like(a[:, :1])), 1)
        reach = behind.flip(1).cumprod(1).flip(1)  # product of the decays behind t within its lane
        for lane in range(lanes - 2, -1, -1):
            s[lane].addcmul_(reach[lane], a[lane + 1, 0] * s[lane + 1, 0])
    return g
