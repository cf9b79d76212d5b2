"""Pictures of the networks, drawn from the networks themselves: `python -m pipeline.diagrams`, or `make diagrams`."""
