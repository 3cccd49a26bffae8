"""Rules of assets on this machine: named by what they hold, whole or not there, directories as manifests."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from orchestrator.dispatch import asset_store
from orchestrator.dispatch.home import Home
from orchestrator.domain.errors import TransferCorrupt, UsageError
from orchestrator.wire.tree import parse_tree


@pytest.fixture
def place(home: Path) -> Home:
    return Home(home)


def tree(at: Path, **files: str) -> Path:
    for name, text in files.items():
        path = at / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return at


def stored_names(place: Home) -> set[str]:
    return {p.name for p in place.asset("x").parent.iterdir()}


def test_a_file_is_named_by_its_digest_and_stored_once(place: Home, tmp_path: Path) -> None:
    source = tmp_path / "best.pt"
    source.write_bytes(b"weights" * 1000)
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    moved: list[tuple[str, int, int]] = []
    asset = asset_store.add(place, source, moved=lambda *m: moved.append(m))
    assert (asset.sha256, asset.size_bytes, asset.parts) == (digest, 7000, [(digest, 7000)])
    assert place.asset(digest).read_bytes() == source.read_bytes()
    assert moved == [("best.pt", 7000, 7000)]
    source.write_bytes(b"changed")
    assert asset_store.stored(place, digest) == asset, "a copy does not change with its source"
    again = tmp_path / "again.pt"
    again.write_bytes(b"weights" * 1000)
    asset_store.add(place, again, moved=lambda *m: moved.append(m))
    assert len(moved) == 1
    assert stored_names(place) == {digest}


def test_a_link_takes_no_room_and_an_altered_one_is_found_and_removed(place: Home, tmp_path: Path) -> None:
    source = tmp_path / "best.pt"
    source.write_bytes(b"weights")
    asset = asset_store.add(place, source, link=True)
    assert place.asset(asset.sha256).samefile(source)
    asset_store.verify(place, asset.sha256)
    source.write_bytes(b"Weights")
    with pytest.raises(TransferCorrupt, match="removed"):
        asset_store.verify(place, asset.sha256)
    assert asset_store.stored(place, asset.sha256) is None
    assert source.exists()


def test_a_directorys_digest_is_of_names_and_contents_alone(place: Home, tmp_path: Path) -> None:
    one = tree(tmp_path / "one", b="2", a="1", sub__c="3")
    two = tree(tmp_path / "two", sub__c="3", a="1", b="2")
    os.utime(two / "a", (1, 1))
    (two / "a").chmod(0o600)
    asset = asset_store.add(place, one)
    assert asset_store.add(place, two).sha256 == asset.sha256
    assert [f.path for f in asset.files] == ["a", "b", "sub/c"]
    assert asset.manifest == place.asset(asset.sha256).read_bytes()
    assert hashlib.sha256(asset.manifest or b"").hexdigest() == asset.sha256
    assert asset.parts[-1][0] == asset.sha256, "the manifest travels last, so it vouches for what is there"
    (two / "b").rename(two / "bb")
    assert asset_store.add(place, two).sha256 != asset.sha256


def test_a_directory_is_there_only_when_all_of_it_is(place: Home, tmp_path: Path) -> None:
    asset = asset_store.add(place, tree(tmp_path / "d", a="1", b="22"))
    assert asset_store.stored(place, asset.sha256) == asset
    place.asset(asset.files[1].sha256).unlink()
    assert asset_store.stored(place, asset.sha256) is None
    assert asset_store.listed(place, asset.sha256) == asset


def test_what_looks_like_a_manifest_and_is_none_is_a_file(place: Home, tmp_path: Path) -> None:
    member = {"path": "../x", "sha256": "a" * 64, "size_bytes": 1}
    escapes = json.dumps({"contract": "v1", "files": [member], "kind": "tree"}, separators=(",", ":"))
    for text in ('{"contract":"v1","files":[', '{"contract":"v1","files":[],"kind":"tree"}', escapes):
        path = tmp_path / "odd.json"
        path.write_text(text)
        asset = asset_store.add(place, path)
        assert asset.manifest is None
        assert asset_store.stored(place, asset.sha256) == asset
        assert parse_tree(text.encode()) is None


@pytest.mark.parametrize("make", [
    lambda d: (d / "link").symlink_to("/etc/hostname"), lambda d: os.mkfifo(d / "pipe"), lambda d: None])
def test_a_directory_of_anything_but_files_is_refused(place: Home, tmp_path: Path, make: object) -> None:
    directory = tmp_path / "d"
    directory.mkdir()
    make(directory)  # type: ignore[operator]
    with pytest.raises(UsageError):
        asset_store.add(place, directory)
    with pytest.raises(UsageError, match="no such file"):
        asset_store.add(place, tmp_path / "absent")


def test_a_pipe_is_there_and_no_asset(place: Home, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    for pipe in (tmp_path / "pipe", tmp_path / "d" / "pipe"):
        os.mkfifo(pipe)
    for path in (tmp_path / "pipe", tmp_path / "d"):
        with pytest.raises(UsageError, match=r"pipe: is neither a file nor a directory$") as refused:
            asset_store.add(place, path)
        assert "write what it gives into one" in str(refused.value.hint)


def test_a_copy_that_is_cut_short_leaves_nothing(place: Home, tmp_path: Path) -> None:
    source = tmp_path / "big"
    source.write_bytes(b"x" * (asset_store.CHUNK_BYTES + 1))

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asset_store.add(place, source, moved=interrupt)
    assert stored_names(place) == set()


def test_an_export_is_a_copy_that_may_be_changed(place: Home, tmp_path: Path) -> None:
    asset = asset_store.add(place, tree(tmp_path / "d", a="1", sub__b="2"))
    asset_store.export(place, asset, tmp_path / "out")
    assert (tmp_path / "out/sub/b").read_text() == "2"
    (tmp_path / "out/a").write_text("changed")
    for digest, _ in asset.parts:
        asset_store.verify(place, digest)
    with pytest.raises(UsageError, match="there already"):
        asset_store.export(place, asset, tmp_path / "out")


def test_discarding_keeps_what_another_asset_needs(place: Home, tmp_path: Path) -> None:
    one = asset_store.add(place, tree(tmp_path / "one", a="shared", b="only here"))
    two = asset_store.add(place, tree(tmp_path / "two", a="shared"))
    needed = frozenset(digest for digest, _ in two.parts)
    freed = asset_store.discard(place, one, needed)
    assert freed == len("only here") + len(one.manifest or b"")
    assert asset_store.stored(place, two.sha256) == two
    assert stored_names(place) == set(needed)


def test_the_manifest_is_in_its_one_form(place: Home, tmp_path: Path) -> None:
    asset = asset_store.add(place, tree(tmp_path / "d", a="1"))
    assert asset.manifest is not None
    loose = json.dumps(json.loads(asset.manifest), indent=1).encode()
    assert parse_tree(asset.manifest) is not None
    assert parse_tree(loose) is None
