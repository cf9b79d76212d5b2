"""recipes: what params.yaml says of each network's training, in full; train is cached against its network's file."""

from pipeline.params.file import parse
from pipeline.store import paths
from pipeline.store.files import write_json

PARAMS = ("seeds", "models", "tasks", "losses", "networks")


def main() -> None:
    params = parse()
    for name in params.networks:
        write_json(paths.recipe_file(name), params.training(name).model_dump(mode="json"))


if __name__ == "__main__":
    main()
