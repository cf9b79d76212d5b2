"""`python -m pipeline.commands.export`."""

import sys

from pipeline.commands.export.cli import main

sys.exit(main())
