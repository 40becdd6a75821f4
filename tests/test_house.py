"""The house itself: README says what is there, every module has its tests, imports go down only."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import bridge
from bridge.cli import smsbridge
from bridge.config.settings import ConsoleSettings, SmtpdSettings, WebhookSettings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = "".join(path.read_text(encoding="utf-8") for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
TREE = README.split("## Develop", 1)[1].split("```")[1]

NO_TEST_OF_ITS_OWN = {
    "__init__": "what it re-exports is tested where it stands",
}


def modules() -> list[Path]:
    return sorted(path for path in (ROOT / "bridge").rglob("*.py") if "__pycache__" not in path.parts)


def test_the_tree_names_everything_in_bridge() -> None:
    there = {
        path.name + "/" * path.is_dir()
        for path in (ROOT / "bridge").iterdir()
        if not path.name.startswith("__") and path.name != "py.typed"
    }
    entries = "\n".join(line for line in TREE.splitlines() if line.startswith("  ") and not line.startswith("   "))
    assert set(re.findall(r"(?<!\S)([a-z_]+(?:/|\.py))(?=\s)", entries)) == there


def test_every_command_in_the_readme_exists() -> None:
    named = {
        word
        for block in re.findall(r"(?<=```sh\n)[^`]*(?=```)|`smsbridge [^`]*`", README)
        for word in re.findall(r"smsbridge ([a-z]+)", block)
    }
    assert named
    assert named <= set(smsbridge.commands)


def test_every_command_is_in_the_pages() -> None:
    for name in smsbridge.commands:
        assert f"smsbridge {name}" in PAGES


def test_the_tree_names_everything_at_the_top() -> None:
    there = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith((".", "_"))}
    made = {"build", "dist", "figures", "pictures", "venv"}
    assert {name for name in there - made if f"\n{name}/" not in TREE} == set()


def test_the_ports_in_the_readme_are_the_defaults() -> None:
    smtp, webhook, console = (
        settings.listen[0].port for settings in (SmtpdSettings(), WebhookSettings(), ConsoleSettings())
    )
    assert f"SMTP {smtp}, webhook {webhook}, console {console}" in " ".join(README.split())


@pytest.mark.parametrize("name", ["demo", "test"])
def test_the_two_commands_are_one_line_each(name: str) -> None:
    block = README.split(f"<!-- command: {name} -->\n```sh\n", 1)[1].split("```", 1)[0]
    assert block.count("\n") == 1


def its_test(module: Path) -> Path:
    """bridge/x.py is tested in tests/test_x.py, bridge/x/y.py and bridge/x/z/y.py in tests/x/test_y.py."""
    folders = module.relative_to(ROOT / "bridge").parent.parts[:1]
    return ROOT.joinpath("tests", *folders, f"test_{module.stem}.py")


def test_every_module_has_its_test_file() -> None:
    tested = [module for module in modules() if module.stem not in NO_TEST_OF_ITS_OWN]
    without = {str(module.relative_to(ROOT)): str(its_test(module).relative_to(ROOT)) for module in tested}
    assert {module: test for module, test in without.items() if not (ROOT / test).is_file()} == {}
    assert len(set(without.values())) == len(tested), "each has one of its own"


def test_every_folder_of_tests_is_a_package() -> None:
    folders = {path.parent for path in (ROOT / "tests").rglob("test_*.py")}
    assert [str(folder.relative_to(ROOT)) for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_modules_stay_small() -> None:
    long = {str(path): len(path.read_text(encoding="utf-8").splitlines()) for path in modules()}  # names come twice
    assert {name: lines for name, lines in long.items() if lines > 320} == {}


def test_the_changelog_knows_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "## Unreleased" in changelog or f"## {bridge.__version__}" in changelog


def test_imports_go_down_only() -> None:
    checked = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


def test_nothing_names_a_registry_or_a_machine() -> None:
    suspicious = re.compile(r"https?://(?:[a-z.]*pypi|registry\.npmjs|files\.pythonhosted|deb\.debian)|/(?:root|work)/")
    found = [
        f"{path.relative_to(ROOT)}: {line}"
        for folder in ("bridge", "config", "docs", "systemd", "tests", ".ci")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path != Path(__file__)
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines()
        if suspicious.search(line)
    ]
    assert found == []
