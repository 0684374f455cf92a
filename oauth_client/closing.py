"""What is closed at its end: by hand, or as an async context manager."""

from abc import ABC, abstractmethod
from typing import Self


class Closing(ABC):
    """Closes itself when its block is left."""

    @abstractmethod
    async def aclose(self) -> None:
        """Give up what is under way, and close what this object opened."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
