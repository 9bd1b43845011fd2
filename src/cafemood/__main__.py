"""`python -m cafemood` is the command `cafemood`."""

from cafemood.cli import main

main()
