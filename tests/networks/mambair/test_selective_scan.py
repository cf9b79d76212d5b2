import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.networks.mambair import selective_scan as module
from pipeline.networks.mambair.selective_scan import selective_scan, selective_scan_by_steps


def inputs(N=2, groups=2, width=3, S=4, L=11, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=dtype)

    channels = groups * width
    u, delta = draw(N, channels, L), draw(N, channels, L).exp()
    A, D = -draw(channels, S).exp(), draw(channels)
    return [t.requires_grad_() for t in (u, delta, A, draw(N, groups, S, L), draw(N, groups, S, L), D)]


def test_the_recurrence_by_hand():
    u, delta = torch.tensor([[[1.0, 2.0]]]), torch.tensor([[[0.5, 1.0]]])
    A, D = torch.tensor([[-1.0]]), torch.tensor([10.0])
    B, C = torch.tensor([[[[3.0, 5.0]]]]), torch.tensor([[[[7.0, 11.0]]]])
    h1 = 0.5 * 3 * 1
    h2 = 2.718281828459045**-1 * h1 + 1 * 5 * 2
    expected = torch.tensor([[[7 * h1 + 10, 11 * h2 + 20]]])
    torch.testing.assert_close(selective_scan_by_steps(u, delta, A, B, C, D), expected)
    torch.testing.assert_close(selective_scan(u, delta, A, B, C, D), expected)


@settings(deadline=None, max_examples=40)
@given(L=st.integers(1, 24), steps=st.integers(1, 9), lanes=st.integers(1, 5), groups=st.integers(1, 3))
def test_chunks_equal_steps_in_value_and_gradient(L, steps, lanes, groups):
    args = inputs(groups=groups, L=L)
    expected = selective_scan_by_steps(*args)
    y = selective_scan(*args, steps=steps, lanes=lanes)
    torch.testing.assert_close(y, expected, rtol=1e-10, atol=1e-10)
    weights = torch.cos(torch.arange(y.numel(), dtype=y.dtype)).view_as(y)
    for ours, naive in zip(
        torch.autograd.grad(y, args, weights), torch.autograd.grad(expected, args, weights), strict=True
    ):
        torch.testing.assert_close(ours, naive, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("steps", "lanes"), [(3, 1), (2, 3)])
def test_gradients_are_those_of_finite_differences(steps, lanes):
    args = inputs(N=1, groups=2, width=1, S=2, L=7)
    assert torch.autograd.gradcheck(lambda *args: selective_scan(*args, steps=steps, lanes=lanes), args)


def test_strong_decay_stays_finite():
    args = inputs(L=64, dtype=torch.float32)
    args[1] = (args[1].detach() * 1000).requires_grad_()
    y = selective_scan(*args, steps=8, lanes=2)
    torch.testing.assert_close(y, selective_scan_by_steps(*args))
    assert all(torch.isfinite(g).all() for g in torch.autograd.grad(y.sum(), args))


def kept_bytes(scan, args):
    kept = {}

    def note(t):
        kept[t.untyped_storage().data_ptr()] = t.untyped_storage().nbytes()
        return t

    with torch.autograd.graph.saved_tensors_hooks(note, lambda t: t):
        y = scan(*args)
    assert y.grad_fn is not None
    return sum(kept.values())


def test_memory_kept_for_the_backward():
    L = 256
    args = inputs(N=1, groups=4, width=6, S=16, L=L, dtype=torch.float32)
    state = 4 * 6 * 16 * 4
    sequences = 2 * sum(t.nelement() * 4 for t in args)
    assert kept_bytes(selective_scan, args) <= sequences + L // module.STEPS * state
    assert kept_bytes(selective_scan_by_steps, args) >= L * state


def test_autocast_does_not_reach_into_the_scan():
    args = inputs(dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        y = selective_scan(*[t.bfloat16() for t in args[:2]], *args[2:])
    assert y.dtype == torch.float32
    expected = selective_scan(*[t.bfloat16().float() for t in args[:2]], *args[2:])
    assert torch.equal(y, expected)


def test_mamba_ssm_is_found_where_it_is_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "mamba_ssm", None)
    assert module._kernel.__wrapped__() is None
    interface = SimpleNamespace(selective_scan_fn=selective_scan_by_steps)
    names = ("mamba_ssm", "mamba_ssm.ops", "mamba_ssm.ops.selective_scan_interface")
    for name, content in zip(names, (ModuleType("a"), ModuleType("b"), interface), strict=True):
        monkeypatch.setitem(sys.modules, name, content)
    assert module._kernel.__wrapped__() is selective_scan_by_steps


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_as_on_a_cpu():
    # Tolerance: float32 over 300 positions in another order; with mamba-ssm its kernel's exp is a fast one.
    args = inputs(L=300, dtype=torch.float32)
    y = selective_scan(*args)
    on_gpu = [t.detach().cuda().requires_grad_() for t in args]
    y_gpu = selective_scan(*on_gpu)
    torch.testing.assert_close(y_gpu.cpu(), y, rtol=1e-3, atol=1e-3)
    for ours, cpu in zip(torch.autograd.grad(y_gpu.sum(), on_gpu), torch.autograd.grad(y.sum(), args), strict=True):
        torch.testing.assert_close(ours.cpu(), cpu, rtol=1e-2, atol=1e-2)
