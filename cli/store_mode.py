"""Which store holds the state of a data folder: embedded and sidecars have one each."""

from pathlib import Path

from cli.settings import Mode


def remember(data: Path, mode: Mode) -> None:
    """A stopped system's clients and keys are where its last run left them."""
    (data / "mode").write_text(f"{mode}\n", encoding="utf-8")


def remembered(data: Path) -> Mode | None:
    """The mode of the last run in this folder, if there was one."""
    try:
        said = (data / "mode").read_text(encoding="utf-8").strip()
    except OSError:
        return None
    modes: dict[str, Mode] = {"embedded": "embedded", "sidecars": "sidecars"}
    return modes.get(said)
