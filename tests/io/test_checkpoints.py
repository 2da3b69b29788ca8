"""Checkpoints: what is written is read back; anything else is refused and nothing in it executed."""

import os
import pickle

import pytest
import torch

from synfer.discover import D2CL
from synfer.errors import FileError, InputError
from synfer.forecast import LaDID
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


@pytest.mark.parametrize(
    ("there", "wanted", "message"),
    [
        ("this", "that", "a checkpoint of another fit .*: name another file, or remove it"),
        ("synfer.forecast.LaDID", "synfer.discover.D2CL", "it holds a LaDID, not a D2CL: use LaDID.load"),
        ("synfer.discover.D2CL", "synfer.forecast.LaDID", "it holds a D2CL, not a LaDID: use D2CL.load"),
        ("synfer.discover.D2CL", "that", "it holds a D2CL that was saved, .*: name another file.$"),
        ("this", "synfer.discover.D2CL", "how far a fit had come, not a D2CL that was saved: name the file that save"),
    ],
)
def test_of_other_work(tmp_path, there, wanted, message):
    """Nobody is told to remove a model that was saved."""
    save_checkpoint(tmp_path / "fit.pt", there, STATE)
    with pytest.raises(FileError, match=message):
        load_checkpoint(tmp_path / "fit.pt", wanted)


@pytest.mark.parametrize("load", [LaDID.load, D2CL.load])
@pytest.mark.parametrize("path", [3, None])
def test_what_is_no_path(load, path):
    with pytest.raises(InputError, match="path must be a path or its name; got a"):
        load(path)


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
