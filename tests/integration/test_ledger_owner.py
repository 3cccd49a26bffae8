"""What the owner of the files does cannot be refused; each of it is found by ``kdorch ledger verify``."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from orchestrator.dispatch.home import Home
from orchestrator.dispatch.verify import verify_ledger
from orchestrator.ledger.anchors import anchor_line
from tests.integration.attack_table import PAGE, rendered
from tests.integration.owner_attacks import OWNER_ATTACKS, OwnerAttack


@pytest.fixture
def home(proof: Home, tmp_path: Path) -> Home:
    shutil.copytree(proof.root, tmp_path / "home")
    return Home(tmp_path / "home")


@pytest.fixture(scope="session")
def kept_elsewhere(proof: Home, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A head of the chain that the owner of the ledger's files does not own."""
    path = tmp_path_factory.mktemp("elsewhere") / "notebook.txt"
    path.write_text(anchor_line(verify_ledger(proof, full=False).head))
    return path


@pytest.mark.parametrize("attack", OWNER_ATTACKS, ids=lambda a: a.name)
def test_what_an_owner_does_is_found(attack: OwnerAttack, home: Home, kept_elsewhere: Path) -> None:
    before = {p: p.read_bytes() for p in home.root.rglob("*") if p.is_file()}
    attack.run(home)
    assert {p: p.read_bytes() for p in home.root.rglob("*") if p.is_file()} != before, "the attack changed nothing"
    if attack.needs_anchor:
        for report in home.root.glob("reports/*/report.md"):
            report.unlink()  # the owner can do that too, so what finds it must be kept elsewhere
        assert not any(d.kind != "anchor" for d in verify_ledger(home, full=True).disagreements)
    told = verify_ledger(home, full=True, anchors=[kept_elsewhere] if attack.needs_anchor else [])
    assert any(d.kind == attack.kind and re.search(attack.says, d.what) for d in told.disagreements), told.disagreements


def test_the_page_of_attacks_is_what_the_tests_do() -> None:
    assert PAGE.read_text(encoding="utf-8") == rendered(), f"run 'python -m tests.integration.attack_table': {PAGE}"
