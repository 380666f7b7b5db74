"""inotify by ctypes and add_reader, which is what the packages for it do; the same rounds as folder.h's."""
import asyncio
import ctypes
import os
import shutil
import struct
import tempfile

from bench import clock, each, result, run

FILES, ROUNDS, SINGLES, IN_MODIFY = 512, 100, 10000, 2
libc = ctypes.CDLL(None, use_errno=True)


class Folder:
    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="bench-watch-")
        self.fds = [os.open(f"{self.path}/file-{i}", os.O_WRONLY | os.O_CREAT) for i in range(FILES)]
        self.names = [b"file-%d" % i for i in range(FILES)]
        self.reports = self.round = self.spent = 0
        self.single = self.done = False

    def write(self, index):
        os.pwrite(self.fds[index], b"x", 0)

    def begin(self):
        for index in range(FILES):
            self.write(index)
        self.start = clock()

    def next_round(self):
        self.spent += clock() - self.start
        self.round += 1
        if self.round < ROUNDS:
            return self.begin()
        result("watch-event", self.spent / (ROUNDS * FILES))
        self.single, self.reports, self.start = True, 0, clock()
        self.write(0)

    def reported(self, name):
        turn = 2 if self.single else FILES
        assert name == self.names[self.reports % turn]
        self.reports += 1
        if not self.single and self.reports % turn == 0:
            self.next_round()
        elif self.single and self.reports < SINGLES:
            self.write(self.reports % turn)
        elif self.single:
            each("watch-single", self.start, SINGLES)
            self.done = True


async def main():
    loop, folder = asyncio.get_running_loop(), Folder()
    ended, header = loop.create_future(), struct.Struct("iIII")
    fd = libc.inotify_init1(os.O_NONBLOCK)
    assert libc.inotify_add_watch(fd, folder.path.encode(), IN_MODIFY) >= 0

    def on_readable():
        data, at = os.read(fd, 65536), 0
        while at < len(data):
            size = header.unpack_from(data, at)[3]
            at += header.size
            folder.reported(data[at:at + size].rstrip(b"\0"))
            at += size
        if folder.done:
            loop.remove_reader(fd)
            ended.set_result(None)

    loop.add_reader(fd, on_readable)
    folder.begin()
    await ended
    shutil.rmtree(folder.path)


run(main())
