"""A disk on which every sync takes 5 ms longer: an ordinary one, where this machine's may have a battery or lie.

A library put before libc's by LD_PRELOAD, made when it is needed; SQLite, Postfix and everything else that syncs
through libc waits.
"""

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.bench.frame import Missing

MILLISECONDS = 5

_SOURCE = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
static void wait_a_little(void) {
    struct timespec left = { 0, %d * 1000000L };
    while (nanosleep(&left, &left) != 0) { }
}
int fsync(int file) {
    int (*real)(int) = (int (*)(int)) dlsym(RTLD_NEXT, "fsync");
    wait_a_little();
    return real(file);
}
int fdatasync(int file) {
    int (*real)(int) = (int (*)(int)) dlsym(RTLD_NEXT, "fdatasync");
    wait_a_little();
    return real(file);
}
"""


@contextlib.contextmanager
def slow_disk() -> Iterator[Mapping[str, str]]:
    """What a process must have in its environment. Raises `Missing` where there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise Missing("there is no C compiler: apt-get install gcc libc6-dev")
    with tempfile.TemporaryDirectory(prefix="smsbridge-bench-disk-") as name:
        place = Path(name)
        place.chmod(0o755)  # Postfix's unprivileged processes load it too
        source, library = place / "slow.c", place / "slow.so"
        source.write_text(_SOURCE % MILLISECONDS, encoding="ascii")
        made = subprocess.run(
            [compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(source), "-ldl"],
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode != 0:
            raise Missing(f"the slow disk could not be compiled: {made.stderr.strip()[:200]}")
        library.chmod(0o755)
        yield {"LD_PRELOAD": str(library)}
