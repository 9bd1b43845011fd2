"""Run `scrapy …` quickly and often: Scrapy is imported once, and every command runs in a fork of this process.

Lines of JSON on stdin: `{"args": […], "out": FILE, "fsize": BYTES or null}` starts a command and answers with its
process id; `{"wait": PID}` waits for it and answers with `[exit code or -signal, largest resident kilobytes]`;
`{"ended": PID}` answers at once whether it has ended.
"""

import json
import os
import resource
import signal
import sys

import scrapy.cmdline
import scrapy.core.downloader.handlers.http11
import scrapy.core.engine
import scrapy.extensions.throttle
import scrapy.pipelines

import cafecrawl.commands.crawl
import cafecrawl.commands.verify
import cafecrawl.middlewares.captcha_stop
import cafecrawl.middlewares.daily_quota
import cafecrawl.middlewares.host_hold
import cafecrawl.middlewares.host_slot
import cafecrawl.middlewares.no_ai
import cafecrawl.middlewares.retry_after
import cafecrawl.middlewares.robots
import cafecrawl.middlewares.targets
import cafecrawl.pipelines
import cafecrawl.progress  # noqa: F401

assert "twisted.internet.reactor" not in sys.modules, "a fork must install its own reactor"


def run(order: dict) -> None:
    """In the fork: be `scrapy`."""
    handle = os.open(order["out"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    if order.get("fsize"):
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["fsize"], order["fsize"]))
    code = 1
    try:
        scrapy.cmdline.execute(["scrapy", *order["args"]])
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    """Take orders until stdin ends."""
    for line in sys.stdin:
        order = json.loads(line)
        if "ended" in order:
            answer: object = os.waitid(os.P_PID, order["ended"], os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        elif "wait" in order:
            _, status, usage = os.wait4(order["wait"], 0)
            answer = [os.waitstatus_to_exitcode(status), usage.ru_maxrss]
        else:
            pid = os.fork()
            if not pid:
                run(order)
            answer = pid
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
