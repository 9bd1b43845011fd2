"""One run: photos -> features -> clusters -> scores -> report. `python train.py --help` shows every setting."""

import sys

from cafemood.app.train import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
