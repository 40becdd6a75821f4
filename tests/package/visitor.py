"""Clients of a service that is several processes: a program for a machine that has nothing but Python.

All processes accept on the same sockets, so a client chooses one by stopping the others until it has the connection;
which one has it is asked of the kernel, not of the service.

    visitor.py who                      the processes of the unit, the main one first
    visitor.py signal PID NAME          a signal: a small Debian has no kill(1)
    visitor.py mail PID PORT TO TEXT    the last reply
    visitor.py sms PID PORT PATH JSON   the status, and what is answered
    visitor.py hold PID PORT            a mail that was begun; it ends when the service ends it
    visitor.py storm PORT TO            two clients at each process, mail after mail until they are hung up on; a line
                                        "id text" for each mail that was acknowledged
"""

import http.client
import os
import signal
import smtplib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

UNIT = "smsbridge.service"
PATIENCE = 60.0  # seconds
AUTHOR = "office@example.com"


def processes() -> list[int]:
    """Of the unit, the main one first."""
    asked = ["systemctl", "show", UNIT, "--property=MainPID", "--property=ControlGroup"]
    said = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    found = dict(line.partition("=")[::2] for line in said.splitlines())
    group = f":{found['ControlGroup']}\n"
    listed = [int(place.name) for place in Path("/proc").glob("[0-9]*") if group in _cgroups(place)]
    return sorted(listed, key=lambda pid: (pid != int(found["MainPID"]), pid))


def _cgroups(place: Path) -> str:
    try:
        return (place / "cgroup").read_text(encoding="ascii")
    except OSError:  # ended meanwhile
        return ""


@contextmanager
def alone(pid: int) -> Iterator[None]:
    """As long as this lasts the other processes of the unit do nothing."""
    others = [each for each in processes() if each != pid]
    for each in others:
        os.kill(each, signal.SIGSTOP)
    try:
        until(lambda: all(_state(each) == "T" for each in others))
        yield
    finally:
        for each in others:
            os.kill(each, signal.SIGCONT)


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]


def connect(pid: int, port: int) -> socket.socket:
    """A connection that this process has accepted."""
    with alone(pid):
        client = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        until(lambda: _has(pid, client))
    return client


def _has(pid: int, client: socket.socket) -> bool:
    """Whether the other end of this is the process's."""
    here, there = (f":{name[1]:04X}" for name in (client.getsockname(), client.getpeername()))
    rows = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()]
    (inode,) = {row[9] for row in rows if row[1].endswith(there) and row[2].endswith(here)}
    return f"socket:[{inode}]" in set(_held(pid))


def _held(pid: int) -> Iterator[str]:
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            yield str(descriptor.readlink())


def until(holds: Callable[[], bool]) -> None:
    """Asks again and again."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            sys.exit("in vain")
        time.sleep(0.01)


def door(pid: int, port: int) -> smtplib.SMTP:
    """The mail door of this process."""
    client = smtplib.SMTP()
    client.timeout = PATIENCE
    client.sock = connect(pid, port)
    client.getreply()
    client.ehlo("client.example.org")
    return client


def post(client: smtplib.SMTP, to: str, text: str) -> str:
    """A mail; the last reply."""
    client.mail(AUTHOR)
    code, said = client.rcpt(to)
    if code == 250:
        code, said = client.data(f"From: {AUTHOR}\nTo: {to}\nSubject: x\n\n{text}\n")
    else:
        client.rset()
    return f"{code} {said.decode()}"


def sms(pid: int, port: int, path: str, fields: str) -> str:
    """A notification of the provider."""
    web = http.client.HTTPConnection("127.0.0.1", port)
    web.sock = connect(pid, port)
    web.request("POST", path, fields.encode(), {"Content-Type": "application/json"})
    answer = web.getresponse()
    return f"{answer.status} {answer.read().decode()}"


def hold(pid: int, port: int) -> str:
    """A session in the middle of a mail, and one that is idle."""
    idle, busy = door(pid, port), door(pid, port)
    busy.mail(AUTHOR)
    print("begun", flush=True)
    return f"{idle.getreply()} {busy.getreply()}"


def storm(port: int, to: str) -> None:
    """Until every client was hung up on."""
    clients = [(f"{index}-{number}", door(pid, port)) for index, pid in enumerate(processes()) for number in range(2)]
    threads = [threading.Thread(target=_rain, args=(name, client, to)) for name, client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _rain(name: str, client: smtplib.SMTP, to: str) -> None:
    number = 0
    with suppress(OSError):  # smtplib's own errors are such, too
        while True:
            number += 1
            text = f"drop {name}-{number}."
            reply = post(client, to, text)
            if not reply.startswith("250 "):
                return
            os.write(1, f"{reply.rpartition(' ')[2]} {text}\n".encode())


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["who"]:
            print(*processes())
        case ["signal", pid, name]:
            os.kill(int(pid), signal.Signals[name])
        case ["mail", pid, port, to, text]:
            print(post(door(int(pid), int(port)), to, text))
        case ["sms", pid, port, path, fields]:
            print(sms(int(pid), int(port), path, fields))
        case ["hold", pid, port]:
            print(hold(int(pid), int(port)))
        case ["storm", port, to]:
            storm(int(port), to)
        case _:
            sys.exit(__doc__)
