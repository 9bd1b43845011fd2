"""The errors a user can cause or meet; everything else is a bug and keeps its traceback."""


class CafemoodError(Exception):
    """A problem the user can solve, told in one message without a traceback.

    Args:
        what: What went wrong, as a sentence without its full stop.
        where: The file, folder or setting concerned.
        why: The cause, when it is known.
        fix: What the user can do about it.
    """

    def __init__(self, what: str, *, where: object = None, why: object = None, fix: str | None = None) -> None:
        self.what, self.where, self.why, self.fix = what, where, why, fix
        super().__init__(self.message)

    @property
    def message(self) -> str:
        """The whole text: one line each for what, where, why and what to do."""
        lines = [f"{self.what}."]
        lines += [f"  where: {self.where}"] if self.where is not None else []
        lines += [f"  why:   {self.why}"] if self.why is not None else []
        lines += [f"  do:    {self.fix}"] if self.fix is not None else []
        # a line end inside, which the name of a file may hold, begins no line of ours
        return "\n".join(line.replace("\n", "\n         ") for line in lines)


class PhotoError(CafemoodError):
    """A photo, a photo folder or a manifest cannot be used."""


class WeightsError(CafemoodError):
    """A weight file is missing, damaged, or not the one it claims to be."""


class FeaturesError(CafemoodError):
    """A feature matrix or the feature cache cannot be used."""


class ClusteringError(CafemoodError, ValueError):
    """The clustering asked for is impossible on this data; a `ValueError`, as scikit-learn's estimators raise."""


class RunError(CafemoodError):
    """A run folder is missing, unfinished, or already taken."""


class SurveyError(CafemoodError):
    """A survey cannot be built, served or scored."""


class TasteError(CafemoodError):
    """A taste cannot be learnt, or its answers cannot be read."""
