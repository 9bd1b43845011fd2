"""The one thing that pyproject.toml cannot say: `conf/` lies at the top, and an installed package carries a copy."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithConf(build_py):
    """Copies `conf/` to `cafemood/conf/`, except where an editable install reads the checkout's own."""

    def run(self) -> None:
        """Build the modules and copy the configs."""
        super().run()
        for source in [] if self.editable_mode else sorted(Path("conf").rglob("*.yaml")):
            target = Path(self.build_lib, "cafemood", source)
            self.mkpath(str(target.parent))
            self.copy_file(str(source), str(target))


setup(cmdclass={"build_py": BuildWithConf})
