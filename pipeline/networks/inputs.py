"""What a network takes."""


def network_input(model_name: str, sets: str | None) -> str:
    """I_LR-UP, "lr_up" (Sec. 3.1), or the low-resolution image itself, "lr", as some peers do. sets: a peer's."""
    if sets in (None, model_name):
        return "lr_up"
    from pipeline.networks.build import peer_class

    return peer_class(model_name, sets).takes
