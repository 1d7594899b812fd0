"""Print the major versions of PostgreSQL on this machine besides the one that etherapy would choose."""

import sys

from etherapy.postgres import every_binaries, find_binaries
from etherapy.postgres.binaries import OLDEST_MAJOR

majors = {binaries.major for binaries in every_binaries() if binaries.major >= OLDEST_MAJOR}
sys.stdout.writelines(f"{major}\n" for major in sorted(majors - {find_binaries().major}))
