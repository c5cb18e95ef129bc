#!/usr/bin/python3
"""A file system in memory that keeps only what was synced: MOUNTPOINT is its one argument.

Bytes and the size of a file are kept by fsync or fdatasync of it, or by a write through a handle with O_SYNC or O_DSYNC; names in a folder
(created, renamed, removed) are kept by fsync of that folder, and by nothing else. Making `.power-cut` in its root drops all the rest, as a
power failure does. POSIX promises no more; file systems that keep more hide what this one shows.
"""
import errno
import os
import stat
import sys
import time

from fusepy import FUSE, FuseOSError, Operations

SWITCH = "/.power-cut"


class File:
    def __init__(self, mode):
        self.mode = stat.S_IFREG | mode
        self.bytes = bytearray()
        self.kept = bytearray()
        self.unsynced = []
        self.mtime = time.time()

    def write(self, data, offset):
        if offset > len(self.bytes):
            self.bytes.extend(bytes(offset - len(self.bytes)))
        self.bytes[offset:offset + len(data)] = data
        self.unsynced.append((offset, len(data)))
        self.mtime = time.time()

    def truncate(self, length):
        if length < len(self.bytes):
            del self.bytes[length:]
        else:
            self.bytes.extend(bytes(length - len(self.bytes)))
        self.unsynced.append((length, 0))

    def sync(self):
        size = len(self.bytes)
        lowest = min([size, *(offset for offset, length in self.unsynced if length == 0)])
        # A range that was truncated and written again since the last sync is copied again.
        ranges = [*self.unsynced, (min(len(self.kept), lowest), size - min(len(self.kept), lowest))] if self.unsynced else []
        del self.kept[size:]
        if len(self.kept) < size:
            self.kept.extend(bytes(size - len(self.kept)))
        for offset, length in ranges:
            self.kept[offset:min(offset + length, size)] = self.bytes[offset:min(offset + length, size)]
        self.unsynced = []

    def cut_power(self):
        self.bytes = bytearray(self.kept)
        self.unsynced = []


class Folder:
    def __init__(self, mode):
        self.mode = stat.S_IFDIR | mode
        self.names = {}
        self.kept = {}
        self.mtime = time.time()

    def sync(self):
        self.kept = dict(self.names)

    def cut_power(self):
        self.names = dict(self.kept)
        for each in self.names.values():
            each.cut_power()


class Unsynced(Operations):
    def __init__(self):
        self.root = Folder(0o755)
        self.handles = {}
        self.next = 1

    def find(self, path):
        node = self.root
        for name in path.split("/"):
            if name == "":
                continue
            if not isinstance(node, Folder):
                raise FuseOSError(errno.ENOTDIR)
            node = node.names.get(name)
            if node is None:
                raise FuseOSError(errno.ENOENT)
        return node

    def parent(self, path):
        return self.find(os.path.dirname(path)), os.path.basename(path)

    def file_of(self, path, handle):
        return self.handles[handle.fh] if handle is not None and handle.fh in self.handles else self.find(path)

    def opened(self, node, handle):
        handle.fh = self.next
        self.handles[handle.fh] = node
        self.next += 1
        return 0

    def getattr(self, path, handle=None):
        node = self.file_of(path, handle)
        size = len(node.bytes) if isinstance(node, File) else 0
        times = dict(st_atime=node.mtime, st_mtime=node.mtime, st_ctime=node.mtime)
        return dict(st_mode=node.mode, st_nlink=1, st_size=size, st_blocks=(size + 511) // 512, st_uid=os.getuid(), st_gid=os.getgid(), **times)

    def readdir(self, path, handle):
        return [".", "..", *self.find(path).names]

    def statfs(self, path):
        free = 4 << 30
        return dict(f_bsize=4096, f_frsize=4096, f_blocks=free // 4096, f_bfree=free // 4096, f_bavail=free // 4096, f_namemax=255)

    def create(self, path, mode, handle):
        if path == SWITCH:
            self.root.cut_power()
            raise FuseOSError(errno.ECANCELED)
        folder, name = self.parent(path)
        folder.names[name] = File(mode & 0o777)
        return self.opened(folder.names[name], handle)

    def open(self, path, handle):
        node = self.find(path)
        if handle.flags & os.O_TRUNC:
            node.truncate(0)
        return self.opened(node, handle)

    def release(self, path, handle):
        self.handles.pop(handle.fh, None)
        return 0

    def read(self, path, size, offset, handle):
        return bytes(self.file_of(path, handle).bytes[offset:offset + size])

    def write(self, path, data, offset, handle):
        node = self.file_of(path, handle)
        node.write(data, offset)
        if handle.flags & (os.O_DSYNC | os.O_SYNC):
            node.sync()
        return len(data)

    def truncate(self, path, length, handle=None):
        self.file_of(path, handle).truncate(length)

    def fsync(self, path, datasync, handle):
        self.file_of(path, handle).sync()

    def fsyncdir(self, path, datasync, handle):
        self.find(path).sync()

    def flush(self, path, handle):
        return 0

    def opendir(self, path):
        return 0

    def mkdir(self, path, mode):
        folder, name = self.parent(path)
        if name in folder.names:
            raise FuseOSError(errno.EEXIST)
        folder.names[name] = Folder(mode & 0o777)

    def rmdir(self, path):
        folder, name = self.parent(path)
        if self.find(path).names:
            raise FuseOSError(errno.ENOTEMPTY)
        del folder.names[name]

    def unlink(self, path):
        folder, name = self.parent(path)
        self.find(path)
        del folder.names[name]

    def rename(self, old, new):
        node = self.find(old)
        source, name = self.parent(old)
        target, renamed = self.parent(new)
        del source.names[name]
        target.names[renamed] = node

    def link(self, new, old):
        node = self.find(old)
        folder, name = self.parent(new)
        if name in folder.names:
            raise FuseOSError(errno.EEXIST)
        folder.names[name] = node

    def chmod(self, path, mode):
        node = self.find(path)
        node.mode = stat.S_IFMT(node.mode) | (mode & 0o777)

    def chown(self, path, uid, gid):
        return 0

    def utimens(self, path, times=None):
        return 0


if __name__ == "__main__":
    uncached = dict(direct_io=True, attr_timeout=0, entry_timeout=0, negative_timeout=0)
    FUSE(Unsynced(), sys.argv[1], foreground=True, nothreads=True, raw_fi=True, fsname="unsynced", **uncached)
