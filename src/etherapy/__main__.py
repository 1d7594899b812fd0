"""`python -m etherapy`."""

from etherapy.cli.main import main

main()
