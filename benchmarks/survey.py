"""Does the survey find what people think, stay silent about noise, and keep every answer under load?

    python benchmarks/survey.py tastes RUN     52 people of known tastes in Chromium, and the table that comes back
    python benchmarks/survey.py noise RUN      1,000 studies of people who press anything: how often a result is claimed
    python benchmarks/survey.py power          how many people it takes to find effects of 0.2, 0.4, 0.6 steps
    python benchmarks/survey.py load RUN       200 people at once for a minute, the server killed in the middle of it

RUN is a finished run with k = 4, such as

    (cd crawler && scrapy rooms /tmp/rooms)
    python train.py data.root=/tmp/rooms data.labels=subfolder method=kmeans k=4

A copy of it is asked about. `tastes` needs Chromium (CHROMIUM=/path, or on the PATH); --browser says how many of the
people use it (all), the others send the same requests without one. `load` measures at the client, so its own work
counts in. Each exits with 1 if its bar is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import hashlib
import json
import multiprocessing
import os
import platform
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from scipy import stats
from tqdm import tqdm

from cafemood import runs
from cafemood.survey import simulate
from cafemood.survey.answers import ANSWER_FOLDER, gather
from cafemood.survey.build import build
from cafemood.survey.design import Design
from cafemood.survey.score import from_table
from cafemood.survey.store import DATABASE
from cafemood.survey.study import Study

CAFEMOOD = [sys.executable, "-c", "from cafemood.app.cli import main; main()", "survey"]
CONDITIONS = ["cluster 1", "cluster 2", "cluster 3", "cluster 4", "mixed"]
GROUPS = {"men": "man", "women": "woman", "all": "all"}
TOGETHER = 10
"""Chromium contexts at once."""
THINK = (1.5, 4.5)
"""Seconds that a person of `load` looks at a question, uniform."""


def asked(run: Path, scratch: Path) -> Study:
    """The survey of a copy of a run."""
    folder = Path(shutil.copytree(run, scratch / "run", ignore=shutil.ignore_patterns("survey*", "*.html")))
    return build(runs.load(folder), folder / "survey", Design())


def serve(study: Study, port: int = 0) -> tuple[subprocess.Popen[str], str]:
    """A server in a process of its own, and its address."""
    words = [*CAFEMOOD, "serve", str(study.folder), "--port", str(port)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"})
    assert process.stdout
    line = process.stdout.readline()
    if not line.startswith("Survey: "):
        process.wait()
        sys.exit(f"the server did not start: {line}")
    return process, line.split()[1].rstrip("/")


def stop(process: subprocess.Popen[str]) -> None:
    """End a server as Ctrl-C does."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def tastes(run: Path, in_browser: int, seed: int) -> bool:
    """The original's table, from answers drawn with its means and given in a real browser."""
    with tempfile.TemporaryDirectory() as scratch:
        study = asked(run, Path(scratch))
        if len(study.clusters) != 4:
            sys.exit("tastes needs a run with k = 4, as the original had")
        counts = {"man": simulate.ORIGINAL_MEN, "woman": simulate.ORIGINAL_WOMEN}
        people = simulate.people_with_tastes(study, simulate.ORIGINAL, counts, np.random.default_rng(seed))
        process, address = serve(study)
        begin = time.perf_counter()
        try:
            asyncio.run(_fill(study, people[:in_browser], address))
            took = time.perf_counter() - begin
            for number, person in enumerate(people[in_browser:], in_browser):
                _post(study, person, number, address)
        finally:
            stop(process)
        print(f"{min(in_browser, len(people))} of {len(people)} people in Chromium, {took:.0f} s")
        subprocess.run([*CAFEMOOD, "score", str(study.folder)], check=True, stdout=subprocess.DEVNULL)
        found = json.loads((study.folder / "score.json").read_text(encoding="utf-8"))
    rows = {row["condition"]: row for row in found["conditions"]}
    print("| original / scored | men | women | all |\n|---|---|---|---|")
    worst = 0.0
    for name in CONDITIONS:
        pairs = [(simulate.ORIGINAL[gender][name], rows[name][group]["mean"]) for group, gender in GROUPS.items()]
        worst = max(worst, *(abs(a - b) for a, b in pairs))
        print(f"| {rows[name]['label']} | " + " | ".join(f"{a:.2f} / {b:.2f}" for a, b in pairs) + " |")
    whole = found["people"]["counted"] == len(people) and not found["people"]["unfinished"]
    print(f"{found['people']['counted']} people counted; the largest difference is {worst:.3f} (bar: 0.1)")
    print("\n".join(finding["text"].replace("\u00a0", " ") for finding in found["verdict"]))
    return whole and worst <= 0.1


async def _fill(study: Study, people: list[dict[str, Any]], address: str) -> None:
    from playwright.async_api import async_playwright

    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    numbers = iter(enumerate(people))
    gate = asyncio.Lock()
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=path, args=flags)
        with tqdm(total=len(people), desc="in Chromium", unit="person", leave=False) as bar:

            async def hand() -> None:
                while True:
                    context = await chromium.new_context(viewport={"width": 390, "height": 844}, locale="ko-KR")
                    page = await context.new_page()
                    async with gate:  # the order in which people begin decides which plan each gets
                        number, person = next(numbers, (-1, {}))
                        if number < 0:
                            await context.close()
                            return
                        await page.goto(address)
                        await page.click("#agree")
                        await page.click(f'[data-value="{person["gender"]}"]')
                        await page.click("button.primary")
                        await page.wait_for_selector("progress")
                    await _click_through(page, study, person, number)
                    await context.close()
                    bar.update()

            await asyncio.gather(*(hand() for _ in range(TOGETHER)))
        await chromium.close()


async def _click_through(page: Any, study: Study, person: dict[str, Any], number: int) -> None:
    plan = study.plan(number)
    for place, (name, photos) in enumerate(plan, 1):
        await page.locator("#top .count", has_text=f"{place} / {len(plan)}").wait_for()
        if await page.locator("#screen button.primary").count():
            await page.click("#screen button.primary")
        shown = await page.eval_on_selector_all("#screen .frame img", "all => all.map(i => i.src.split('/').pop())")
        assert tuple(shown) == photos, f"person {number} was shown other photos at question {place}"
        await page.click(f'#screen [data-value="{person["answers"][name]["value"]}"]')
    await page.locator(".done .mark", has_text="✓").wait_for()


def _post(study: Study, person: dict[str, Any], number: int, address: str) -> None:
    with httpx.Client(base_url=address, timeout=30) as client:
        asks = {"consent": True, "gender": person["gender"], "language": "ko"}
        started = client.post("/api/start", json=asks).raise_for_status().json()
        assert [step["id"] for step in started["steps"]] == [name for name, _ in study.plan(number)]
        client.headers["Authorization"] = f"Bearer {started['token']}"
        for name, answer in person["answers"].items():
            client.put(f"/api/answers/{name}", json=answer).raise_for_status()
        client.post("/api/finish").raise_for_status()


def noise(run: Path, n_studies: int, n_people: int, seed: int) -> bool:
    """How often people who press anything come out as a result, after Holm."""
    with tempfile.TemporaryDirectory() as scratch:
        study = asked(run, Path(scratch))
        os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # one process a core is enough
        seeds = [(study, n_people, seed, i, scratch) for i in range(n_studies)]
        with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn")) as pool:
            done = pool.map(_one_study, seeds, chunksize=5)
            found = np.array(list(tqdm(done, total=n_studies, desc="studies", unit="study", leave=False)))
    chance = 1 / int(study.facts["design"]["size"])
    print(f"{n_studies} studies of {n_people} people who press anything, {len(study.clusters)} clusters, seed {seed}")
    good = True
    names = "more coherent than the mixed control", "than the random control", "an intruder found above chance"
    for name, claimed in zip(names, found[:, :3].T.astype(int), strict=True):
        test = stats.binomtest(int(claimed.sum()), n_studies)
        low, high = test.proportion_ci(0.95, "wilson")
        print(f"claimed {name}: {test.statistic:.1%} of studies (95 %: {low:.1%} to {high:.1%}; bar: 5 %)")
        good &= low <= 0.05
    share = found[:, 3]
    error = share.std(ddof=1) / np.sqrt(n_studies)
    print(f"intruders found: {share.mean():.4f} ± {1.96 * error:.4f} (chance {chance:.4f})")
    return good and abs(share.mean() - chance) < 4 * error


def _one_study(given: tuple[Study, int, int, int, str]) -> tuple[bool, bool, bool, float]:
    study, n_people, seed, number, scratch = given
    gc.freeze()  # statsmodels collects garbage after each correction: let it look at this study's objects only
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        study = replace(study, folder=Path(folder))
        answers = study.folder / ANSWER_FOLDER
        answers.mkdir()
        for person in simulate.clickers(study, n_people, np.random.default_rng([seed, number])):
            (answers / f"{person['person']}.json").write_text(json.dumps(person), encoding="utf-8")
        found = from_table(study, gather(study).counted, n_boot=0)
    claims = [
        [entry["versus_mixed"]["p_holm"], entry["versus_random"]["p_holm"], entry["intruder"]["p_holm"]]
        for entry in found["clusters"]
    ]
    mixed, random, intruder = (min(p_values) < 0.05 for p_values in zip(*claims, strict=True))
    return mixed, random, intruder, found["intruders"]["all"]["share"]


def power(n_studies: int, seed: int) -> bool:
    """What `cafemood survey simulate` prints for three effects."""
    for effect in (0.2, 0.4, 0.6):
        print(f"{effect} steps above the control", flush=True)
        words = ["simulate", "--effect", str(effect), "--studies", str(n_studies), "--seed", str(seed)]
        subprocess.run([*CAFEMOOD, *words], check=True)
    return True


@dataclass
class Seen:
    """What one process of clients saw: seconds of each reply by kind, and what was acknowledged."""

    replies: dict[str, list[float]] = field(default_factory=dict)
    acknowledged: dict[tuple[str, str], tuple[Any, int]] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)
    broken: int = 0
    forgotten: int = 0
    finished: int = 0


def load(run: Path, n_people: int, seconds: float, n_processes: int, seed: int) -> bool:
    """People answer at their own pace while the server is killed with -9 and started again; nothing may be lost."""
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as scratch:
        study = asked(run, Path(scratch))
        process, address = serve(study)
        shares = [len(part) for part in np.array_split(range(n_people), n_processes)]
        kill = float(rng.uniform(0.25, 0.75)) * seconds
        try:
            with ProcessPoolExecutor(n_processes, multiprocessing.get_context("spawn")) as pool:
                list(pool.map(abs, range(n_processes)))  # the processes are up before the clock starts
                begin = time.time() + 3
                work = [
                    pool.submit(_crowd, address, share, begin, begin + seconds, [seed, i])
                    for i, share in enumerate(shares)
                ]
                away = 0.0
                with tqdm(total=round(seconds), desc="load", unit="s", leave=False) as bar:
                    while (now := time.time() - begin) < seconds:
                        if now >= kill and not away:
                            process.kill()
                            process.wait()
                            process, _ = serve(study, int(address.rsplit(":", 1)[1]))
                            away = time.time() - begin - now
                        bar.update(max(0, int(time.time() - begin) - bar.n))
                        time.sleep(0.05)
                crowds = [future.result() for future in work]
        finally:
            stop(process)
        kept = _kept(study)
    return _tell(crowds, kept, n_people, seconds, kill, away)


def _kept(study: Study) -> dict[tuple[str, str], tuple[Any, int]]:
    with sqlite3.connect(study.folder / DATABASE) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows = database.execute(
            "SELECT token_hash, question, value, revision FROM answers JOIN people ON person = number"
        ).fetchall()
    return {(who, question): (json.loads(value), revision) for who, question, value, revision in rows}


def _tell(crowds: list[Seen], kept: dict[Any, Any], n: int, seconds: float, kill: float, away: float) -> bool:
    acknowledged = {key: value for crowd in crowds for key, value in crowd.acknowledged.items()}
    lost = sum(kept.get(key) != value for key, value in acknowledged.items())
    unknown = len(kept.keys() - acknowledged.keys())
    statuses = sum((crowd.statuses for crowd in crowds), Counter())
    of = {kind: np.concatenate([crowd.replies.get(kind, []) for crowd in crowds]) for kind in ("api", "photos")}
    print(
        f"{n} people for {seconds:.0f} s, {len(crowds)} client processes, {THINK[0]} to {THINK[1]} s a question; "
        f"server killed after {kill:.1f} s, back after {away:.1f} s; {sum(c.finished for c in crowds)} finished; "
        f"{sum(c.broken for c in crowds)} requests broke and were sent again"
    )
    for kind, took in of.items():
        p50, p95, p99 = 1000 * np.quantile(took, [0.5, 0.95, 0.99])
        rate = len(took) / (seconds - away)
        print(f"{kind}: {len(took)} replies, {rate:.0f} a second; p50 {p50:.0f} ms, p95 {p95:.0f} ms, p99 {p99:.0f} ms")
    print(f"replies by status: {dict(sorted(statuses.items()))}")
    forgotten = sum(crowd.forgotten for crowd in crowds)
    print(f"{len(acknowledged)} answers acknowledged: {lost} lost or other in the database; {unknown} kept that nobody")
    print(f"was told of; {forgotten} missing when people resumed (bars: 0, and p95 of api < 200 ms)")
    return not lost and not forgotten and np.quantile(of["api"], 0.95) < 0.2 and all(s < 300 for s in statuses)


def _crowd(address: str, n: int, begin: float, end: float, seed: list[int]) -> Seen:
    async def together() -> Seen:
        seen = Seen()
        people = (Person(address, seen, begin, end, np.random.default_rng([*seed, i])).live() for i in range(n))
        await asyncio.gather(*people)
        return seen

    return asyncio.run(together())


class Person:
    """Somebody on a phone: a connection of their own, photos fetched once, answers sent until acknowledged."""

    def __init__(self, address: str, seen: Seen, begin: float, end: float, rng: np.random.Generator) -> None:
        self.address, self.seen, self.begin, self.end, self.rng = address, seen, begin, end, rng
        self.client = httpx.AsyncClient(base_url=address, timeout=30)
        self.has: set[str] = set()

    async def live(self) -> None:
        """Answer until the end; whoever gets through begins anew as somebody else."""
        await asyncio.sleep(max(0, self.begin - time.time()) + self.rng.uniform(0, THINK[1]))
        while time.time() < self.end:
            await self.ask("photos", "GET", "/")
            started = await self.ask(
                "api", "POST", "/api/start", json={"consent": True, "gender": "unsaid", "language": "ko"}
            )
            await self.answer_all(started["token"], started["steps"])
        await self.client.aclose()

    async def ask(self, kind: str, method: str, path: str, **more: Any) -> Any:
        """Send until there is a reply, waiting as the page does; the reply's JSON."""
        attempt = 0
        while True:
            before = time.perf_counter()
            try:
                reply = await self.client.request(method, path, **more)
            except httpx.TransportError:
                self.seen.broken += 1
                await asyncio.sleep(min(30, 2**attempt))
                attempt += 1
                continue
            self.seen.replies.setdefault(kind, []).append(time.perf_counter() - before)
            self.seen.statuses[reply.status_code] += 1
            return reply.json() if "json" in reply.headers["content-type"] else None

    async def answer_all(self, token: str, steps: list[dict[str, Any]]) -> None:
        """One person's survey, with some answers changed and some reloads."""
        self.client.headers["Authorization"] = f"Bearer {token}"
        who = hashlib.sha256(token.encode()).hexdigest()
        own: dict[str, tuple[Any, int]] = {}
        at = 0
        while at < len(steps) and time.time() < self.end:
            step = steps[at]
            new = set(step["photos"]) - self.has
            await asyncio.gather(*(self.ask("photos", "GET", f"/photos/{name}") for name in new))
            self.has |= new
            await asyncio.sleep(self.rng.uniform(*THINK))
            choices = step["photos"] if step["kind"] in ("intruder", "odd") else [1, 2, 3, 4, 5]
            value = choices[int(self.rng.integers(len(choices)))]
            revision = own.get(step["id"], (None, 0))[1] + 1
            body = {"value": value, "seconds": 3.0, "revision": revision}
            reply = await self.ask("api", "PUT", f"/api/answers/{step['id']}", json=body)
            if reply == {"revision": revision}:
                own[step["id"]] = self.seen.acknowledged[who, step["id"]] = (value, revision)
            at += 1 if self.rng.random() > 0.05 else -min(at, 1)  # some go back and change their mind
            if self.rng.random() < 0.03:
                await self.reload(own)
        if at == len(steps):
            await self.ask("api", "POST", "/api/finish")
            self.seen.finished += 1

    async def reload(self, own: dict[str, tuple[Any, int]]) -> None:
        """Come back on a new connection; the server must know every answer that it acknowledged."""
        headers = self.client.headers
        await self.client.aclose()
        self.client = httpx.AsyncClient(base_url=self.address, timeout=30, headers=headers)
        reply = await self.ask("api", "GET", "/api/resume")
        known = {name: (a["value"], a["revision"]) for name, a in reply.get("answers", {}).items()}
        self.seen.forgotten += sum(known.get(name) != given for name, given in own.items())


def main() -> None:
    """Run one of the four."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["tastes", "noise", "power", "load"])
    parser.add_argument("run", type=Path, nargs="?")
    parser.add_argument("--browser", type=int, default=52, help="tastes: people in Chromium (52)")
    parser.add_argument("--studies", type=int, help="noise (1000) and power (300): studies")
    parser.add_argument("--people", type=int, help="noise (52) and load (200): people")
    parser.add_argument("--seconds", type=float, default=60, help="load: how long (60)")
    parser.add_argument("--processes", type=int, default=2, help="load: client processes (2)")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if given.what != "power" and given.run is None:
        parser.error("give a finished run")
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    measures: dict[str, Callable[[], bool]] = {
        "tastes": lambda: tastes(given.run, given.browser, given.seed),
        "noise": lambda: noise(given.run, given.studies or 1000, given.people or 52, given.seed),
        "power": lambda: power(given.studies or 300, given.seed),
        "load": lambda: load(given.run, given.people or 200, given.seconds, given.processes, given.seed),
    }
    if not measures[given.what]():
        sys.exit("A bar is missed.")


if __name__ == "__main__":
    main()
