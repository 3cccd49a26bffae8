"""The shape of the project: what lies where, what imports what, and what a wheel carries."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("orchestrator", "worker", "migrations", "campaigns", "templates", "tests", "docker", "benchmarks", ".ci")
DOCUMENTS = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "pyproject.toml", "constraints.txt")
GENERATED = {"__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis"}
BINARY = {".png", ".pt", ".bin", ".gz", ".sqlite", ".db", ".pyc"}
PREAMBLE = "import sys; sys.dont_write_bytecode = True\n"

HEAVY = ("alembic", "fabric", "jinja2", "matplotlib", "numpy", "paramiko", "pydantic", "rich", "scipy", "sqlalchemy",
         "torch")
"""Each costs tens of milliseconds or more to import, and ``kdorch --help`` needs none of them."""

# Character classes keep these patterns from finding themselves.
FORBIDDEN = {
    "a developer's directory": r"/(?:[U]sers|hom[e]/(?!kd\b))/?[a-z]|/wor[k]/|/roo[t]/",
    "a private address": r"(?<![\d.])(?:10\.\d{1,3}|192\.16[8]|172\.(?:1[6-9]|2\d|3[01]))\.\d{1,3}\.\d{1,3}(?![\d.])",
    "a package registry's host": r"(?:pyp[i]|pythonhoste[d]|download\.pytorc[h])\.org|(?:docker|ghcr|nvcr)\.i[o]\b",
    "a private key": r"-----BEGI[N] (?:OPENSSH |RSA |EC )?PRIVATE KEY",
    "an unfinished place": r"\b(?:TOD[O]|FIXM[E]|XX[X]|HAC[K])\b",
}


def files_below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not GENERATED.intersection(path.parts):
            yield path


def project_files() -> Iterator[Path]:
    for name in DOCUMENTS:
        yield ROOT / name
    for name in FOLDERS:
        yield from files_below(ROOT / name)


def python_files() -> list[Path]:
    return [p for p in project_files() if p.suffix == ".py"]


def modules_of(package: str) -> list[str]:
    """Dotted names of every module of a package, from its files."""
    names = []
    for path in files_below(ROOT / package):
        if path.suffix == ".py" and path.stem != "__main__":
            parts = path.relative_to(ROOT).with_suffix("").parts
            names.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return names


def importing(modules: list[str]) -> str:
    """A program that imports modules of this checkout, whatever else is on the path."""
    return (f"sys.path.insert(0, {str(ROOT)!r})\nimport importlib\n"
            f"for name in {modules!r}: importlib.import_module(name)\n")


def python(code: str, *flags: str, cwd: Path = ROOT) -> str:
    """What a fresh interpreter prints when it runs ``code``; fails with its complaint if it does not end well."""
    ended = subprocess.run([sys.executable, *flags, "-c", PREAMBLE + code], cwd=cwd, capture_output=True, text=True,
                           stdin=subprocess.DEVNULL, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


# --- what lies where ---

@pytest.mark.parametrize("name", [*FOLDERS, *DOCUMENTS, ".ci/run"])
def test_the_top_level_is_the_owners(name: str) -> None:
    assert (ROOT / name).exists()


def test_no_module_is_a_drawer_for_everything() -> None:
    drawers = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers"}
    inside = [p.relative_to(ROOT) for p in python_files()]
    assert [str(p) for p in inside if drawers & {p.stem, *p.parent.parts}] == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [str(p.relative_to(ROOT)) for p in python_files() if not ast.get_docstring(ast.parse(p.read_bytes()))]
    assert silent == []


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_holds(what: str) -> None:
    pattern = re.compile(FORBIDDEN[what])
    found = []
    for path in project_files():
        if path.suffix not in BINARY:
            for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
                if pattern.search(line):
                    found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    assert found == []


@pytest.mark.parametrize(("what", "text"), [
    ("a developer's directory", "see /hom" + "e/ann/project"),
    ("a developer's directory", "C:/User" + "s/ann"),
    ("a private address", "ssh 192.168." + "1.20"),
    ("a private address", "host: 10.1" + ".2.3"),
    ("a package registry's host", "https://pypi" + ".org/simple"),
    ("an unfinished place", "# TO" + "DO: later"),
])
def test_the_search_for_forbidden_text_finds_it(what: str, text: str) -> None:
    assert re.search(FORBIDDEN[what], text)


@pytest.mark.parametrize("text", ["/home/kd/.kdorch-host", "127.0.0.1", "version 10.1.2", "6.10.1.2.3", "/homework"])
def test_the_search_for_forbidden_text_lets_ordinary_text_pass(text: str) -> None:
    assert [what for what, pattern in FORBIDDEN.items() if re.search(pattern, text)] == []


# --- what imports what ---

def test_the_laptop_runs_without_torch() -> None:
    modules = modules_of("orchestrator")
    assert "orchestrator.domain.verdict" in modules
    python("""
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "triton", "safetensors", "worker"):
            raise ImportError(f"the laptop side must not need {name}")
sys.meta_path.insert(0, Refuse())
""" + importing(modules))


def test_the_domain_needs_the_standard_library_only() -> None:
    modules = [m for m in modules_of("orchestrator") if m.startswith("orchestrator.domain")]
    assert len(modules) > 1
    python(importing(modules), "-I", "-S")


def test_the_host_side_needs_the_standard_library_only(tmp_path: Path) -> None:
    modules = [m for m in modules_of("worker") if not m.startswith("worker.trainer.") and m != "worker.trainer"]
    assert {"worker.host", "worker.supervisor", "worker.simulated"} <= set(modules)
    python(importing(modules), "-I", "-S", cwd=tmp_path)


def test_the_host_side_is_written_in_the_grammar_of_python_3_10() -> None:
    for path in files_below(ROOT / "worker"):
        if path.suffix == ".py":
            ast.parse(path.read_bytes(), filename=str(path), feature_version=(3, 10))


def test_help_imports_nothing_heavy() -> None:
    shown = python(f"""
from orchestrator.cli.app import main
sys.argv = ["kdorch", "--help"]
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended.code
heavy = sorted(set({HEAVY!r}) & set(sys.modules))
assert not heavy, heavy
""")
    for verb in ("campaign", "watch", "ledger", "run", "host", "report"):
        assert re.search(rf"^\s+{verb}\s", shown, re.MULTILINE), shown


# --- what a wheel carries ---

@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    built = subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT,
                           capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


def test_a_wheel_carries_all_code_and_every_shipped_document(wheel: zipfile.ZipFile) -> None:
    inside = set(wheel.namelist())
    wanted = {str(p.relative_to(ROOT)) for name in ("orchestrator", "worker") for p in files_below(ROOT / name)}
    wanted |= {f"orchestrator/_shipped/{p.relative_to(ROOT)}"
               for name in ("campaigns", "templates", "migrations") for p in files_below(ROOT / name)}
    assert {p for p in wanted if p.endswith((".yaml", ".j2", "supervisor.py"))}, "there is nothing to ship"
    assert wanted - inside == set()


def test_a_wheel_carries_nothing_else(wheel: zipfile.ZipFile) -> None:
    tops = {name.partition("/")[0] for name in wheel.namelist()}
    assert {t for t in tops if not t.endswith(".dist-info")} == {"orchestrator", "worker"}
    assert [n for n in wheel.namelist() if "__pycache__" in n or n.endswith(".pyc")] == []


def test_an_unpacked_wheel_finds_what_it_carries(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    wheel.extractall(tmp_path)
    shown = python(f"""
sys.path.insert(0, {str(tmp_path)!r})
from orchestrator.resources import shipped, worker_source
print(shipped("campaigns"), shipped("templates"), shipped("migrations"), worker_source(), sep="\\n")
""", "-I", "-S", cwd=tmp_path)
    campaigns, templates, migrations, worker = map(Path, shown.splitlines())
    assert all(p.is_relative_to(tmp_path) for p in (campaigns, templates, migrations, worker))
    assert (campaigns / "quickstart.yaml").is_file()
    assert (templates / "launch.sh.j2").is_file()
    assert (worker / "supervisor.py").is_file()
    assert any((migrations / "versions").glob("*.py"))


def test_a_wheel_brings_the_command(wheel: zipfile.ZipFile) -> None:
    (entry_points,) = (n for n in wheel.namelist() if n.endswith("entry_points.txt"))
    assert "kdorch = orchestrator.cli.app:main" in wheel.read(entry_points).decode()
