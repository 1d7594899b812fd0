"""`python -m etherapy`. A Ctrl-C while the rooms are still being imported is no defect either."""

import sys

try:
    from etherapy.cli.main import main
except KeyboardInterrupt:
    sys.exit(130)

main()
