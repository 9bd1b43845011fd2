"""Kill a crawl of the replica with -9 at 500 random moments: `python benchmarks/crawl_kill.py [KILLS]`."""

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "crawler"), str(ROOT / "tests" / "crawler")]

from crawler_helpers import CrawlServer  # noqa: E402
from killing import kill_often  # noqa: E402


def main() -> None:
    """Kill, resume, compare, and print one line."""
    n_kills = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    with tempfile.TemporaryDirectory() as folder:
        server = CrawlServer(Path(folder))
        try:
            result = kill_often(server, Path(folder), n_kills, seed=1)
        finally:
            server.stop()
    for complaint in result.wrong:
        print(complaint)
    middle = sum(0 < n < 40 for n in result.at)
    print(
        f"{result.kills} kills ({middle} with some but not all photos stored) over {result.ended} crawls of 40 photos: "
        f"{len(result.wrong)} lost, repeated or different"
    )
    sys.exit(bool(result.wrong))


if __name__ == "__main__":
    main()
