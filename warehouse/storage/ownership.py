"""Who owns files: naming what is in the way, and keeping a folder's owner where root writes."""

from __future__ import annotations

import os
import pwd
import shlex
import stat
from pathlib import Path

_STORE_FILE = "store.json"


def permission_problem(path: Path) -> str:
    """Return what keeps this user from a file, whose that is, and what fixes it.

    Only for a data folder that is a command, since it changes everything below.
    """
    blocked = _blocked(path)
    found = blocked.lstat()
    me, owner = _name_of(os.geteuid()), _name_of(found.st_uid)
    folder = _store_of(blocked) or (blocked if blocked == path else None)
    if folder is None:
        advice = f"use another folder, or ask {owner} for permission"
    elif found.st_uid == os.geteuid():
        advice = f"run `chmod -R u+rwX {shlex.quote(str(folder))}`"
    else:
        advice = f"run `sudo chown -R {me} {shlex.quote(str(folder))}`"
    return (
        f"{blocked} belongs to {owner} (mode {stat.S_IMODE(found.st_mode):04o}) and this is {me}: "
        f"{advice}"
    )


def unusable_below(folder: Path) -> Path | None:
    """Return a file or folder, below or above `folder`, that this user cannot read and write."""
    blocked = _blocked(folder)
    if not os.access(blocked, os.R_OK | os.W_OK | os.X_OK):
        return blocked
    for current, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(current, name)
            if not os.access(path, os.R_OK | os.W_OK):
                return path
    return None


def give_to_owner(folder: Path) -> None:
    """Give files of root in the folder of another user to that user; do nothing for other users.

    Otherwise one command that was run as root would lock out the owner. Files with several names
    are left alone, since they may be someone else's.
    """
    if os.geteuid() != 0:
        return
    try:
        owner = folder.stat()
    except OSError:
        return
    if owner.st_uid == 0:
        return
    for _, folders, files, descriptor in os.fwalk(folder):
        for name in (*folders, *files):
            try:
                found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                is_single = found.st_nlink == 1 or stat.S_ISDIR(found.st_mode)
                if found.st_uid == 0 and is_single:
                    os.chown(
                        name,
                        owner.st_uid,
                        owner.st_gid,
                        dir_fd=descriptor,
                        follow_symlinks=False,
                    )
            except OSError:
                # Another process has removed it, or root may not change it, as on NFS.
                continue


def make_folder(folder: Path) -> None:
    """Create a folder, readable by its owner only; as root, for the owner of the one above it."""
    above = folder.parent
    while not above.exists():
        above = above.parent
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    owner = above.stat()
    if os.geteuid() == 0 and owner.st_uid != 0:
        for path in missing:
            os.chown(path, owner.st_uid, owner.st_gid)


def _blocked(path: Path) -> Path:
    """Return the part of a path that this user cannot use, or the last part that exists."""
    usable = Path(path.anchor or ".")
    for part in (*reversed(path.parents), path):
        try:
            part.lstat()
        except OSError:
            return usable
        usable = part
    return path if not os.access(path, os.R_OK | os.W_OK) else path.parent


def _store_of(path: Path) -> Path | None:
    for folder in (path, *path.parents):
        if os.access(folder / _STORE_FILE, os.F_OK):
            return folder
    return None


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
