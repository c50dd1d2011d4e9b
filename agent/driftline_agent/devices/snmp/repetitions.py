"""How many variables to ask a device for at once: learnt from how it answers. Pure."""

from dataclasses import dataclass

#: Answers in a row that must be quick and whole before more is asked again where less was once needed.
_TRUST_AFTER = 16


@dataclass(slots=True)
class Repetitions:
    """Variables an answer, between 1 and `most`; doubled while answers are quick and whole, halved when they fail.

    What failed is remembered: growth stops below it, and tries it again only after a run of good answers. `value` and
    `ceiling` may be kept for the next poll of the same device.
    """

    value: int = 16
    most: int = 64
    #: An answer that took longer than this is not quick, in seconds.
    quick_s: float = 0.5
    ceiling: int = 0
    _good: int = 0

    def __post_init__(self) -> None:
        self.ceiling = self.ceiling or self.most

    def answered(self, asked: int, got: int, took_s: float) -> None:
        """Take note of an answer: `asked` variables, `got` of them, after seconds."""
        if got < asked:  # the device cuts at its message size: asking for more is of no use
            self._good = 0
            return
        if took_s > self.quick_s:
            self._good = 0
            self.value = max(1, min(self.value, asked) * 3 // 4)
            return
        self._good += 1
        if self._good >= _TRUST_AFTER and self.ceiling < self.most:
            self.ceiling = min(self.most, self.ceiling * 2)
            self._good = 0
        if asked >= self.value:
            self.value = min(self.ceiling, self.value * 2)

    def failed(self, asked: int) -> bool:
        """Take note of tooBig, silence or a broken answer; False where nothing smaller can be asked for."""
        self._good = 0
        if asked <= 1:
            self.value = self.ceiling = 1
            return False
        self.value = max(1, min(self.value, asked) // 2)
        self.ceiling = max(self.value, min(self.ceiling, asked - 1))
        return True
