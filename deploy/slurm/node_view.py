"""What a pretend node sees of this machine: the labs' environment at one readable place, and no data of Paja's.

A checkout, and the Python below an environment, may stand in folders that only root may enter; a real node has them
on a disk that all accounts read. Each node has its own processes too: when it is lost, so are they.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.jupyterhub.sandbox import find_base, find_bubblewrap, parent_folders

ROOT: Final = Path(__file__).resolve().parents[2]
NODE: Final = Path("/mnt/paja")
LAB, PLATFORM, FILES, PROJECT = NODE / "lab", NODE / "platform", NODE / "files", NODE / "project"


@dataclass(frozen=True)
class NodeView:
    """`hidden` are folders of this machine that nodes have no business in."""

    lab: Path = ROOT / ".venv-lab"
    platform: Path = ROOT / ".venv"
    project: Path = ROOT
    hidden: tuple[Path, ...] = ()

    def argv(self, command: list[str]) -> list[str]:
        """Bubblewrap in front of a node's daemon, which stays root with all that it may."""
        shown = self.shown()
        covered = outermost([*self.hidden, *(closed_parent(path) for path in find_bases(shown.values()))])
        argv = [str(find_bubblewrap()), "--unshare-pid", "--unshare-ipc", "--cap-add", "ALL"]
        argv += ["--dev-bind", "/", "/"]
        for folder in (NODE.parent, *covered):
            argv += ["--perms", "0755", "--tmpfs", str(folder)]
        bases = find_bases(shown.values())
        argv += below_covers([*shown, *bases], [NODE.parent, *covered])
        for target, source in [*shown.items(), *((base, base) for base in bases)]:
            argv += ["--ro-bind", str(source), str(target)]
        # The processes of the node alone, mounted whole, so that a user there can make a /proc of their own.
        return [*argv, "--", "unshare", "--mount", "--mount-proc", "--", *command]

    def find_closed(self) -> list[Path]:
        """What is shown but was made for its owner's eyes only, by the look of its first files."""
        return [
            source
            for source in self.shown().values()
            if any(not is_open(path) for path in (source, *source.iterdir()) if path.name != "__pycache__")
        ]

    def shown(self) -> dict[Path, Path]:
        """Places on the node, and what of this machine is there, read-only."""
        found = {
            LAB: self.lab.resolve(),
            PLATFORM: self.platform.resolve(),
            FILES: self.project / "deploy" / "jupyterhub" / "learner",
            PROJECT / "labs": self.project / "labs",
        }
        return {target: source for target, source in found.items() if source.is_dir()}


def is_open(path: Path) -> bool:
    """Whether others may read it, and enter it where it is a folder; a link is what it leads to."""
    wanted = 0o005 if path.is_dir() else 0o004
    return not path.exists() or path.stat().st_mode & wanted == wanted


def find_bases(trees: Iterable[Path]) -> list[Path]:
    """The installations that environments among `trees` stand on, where only root could reach them."""
    bases = {
        base
        for tree in trees
        if (tree / "pyvenv.cfg").is_file()
        for base in find_base(tree / "bin" / "python")
    }
    return sorted(base for base in bases if closed_parent(base) is not None)


def closed_parent(path: Path) -> Path | None:
    """The outermost folder above `path` that others may not enter."""
    return next((folder for folder in reversed(path.parents) if not folder.stat().st_mode & 0o001), None)


def outermost(folders: Iterable[Path | None]) -> list[Path]:
    """Without those that lie in another of them: once covered, they are not there to be covered again."""
    found = sorted({folder.resolve() for folder in folders if folder is not None and folder.is_dir()})
    return [folder for folder in found if not any(other in folder.parents for other in found)]


def below_covers(targets: list[Path], covers: list[Path]) -> list[str]:
    """The folders between what was covered and what is put there."""
    argv = parent_folders(targets)
    kept: list[str] = []
    for at in range(0, len(argv), 4):
        folder = Path(argv[at + 3])
        if any(cover in folder.parents for cover in covers):
            kept += argv[at : at + 4]
    return kept
