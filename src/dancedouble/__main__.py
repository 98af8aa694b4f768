"""``python -m dancedouble``."""

import sys

from dancedouble.cli import main

if __name__ == "__main__":
    sys.exit(main())
