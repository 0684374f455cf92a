"""The demonstration's person, who may also choose among the boxes, or refuse."""

from dataclasses import dataclass, field

from cli.story.visitor import Visitor as _Visitor


@dataclass(kw_only=True)
class Visitor(_Visitor):
    """Ticks every box or those named, and decides."""

    name: str = "ada"
    password: str = field(default="a long password", repr=False)
    ticks: tuple[str, ...] | None = None
    decision: str = "allow"

    def _choices(self) -> dict[str, str]:
        boxes = self.offered if self.ticks is None else [f"scope:{scope}" for scope in self.ticks]
        return {**dict.fromkeys(boxes, "on"), "decision": self.decision}
