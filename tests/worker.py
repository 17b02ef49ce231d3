"""A worker of pytest-xdist, forked by the zygote: it is spared the seconds that importing torch takes.

xdist starts this file in place of `python`, with the same arguments. It hands its descriptors on, and ends with the exit code of
the process that was forked. It imports nothing else, because it starts anew for each worker.
"""

import json
import os
import signal
import socket
import sys


def main(folder: str, *command: str) -> int:
    """Let the zygote whose socket is in `folder` run `python` with the arguments `command`, and return its exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the controller ends its workers
    request = {
        "command": [one for one in command if one != "-u"],
        "first": "",
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "numbers": [0, 1, 2],
        "is_leader": False,
    }
    data = json.dumps(request).encode()
    line = socket.socket(socket.AF_UNIX)
    line.connect(f"/proc/self/fd/{os.open(folder, os.O_RDONLY | os.O_DIRECTORY)}/zygote")
    socket.send_fds(line, [len(data).to_bytes(4, "little")], [0, 1, 2])
    line.sendall(data)
    for number in (0, 1, 2):
        os.close(number)
    answer = line.makefile("rb").read(8)  # the number of the process, then its exit code
    return int.from_bytes(answer[4:], "little", signed=True) if len(answer) == 8 else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
