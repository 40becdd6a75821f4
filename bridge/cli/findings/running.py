"""The bridge that runs here, and the unit that systemd keeps it by."""

import asyncio
import os
import shutil
from collections.abc import Sequence
from typing import Final

from bridge import __version__
from bridge.cli.findings import Case, Finding, fail, ok, warn
from bridge.cli.status import readyz

UNIT: Final = "smsbridge.service"

_ASKED: Final = "LoadState,ActiveState,SubState,Result,NRestarts,UnitFileState"


async def look(case: Case) -> Sequence[Finding]:
    """What /readyz says."""
    says = await readyz(case.configuration, case.patience * 0.8)
    if says is None:
        return [warn("bridge", "none answers on [console] listen", "start it: systemctl start smsbridge")]
    found = []
    if not says["ready"]:
        text = f"it runs and is not ready: {'; '.join(says.get('reasons') or ['it does not say why'])}"
        found.append(fail("bridge", text, "journalctl -u smsbridge says more"))
    mend = "mend what it says, then: systemctl reload smsbridge"
    found += [fail("bridge", str(trouble), mend) for trouble in says.get("degraded") or ()]
    if says.get("version") != __version__:
        text = f"it runs as version {says.get('version')}, and {__version__} is installed"
        found.append(warn("bridge", text, "systemctl restart smsbridge"))
    if says.get("test"):
        found.append(warn("bridge", "it runs in test mode: no phone gets anything", "set test = false in [websms]"))
    return found or [ok("bridge", f"version {__version__} runs and is ready, {says.get('queued', 0)} queued")]


async def unit(_case: Case) -> Sequence[Finding]:
    """What systemd says, where there is one."""
    program = shutil.which("systemctl")
    if program is None:
        return [ok("service", "there is no systemd here")]
    asking = await asyncio.create_subprocess_exec(
        program,
        *("show", UNIT, "--property", _ASKED),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "LC_ALL": "C"},
    )
    try:
        said, _ = await asking.communicate()
    finally:
        if asking.returncode is None:
            asking.kill()
    return [_judged(dict(line.split("=", 1) for line in said.decode(errors="replace").splitlines() if "=" in line))]


def _judged(says: dict[str, str]) -> Finding:
    if says.get("LoadState") != "loaded":
        return ok("service", f"systemd knows no {UNIT} here")
    state, again = says.get("ActiveState", ""), says.get("NRestarts", "0")
    if state == "failed":
        text = f"{UNIT} failed: {says.get('Result')}"
        return fail("service", text, f"journalctl -u {UNIT} -n 50; after mending: systemctl restart {UNIT}")
    if state != "active":
        return warn("service", f"{UNIT} is {state} ({says.get('SubState')})", f"systemctl start {UNIT}")
    if says.get("UnitFileState") not in {"enabled", "static", "generated", "enabled-runtime"}:
        return warn("service", f"{UNIT} runs, but would not after a reboot", f"systemctl enable {UNIT}")
    if again not in {"0", ""}:
        text = f"{UNIT} was started again {again} times by systemd"
        return warn("service", text, f"journalctl -u {UNIT} says why")
    return ok("service", f"{UNIT} is active and enabled")
