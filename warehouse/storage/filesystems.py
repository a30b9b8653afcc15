"""The type of the file system that holds a folder, and whether it is a network file system."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

# flock and SQLite's locks do not exclude across machines on these (or not on every server).
NETWORK_TYPES = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb", "smb3", "smbfs", "afpfs", "webdav", "davfs", "9p", "afs"),
        *("ceph", "glusterfs", "lustre", "beegfs", "gpfs", "ocfs2", "gfs2", "drvfs"),
        *("fuse.sshfs", "fuse.s3fs", "fuse.rclone", "fuse.glusterfs", "fuse.gcsfuse"),
        *("fuse.davfs2", "fuse.goofys", "fuse.ceph", "osxfuse", "macfuse", "fuse.juicefs"),
        *("fuse.cifs", "fuse.smbnetfs", "fuse.curlftpfs", "fuse.vmhgfs-fuse", "vboxsf", "prl_fs"),
    }
)
_BSD_MOUNT = re.compile(r"^.+ on (?P<point>/.*) \((?P<type>[^,)]+)[,)]")


def parse_mounts(text: str) -> dict[str, str]:
    """Return file-system types by mount point from `/proc/mounts` or the output of `mount`."""
    mounts: dict[str, str] = {}
    for line in text.splitlines():
        if match := _BSD_MOUNT.match(line):
            mounts[match["point"]] = match["type"]
        elif len(fields := line.split(" ")) >= 3:
            point = re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), fields[1])
            mounts[point] = fields[2]
    return mounts


def filesystem_type(folder: Path, mounts: dict[str, str]) -> str | None:
    """Return the type of the file system that holds a resolved folder, None if unknown."""
    for point in (folder, *folder.parents):
        if str(point) in mounts:
            return mounts[str(point)]
    return None


def network_type(folder: Path) -> str | None:
    """Return the type of the network file system that holds a folder; None if it is local."""
    proc = Path("/proc/self/mounts")
    if proc.exists():
        text = proc.read_text(encoding="utf-8", errors="replace")
    elif sys.platform == "darwin":
        text = subprocess.run(["/sbin/mount"], capture_output=True, text=True, check=False).stdout
    else:
        return None
    kind = filesystem_type(folder.resolve(), parse_mounts(text))
    return kind if kind in NETWORK_TYPES else None
