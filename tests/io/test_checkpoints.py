"""Checkpoints: what is written is read back; anything else is refused and nothing in it executed."""

import os
import pickle

import pytest
import torch

from synfer.errors import FileError
from synfer.io import checkpoints, load_checkpoint, save_checkpoint

STATE = {"weights": [torch.arange(3.0)], "epoch": 4, "history": {"loss": [0.5, float("inf")], "name": None}}


def test_round_trip(tmp_path):
    path = tmp_path / "fit.pt"
    assert load_checkpoint(path, "this") is None
    save_checkpoint(path, "this", STATE)
    save_checkpoint(path, "this", STATE | {"epoch": 5})
    found = load_checkpoint(path, "this")
    assert found["epoch"] == 5 and found["history"] == STATE["history"]
    assert torch.equal(found["weights"][0], torch.arange(3.0))
    assert [file.name for file in tmp_path.iterdir()] == ["fit.pt"]


def test_of_other_work(tmp_path):
    save_checkpoint(tmp_path / "fit.pt", "this", STATE)
    with pytest.raises(FileError, match="of another fit"):
        load_checkpoint(tmp_path / "fit.pt", "that")


def test_of_a_newer_version(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "SCHEMA", 99)
    save_checkpoint(tmp_path / "fit.pt", "this", STATE)
    monkeypatch.undo()
    with pytest.raises(FileError, match="layout 99 was written by synfer"):
        load_checkpoint(tmp_path / "fit.pt", "this")


@pytest.mark.parametrize("keep", [0, 10, 300, -1])
def test_truncated(tmp_path, keep):
    path = tmp_path / "fit.pt"
    save_checkpoint(path, "this", STATE)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(FileError, match="not a checkpoint of synfer"):
        load_checkpoint(path, "this")


class Hostile:
    def __reduce__(self):
        return os.mkdir, ("executed",)


def test_nothing_is_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for write in (torch.save, lambda thing, path: path.write_bytes(pickle.dumps(thing))):
        write({"synfer_kind": "checkpoint", "state": Hostile()}, tmp_path / "fit.pt")
        with pytest.raises(FileError, match="not a checkpoint of synfer"):
            load_checkpoint(tmp_path / "fit.pt", "this")
    assert not (tmp_path / "executed").exists()


def test_of_another_kind(tmp_path):
    torch.save([1, 2], tmp_path / "fit.pt")
    with pytest.raises(FileError, match="not a checkpoint of synfer"):
        load_checkpoint(tmp_path / "fit.pt", "this")


def test_where_it_cannot_be_written(tmp_path):
    with pytest.raises(FileError, match="does not exist"):
        save_checkpoint(tmp_path / "nowhere" / "fit.pt", "this", STATE)
