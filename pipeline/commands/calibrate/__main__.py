import sys

from pipeline.commands.calibrate.command import main

if __name__ == "__main__":
    sys.exit(main())
