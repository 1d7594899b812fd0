"""The one error of rules: what was written cannot be a rule."""


class BadRule(Exception):
    """A rule that is refused when written: which field, what is wrong with it, and how to mend it.

    `field` is a path such as `window.weekly.windows[1].end`. No ValueError, so that msgspec hands it through.
    """

    def __init__(self, field: str, problem: str, mend: str) -> None:
        super().__init__(f"{field}: {problem}; {mend}")
        self.field = field
        self.problem = problem
        self.mend = mend

    def within(self, path: str) -> "BadRule":
        """The same error seen from the place that holds the field."""
        joined = (
            f"{path}.{self.field}" if self.field and not self.field.startswith("[") else path + self.field
        )
        return BadRule(joined, self.problem, self.mend)
