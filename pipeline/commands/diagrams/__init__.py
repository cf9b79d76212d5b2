"""Pictures drawn from the networks themselves: `python -m pipeline.commands.diagrams`, or `make diagrams`."""
