"""A recorded step where there is no GPU: what stands around the recording, with one that calls the step again."""

from contextlib import contextmanager, nullcontext
from functools import cache
from types import SimpleNamespace

import pytest
import torch
from train.test_every_network import CPU, every_network, recipe

from pipeline.networks.build import network_class
from pipeline.train.batches import Part
from pipeline.train.compute import Compute
from pipeline.train.distributed import ALONE, World
from pipeline.train.graph import WARM_UP, Recorded, recorded
from pipeline.train.run import build_trainer

pytestmark = pytest.mark.middle


class CalledAgain:
    """In a CUDA graph's place: a recording leaves no trace in the trainer, a replay is the step on the recorded tensors."""

    def __init__(self):
        self.replays, self.fails = 0, ""

    def replay(self):
        self.replays += 1
        for name, value in self.of._trainer.step(self.of._batch).items():
            self.of._terms[name].copy_(value)

    @contextmanager
    def recording(self, _graph, capture_error_mode):
        assert capture_error_mode == "thread_local"
        state = clones(self.of._trainer.state())
        if self.fails:
            self.of._trainer.step(self.of._batch)
            self.of._trainer.load_state(state)
            raise RuntimeError(self.fails + "\nand much more")
        yield
        self.of._trainer.load_state(state)


def clones(state):
    """A state whose tensors are its own."""
    if isinstance(state, torch.Tensor):
        return state.clone()
    if isinstance(state, dict):
        return {key: clones(value) for key, value in state.items()}
    return [clones(value) for value in state] if isinstance(state, list) else state


@pytest.fixture
def graph(monkeypatch):
    made = CalledAgain()
    beside = SimpleNamespace(wait_stream=lambda other: None)
    for name, fake in {
        "CUDAGraph": lambda: made,
        "graph": made.recording,
        "Stream": lambda: beside,
        "current_stream": lambda: beside,
        "stream": lambda stream: nullcontext(),
    }.items():
        monkeypatch.setattr(torch.cuda, name, fake)
    return made


def batch(model, task, step, images=2):
    """A batch of one part: other images each step."""
    random = torch.Generator().manual_seed(step)
    given = torch.rand(images, 3, *((4, 4) if network_class(model, task).takes == "lr" else (32, 32)), generator=random)
    hr = torch.rand(images, 3, 32, 32, generator=random)
    return [Part(given * 2 - 1, hr * 2 - 1, torch.rand(images, 5, 2, generator=random) * 32)]


def trainer_of(model, task, **train):
    torch.manual_seed(0)
    own = recipe(model, task, **{"ema": 0.9} | train)
    return build_trainer(own, Compute(own.train, CPU))


def after(trainer, model, task, steps):
    return [trainer.step(batch(model, task, step)) for step in range(steps)]


@cache
def plainly(model, task):
    """(losses of every step, the network's state at the end) without a recording: WARM_UP + 3 steps."""
    plain = trainer_of(model, task)
    return after(plain, model, task, WARM_UP + 3), plain.evaluated.state_dict()


@every_network
def test_what_stands_around_a_recording_changes_no_number(graph, model, task):
    expected, theirs = plainly(model, task)
    graph.of = Recorded(trainer_of(model, task))
    found = after(graph.of, model, task, WARM_UP + 3)
    assert graph.replays == 3
    assert [terms.keys() for terms in found] == [terms.keys() for terms in expected]
    assert all(torch.equal(a[key], b[key]) for a, b in zip(found, expected, strict=True) for key in b)
    ours = graph.of.evaluated.state_dict()
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)


@pytest.mark.parametrize(("model", "task"), [("agrnet", "x8"), ("agrnet_hr", "blind")])
def test_a_step_that_cannot_be_recorded_is_launched_and_the_log_says_why(graph, capsys, model, task):
    expected = plainly(model, task)[0][: WARM_UP + 2]
    graph.of, graph.fails = Recorded(trainer_of(model, task), needed=False), "operation not permitted"
    found = after(graph.of, model, task, WARM_UP + 2)
    assert graph.replays == 0
    assert all(torch.equal(a[key], b[key]) for a, b in zip(found, expected, strict=True) for key in b)
    said = capsys.readouterr().out.splitlines()
    assert said == [line for line in said if "launched one by one: operation not permitted (" in line][:1]
    graph.of = Recorded(trainer_of(model, task))
    with pytest.raises(RuntimeError, match="operation not permitted"):
        after(graph.of, model, task, WARM_UP + 1)


def test_a_batch_of_another_shape_is_launched_and_said_once(graph, capsys):
    graph.of = Recorded(trainer_of("agrnet", "x8", batch_size=4), needed=False)
    for images in [4] * (WARM_UP + 1) + [2, 4, 2]:
        graph.of.step(batch("agrnet", "x8", 0, images))
    assert graph.replays == 2
    assert len([line for line in capsys.readouterr().out.splitlines() if "takes one shape" in line]) == 1
    graph.of = Recorded(trainer_of("agrnet", "x8", batch_size=4))
    for _ in range(WARM_UP + 1):
        graph.of.step(batch("agrnet", "x8", 0, 4))
    with pytest.raises(ValueError, match="a recorded step takes one shape"):
        graph.of.step(batch("agrnet", "x8", 0, 2))


def on_a_gpu(options, world=ALONE):
    return Compute(options, torch.device("cuda"), world)


@pytest.mark.parametrize(("asked", "is_recorded"), [("auto", True), (True, True), (False, False)])
def test_on_a_gpu_a_recorded_step_is_the_default(asked, is_recorded):
    options = recipe("agrnet", "x8").train
    assert options.cuda_graph == "auto"
    assert not Compute(options, CPU).recorded
    compute = on_a_gpu(options.model_copy(update={"cuda_graph": asked}))
    assert compute.recorded is is_recorded
    assert isinstance(recorded(trainer_of("agrnet", "x8"), compute), Recorded) is is_recorded


def test_several_processes_launch_their_steps_and_one_says_so(capsys):
    options, trainer = recipe("agrnet", "x8").train, trainer_of("agrnet", "x8")
    for rank in (0, 1):
        assert recorded(trainer, on_a_gpu(options, World(rank, 2, rank))) is trainer
    assert capsys.readouterr().out.count("2 processes share a step") == 1


def test_a_state_goes_on_with_rates_as_its_own_device_wants_them():
    """A recorded step reads its rates on the GPU: a state of a CPU must not put plain numbers in their place."""
    state = trainer_of("agrnet_hr", "blind").state()
    on_gpu = trainer_of("agrnet_hr", "blind")
    for optimiser, rate in on_gpu.optimisers:
        optimiser.param_groups[0] |= {"lr": torch.tensor(rate), "capturable": True}
    on_gpu.load_state(state)
    for optimiser, rate in on_gpu.optimisers:
        assert torch.equal(optimiser.param_groups[0]["lr"], torch.tensor(rate))
        assert optimiser.param_groups[0]["capturable"]
