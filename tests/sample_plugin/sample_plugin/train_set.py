"""The first units of a backbone, from the image on."""

from dataclasses import dataclass

from greendapt.suite.trainable import TrainSet


@dataclass(frozen=True)
class Early(TrainSet):
    count: int

    @classmethod
    def parse(cls, argument):
        if not argument.isdecimal():
            raise ValueError("say early:N")
        return cls(int(argument))

    def units(self, backbone):
        return frozenset(range(min(self.count, len(backbone.stages))))
