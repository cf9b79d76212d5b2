"""examples: what the weights that ship make of packaged photographs, at their own sizes."""

from pipeline.examples.run import run_examples

PARAMS = ()


def main() -> None:
    run_examples()


if __name__ == "__main__":
    main()
