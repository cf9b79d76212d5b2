"""pretrained: brings other people's weights once, so that no other stage ever needs a network.

They are laid out by who needs them, so that a change in one does not rerun what does not use it.
"""

from pipeline.params.file import load
from pipeline.pretrained.bring import bring_all, share_out
from pipeline.pretrained.detector import bring_detector
from pipeline.store import paths

PARAMS = ("pretrained",)

USERS = {
    "x8": (),  # Eq. (15) needs none
    "blind": ("vgg16", "vgg19"),  # Eq. (25)
    "metrics": ("alexnet", "vgg16", "inception"),  # LPIPS, FID
}


def main() -> None:
    (params,) = load(PARAMS)
    brought = paths.SCRATCH / "pretrained"
    bring_detector(params.yunet)  # for crop
    bring_all(params.model_dump(exclude={"timeout_s", "yunet"}), brought, params.timeout_s)
    for user, names in USERS.items():
        share_out(brought, paths.PRETRAINED / user, names)


if __name__ == "__main__":
    main()
