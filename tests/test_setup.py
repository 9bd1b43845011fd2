"""`setup.sh` finds a Python, finishes what is half made, and says in one line what is missing."""

import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TOOLS = ("sh", "dirname", "mkdir", "grep", "head", "tail", "mv", "rm", "cat")


class Machine:
    """A checkout, and a path that holds nothing but a few tools and what a test adds."""

    def __init__(self, folder: Path) -> None:
        self.checkout, self.bin, self.home = folder / "공릉동 카페", folder / "bin", folder / "home"
        for made in (self.checkout, self.bin, self.home):
            made.mkdir()
        for name in ("setup.sh", "pyproject.toml", "requirements.lock"):
            shutil.copy(ROOT / name, self.checkout)
        for name in TOOLS:
            (self.bin / name).symlink_to(str(shutil.which(name)))

    def program(self, path: Path, lines: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{lines}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    def python(self, name: str, version: tuple[int, int], without: str = "") -> Path:
        """An interpreter that says it is of that version, and lacks a module."""
        code = f"import sys; sys.version_info = ({version[0]}, {version[1]}, 0); sys.modules['{without}'] = None; "
        run = f'if [ "$1" = -c ]; then exec "{sys.executable}" -c "{code}exec(sys.argv[1])" "$2"; fi'
        return self.program(self.bin / name, f'{run}\nexec "{sys.executable}" "$@"')

    def setup(self, **env: str) -> subprocess.CompletedProcess[str]:
        known = {
            "PATH": str(self.bin),
            "HOME": str(self.home),
            "PIP_INDEX_URL": "http://127.0.0.1:9/",
            "PIP_RETRIES": "0",
        }
        command = ["sh", str(self.checkout / "setup.sh")]
        return subprocess.run(command, env=known | env, capture_output=True, text=True, check=False)

    def installed(self) -> bool:
        return (self.checkout / ".venv" / ".installed").exists()

    def ready(self, uv: str) -> None:
        """A finished .venv whose uv does what the lines say."""
        self.program(self.checkout / ".venv" / "bin" / "python", f'exec "{sys.executable}" "$@"')
        self.program(self.checkout / ".venv" / "bin" / "uv", uv)


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def says(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """One line of error, and no success."""
    assert done.returncode == 1, done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("ERROR ")
    for word in words:
        assert word in lines[0]


def test_no_python(machine):
    says(machine.setup(), "3.11 to 3.14", "apt install")


@pytest.mark.parametrize("version", [(3, 10), (3, 15)])
def test_too_old_or_too_new_a_python(machine, version):
    machine.python("python3", version)
    says(machine.setup(), f"python3 is 3.{version[1]}", "3.11 to 3.14")


def test_a_broken_python_is_named(machine):
    machine.program(machine.bin / "python3.12", "exit 127")
    says(machine.setup(), "python3.12 is broken")


def test_no_venv(machine):
    machine.python("python3.13", (3, 13), without="ensurepip")
    says(machine.setup(), "python3.13-venv")


def test_the_named_python_does_not_fit(machine):
    machine.python("python3", (3, 12))
    old = machine.python("python-old", (3, 9))
    says(machine.setup(PYTHON=str(old)), "python-old", "3.9")


def test_a_fitting_python_after_one_that_is_too_new(machine):
    """It gets as far as the registry, which no test reaches."""
    machine.python("python3", (3, 15))
    machine.python("python3.11", sys.version_info[:2])
    says(machine.setup(), "registry cannot be reached")
    assert (machine.checkout / ".venv" / "bin" / "pip").exists()
    assert not machine.installed()


def test_uv_makes_the_environment_where_venv_is_missing(machine):
    machine.python("python3", (3, 13), without="ensurepip")
    wanted = machine.checkout / "wanted"
    machine.program(machine.bin / "uv", f'echo "$@" >"{wanted}"; exit 1')
    assert machine.setup().returncode == 1
    assert "--python python3 " in wanted.read_text()


@pytest.mark.parametrize("left", ["nothing", "dangling", "without pip"])
def test_what_is_half_made_is_finished(machine, left):
    machine.python("python3", sys.version_info[:2])
    venv = machine.checkout / ".venv"
    if left == "dangling":
        (venv / "bin").mkdir(parents=True)
        (venv / "bin" / "python").symlink_to("/nonexistent/python3")
    if left == "without pip":
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    says(machine.setup(), "registry cannot be reached")
    found = subprocess.run([str(venv / "bin" / "python"), "-m", "pip", "--version"], check=False, capture_output=True)
    assert found.returncode == 0


def test_all_is_there(machine):
    machine.ready("exit 0")
    done = machine.setup()
    assert done.returncode == 0, done.stderr
    assert machine.installed()


@pytest.mark.parametrize(
    ("uv_says", "word"),
    [
        ("error: failed to write file: No space left on device (os error 28)", "disk is full"),
        ("error: Failed to fetch: dns error: failed to lookup address information", "network"),
        ("error: failed to create directory: Permission denied (os error 13)", "Permission denied"),
        ("  x Failed to build `thing==1`: error: command 'gcc' failed", "C compiler"),
    ],
)
def test_an_installation_that_fails_says_why(machine, uv_says, word):
    machine.ready(f'[ "$1" = --version ] && exit 0\necho "{uv_says}" >&2; exit 2'.replace("`", ""))
    says(machine.setup(), word)
    assert not machine.installed()


def test_the_folder_cannot_be_written(machine):
    (machine.checkout / ".venv").write_text("a file stands here")
    says(machine.setup(), "cannot be written")


def test_an_empty_cache_folder_in_the_environment_means_none_named(machine):
    machine.ready('[ -n "${UV_CACHE_DIR-unset}" ] || exit 2')
    done = machine.setup(UV_CACHE_DIR="")
    assert (done.returncode, machine.installed()) == (0, True), done.stderr


def test_a_home_that_cannot_be_written_is_no_hindrance(machine, tmp_path):
    told = tmp_path / "told"
    machine.ready(f'echo "$UV_NO_CACHE" >"{told}"')
    blocked = tmp_path / "blocked"
    blocked.write_text("a file stands here")
    assert machine.setup(HOME=str(blocked)).returncode == 0
    assert told.read_text().strip() == "1"
    assert machine.setup(HOME=str(machine.home)).returncode == 0
    assert told.read_text().strip() == ""
