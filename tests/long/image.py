"""The image that systemd/Containerfile describes, built by buildah and run as its user.

The base it names lies in a registry of images that is not everywhere; here it is a Debian of packages. The files of the
image run with its user in a chroot: buildah's own way without a container runtime only runs them as root.
"""

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from tests.package import built

_BASE, _IMAGE = "localhost/base", "localhost/smsbridge"


@dataclass(kw_only=True)
class Figures:
    """1 for what was seen; `wrong` says what was not."""

    built: int = 0
    user: str = ""
    demo: int = 0
    healthcheck: int = 0
    wrong: list[str] = field(default_factory=list)


def prove(place: Path) -> Figures:
    """Wheels, base, image, demo. Where a tool is missing nothing is proven, and it says so."""
    figures = Figures()
    missing = [name for name in ("buildah", "mmdebstrap") if shutil.which(name) is None]
    if missing:
        print(f"left out, since these are not installed: {', '.join(missing)}")
        return figures
    context = _context(place / "context")
    base = place / "base.tar"
    release = dict(line.partition("=")[::2] for line in Path("/etc/os-release").read_text().splitlines())
    packages = "--include=python3,python3-venv,ca-certificates"
    built.run("mmdebstrap", "--quiet", "--variant=apt", packages, release["VERSION_CODENAME"], base)
    scratch = _buildah(place, "from", "scratch")
    _buildah(place, "add", "--quiet", scratch, str(base), "/")
    _buildah(place, "commit", "--quiet", scratch, _BASE)
    arguments = ["--build-arg", f"BASE={_BASE}", "--build-arg", "PIP_NO_INDEX=1"]
    recipe = ["--file", str(built.SYSTEMD / "Containerfile"), "--tag", _IMAGE, str(context)]
    _buildah(place, "bud", "--quiet", "--pull-never", "--format", "docker", *arguments, *recipe)
    figures.built = 1
    _look(place, figures)
    _buildah(place, "rm", "--all")
    _buildah(place, "rmi", "--all", "--force")
    return figures


def _context(directory: Path) -> Path:
    """What a build without a registry needs: our wheel, and all that the requirement files name."""
    built.hatchling(directory / "dist", "wheel")
    builder = directory.parent / "builder"
    built.run("/usr/bin/python3", "-m", "venv", builder)  # the Python of the base
    pip, pins = builder / "bin" / "pip", built.SYSTEMD
    (directory / "systemd").mkdir()
    for name in ("requirements.txt", "requirements-build.txt"):
        shutil.copy(pins / name, directory / "systemd")
    built.run(pip, "install", "--quiet", "--require-hashes", "-r", pins / "requirements-build.txt")
    download: list[str | Path] = [pip, "download", "--quiet", "--no-deps", "--require-hashes", "-d", directory / "dist"]
    built.run(*download, "-r", pins / "requirements-build.txt")
    sources = ["--only-binary=:all:", "--no-binary=dkimpy", "--no-build-isolation"]
    built.run(*download, *sources, "-r", pins / "requirements.txt")
    return directory


def _look(place: Path, figures: Figures) -> None:
    shown = json.loads(_buildah(place, "inspect", "--type", "image", _IMAGE))["Docker"]["config"]
    figures.user = shown["User"]
    figures.healthcheck = int(bool(shown.get("Healthcheck")))
    if figures.user in {"", "root", "0"}:
        figures.wrong.append("the image runs as root")
    if not figures.healthcheck:
        figures.wrong.append("the image has no health check")
    container = _buildah(place, "from", "--pull-never", _IMAGE)
    mounted = _buildah(place, "mount", container)
    group = built.run("chroot", mounted, "id", "-g", figures.user).strip()
    environment = ["env", "-i", "HOME=/var/lib/smsbridge", "PATH=/opt/smsbridge/bin:/usr/bin:/bin"]
    steps = "cd && test ! -w /opt/smsbridge && smsbridge demo --once && smsbridge --version"
    said = built.run("chroot", f"--userspec={figures.user}:{group}", mounted, *environment, "sh", "-c", steps)
    figures.demo = int("done: mail -> SMS" in said)
    if not figures.demo:
        figures.wrong.append("the demo did not come to its end")


def _buildah(place: Path, *words: str) -> str:
    own = [f"--root={place / 'store'}", f"--runroot={place / 'run'}"]
    return built.run("buildah", *own, *words, env={"BUILDAH_ISOLATION": "chroot", "STORAGE_DRIVER": "vfs"}).strip()
