"""`python -m cafemood` is the command `cafemood`."""

from cafemood.app.cli import main

main()
