"""Which class a network is built from. A network of your own: a folder here, a line in NETWORKS, an entry in params.yaml."""

from importlib import import_module
from inspect import signature

from torch import nn

from pipeline.params.recipe import Recipe

# (model, task) -> the class that the room pipeline/networks/<model> hands on.
NETWORKS = {
    ("agrnet", "x8"): "AGRNet",
    ("agrnet_hr", "blind"): "AGRNetHR",
    ("sparnet", "x8"): "SPARNet",
    ("sparnet", "blind"): "SPARNetHD",
    ("dic", "x8"): "DIC",
    ("sfmnet", "x8"): "SFMNet",
    ("swinir", "x8"): "SwinIR",
    ("swinir", "blind"): "SwinIRHR",
    ("mambair", "x8"): "MambaIR",
    ("mambair", "blind"): "MambaIRHR",
}


def network_class(model: str, task: str) -> type[nn.Module]:
    """The class of a model in its form for a task; only its own room is imported.

    A class says of itself
    title: what its paper calls it;
    takes: its input, "lr_up", the low-resolution image at output size (I_LR-UP, Sec. 3.1), or "lr", that image itself;
    units(): the classes of modules whose activations may be computed again (`pipeline.train.recompute`);
    least_batch: the fewest images that it trains on at once, where that is more than one;
    from_published(state): its state_dict from one with its authors' names, where those are known.
    Raises ValueError for a form that there is not, and for a room that does not hand its class on.
    """
    if (model, task) not in NETWORKS:
        tasks = ", ".join(of for name, of in NETWORKS if name == model)
        known = f"only for {tasks}" if tasks else f"models are {', '.join(dict.fromkeys(name for name, _ in NETWORKS))}"
        raise ValueError(f"pipeline/networks/build.py has no {model} for the task {task}, {known}")
    room, name = import_module(f"pipeline.networks.{model}"), NETWORKS[model, task]
    if not hasattr(room, name):
        raise ValueError(
            f"pipeline/networks/{model}/__init__.py hands on no {name}, which build.py names: import it there"
        )
    return getattr(room, name)


def build_network(model: str, task: str, arguments: dict) -> nn.Module:
    """A network, untrained. Raises ValueError for arguments that its class does not take."""
    kind = network_class(model, task)
    try:
        signature(kind).bind(**arguments)
    except TypeError as error:
        raise ValueError(f"{kind.__name__} cannot be built with {arguments}: {error}") from None
    return kind(**arguments)


def network_of(recipe: Recipe) -> nn.Module:
    """The network of an entry of params.yaml, untrained."""
    return build_network(recipe.model, recipe.task, recipe.network.model_dump())
