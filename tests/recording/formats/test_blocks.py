"""Parts of arrays in files: the numbers that indexing the whole gives, and no more memory than is said."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
import zipfile
import zlib

import h5py
import numpy as np
import pytest
import scipy.io
from hypothesis import given, settings
from hypothesis import strategies as st

from synfer.errors import FileError, InputError, ShapeError
from synfer.recording import Recording
from synfer.recording.formats import blocks, level5


@st.composite
def selections(draw):
    shape = tuple(draw(st.lists(st.integers(1, 9), min_size=2, max_size=3)))
    wanted = []
    for n in shape:
        if draw(st.booleans()):
            begin = draw(st.integers(0, n - 1))
            wanted.append(range(begin, draw(st.integers(begin + 1, n))))
        else:
            wanted.append(np.array(sorted(draw(st.sets(st.integers(0, n - 1), min_size=1)))))
    return shape, wanted


class Unseekable(io.BytesIO):
    """Gives what it has in small pieces, and only forwards, as a compressed file does."""

    def seekable(self):
        return False

    def readinto(self, view):
        return super().readinto(view[:7])


@pytest.mark.parametrize("source", [io.BytesIO, Unseekable])
@settings(max_examples=100, deadline=None)
@given(selections(), st.sampled_from(["<f8", ">f4", "<i2", "|u1"]), st.integers(1, 200))
def test_gathered_is_indexing(source, selection, kind, block):
    shape, wanted = selection
    x = np.arange(np.prod(shape)).reshape(shape).astype(kind)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(blocks, "BLOCK_BYTES", max(block, x.itemsize))
        found = blocks.gathered(source(x.tobytes()), shape, x.dtype, wanted)
    np.testing.assert_array_equal(found, x[np.ix_(*wanted)])
    assert found.dtype == x.dtype.newbyteorder("=")


@settings(max_examples=50, deadline=None)
@given(selections(), st.integers(8, 200), st.booleans(), st.integers(1, 4))
def test_gathered_from_hdf5_is_indexing(selection, block, chunked, extent):
    shape, wanted = selection
    x = np.arange(np.prod(shape), dtype=float).reshape(shape)
    with pytest.MonkeyPatch.context() as patched, h5py.File("in memory", "w", driver="core", backing_store=False) as f:
        patched.setattr(blocks, "BLOCK_BYTES", block)
        chunks = tuple(min(extent, n) for n in shape) if chunked else None
        found = blocks.gathered_from_hdf5(f.create_dataset("x", data=x, chunks=chunks), wanted)
    np.testing.assert_array_equal(found, x[np.ix_(*wanted)])


KINDS = ["f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"]


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_level_5_is_what_scipy_reads(kind, compressed, tmp_path, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 64)
    x = np.random.default_rng(0).integers(0, 100, (13, 5)).astype(kind)
    others = {"before": np.eye(3), "text": "words", "cell": np.array([[1, "a"]], dtype=object)}
    path = tmp_path / "x.mat"
    scipy.io.savemat(path, others | {"x": x, "after": np.ones((2, 2))}, do_compression=compressed)
    expected = scipy.io.loadmat(path)["x"]
    assert {name: shape for name, (shape, _) in level5.listed(path).items()} == {
        name: shape for name, shape, kind in scipy.io.whosmat(path) if kind not in ("char", "cell")
    }
    found = level5.part_of(path, "x", [range(13), range(5)])
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == expected.dtype.newbyteorder("=")
    np.testing.assert_array_equal(level5.part_of(path, "x", [range(2, 9), np.array([0, 3])]),
                                  expected[2:9, [0, 3]])  # fmt: skip


def test_level_5_of_another_byte_order_and_of_whole_numbers_stored_short(tmp_path):
    def element(kind, raw):
        return np.array([kind, len(raw)], ">u4").tobytes() + raw + b"\0" * (-len(raw) % 8)

    numbers = np.arange(6, dtype=">i2")  # a matrix of doubles that is stored in two bytes each
    body = (
        element(6, np.array([6, 0], ">u4").tobytes())
        + element(5, np.array([3, 2], ">i4").tobytes())
        + element(1, b"a_name")
        + element(3, numbers.tobytes())
    )
    (tmp_path / "x.mat").write_bytes(b" " * 124 + b"\x01\x00MI" + element(14, body))
    found = level5.part_of(tmp_path / "x.mat", "a_name", [range(3), range(2)])
    np.testing.assert_array_equal(found, scipy.io.loadmat(tmp_path / "x.mat")["a_name"])
    np.testing.assert_array_equal(found, [[0, 3], [1, 4], [2, 5]])


X = np.random.default_rng(0).random((50, 4))


def saved(ending, folder, x=X, **more):
    path = folder / f"v.{ending.rpartition('.')[2]}"
    if ending == "npy":
        np.save(path, x)
    elif ending == "columns.npy":
        np.save(path, np.asfortranarray(x))
    elif ending == "npz":
        np.savez(path, v=x, **more)
    elif ending == "packed.npz":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for name, array in {"v": x, **more}.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array)
    elif ending == "7.3.mat":
        with h5py.File(path, "w") as file:
            file.create_dataset("v", data=x.T, chunks=True, compression="gzip")
    else:
        scipy.io.savemat(
            path, {"v": x}, format="4" if ending == "4.mat" else "5", do_compression=ending == "packed.mat"
        )
    return path


ENDINGS = ["npy", "columns.npy", "npz", "packed.npz", "mat", "packed.mat", "7.3.mat"]


@pytest.mark.parametrize("ending", [*ENDINGS, "4.mat"])
def test_a_span_of_time_and_some_units(ending, tmp_path):
    path = saved(ending, tmp_path)
    found = Recording.from_file(path, dt=0.1, time=slice(1.0, 3.0), units=[2, 0])
    np.testing.assert_array_equal(found["v"], X[10:30, [2, 0]])
    assert found.unit_ids.tolist() == [2, 0] and found.t0 == pytest.approx(1.0)
    turned = Recording.from_file(
        saved(ending, tmp_path, X.T), dt=0.1, time=slice(1.0, None), units=[1, 3], units_first=True
    )
    np.testing.assert_array_equal(turned["v"], X[10:, [1, 3]])
    np.testing.assert_array_equal(Recording.from_file(path, dt=0.1, units_first=True)["v"], X)
    for wrong, message in (
        ({"units": [4]}, "units must be numbers from 0 to 3"),
        ({"units": [1, 1]}, "none twice"),
        ({"units": []}, "at least one unit"),
        ({"units": ["a"]}, "units must be numbers from 0 to 3"),
        ({"time": slice(9.0, None)}, "no sample in 9.0"),
        ({"time": 3}, "time must be a slice of seconds"),
    ):
        with pytest.raises(InputError, match=message):
            Recording.from_file(saved(ending, tmp_path), dt=0.1, **wrong)


def test_units_by_their_labels_and_trials(tmp_path):
    x = np.random.default_rng(1).random((3, 50, 4))
    path = saved("npz", tmp_path, x, unit_ids=np.array(["a", "b", "c", "d"]), dt=0.1)
    found = Recording.from_npz(path, units=["d", "a"], time=slice(None, 2.0))
    np.testing.assert_array_equal(found["v"], x[:, :20, [3, 0]])
    assert found.unit_ids.tolist() == ["d", "a"]
    with pytest.raises(InputError, match="'e' not found; the labels are 'a'"):
        Recording.from_npz(path, units=["e"])
    with pytest.raises(ShapeError, match=r"unit_ids must have shape \(4,\); the file has \(3,\)"):
        Recording.from_npz(saved("npz", tmp_path, x, unit_ids=np.arange(3)), dt=0.1)


def test_only_what_is_asked_for_must_fit_into_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("synfer.recording.formats.common.free_memory", lambda: 400.0)
    for ending in ENDINGS:
        path = saved(ending, tmp_path)
        if ending != "7.3.mat":  # whose chunk does not fit
            assert Recording.from_file(path, dt=0.1, time=slice(0.0, 1.0)).n_samples == 10
        with pytest.raises(InputError, match=r"'v' of shape \(50, 4\) wants .* GB"):
            Recording.from_file(path, dt=0.1)
    with pytest.raises(InputError, match=r"a chunk of '/v' of shape .* wants"):
        Recording.from_file(saved("7.3.mat", tmp_path), dt=0.1, time=slice(0.0, 0.5))


def header(shape):
    opened = io.BytesIO()
    np.lib.format.write_array_header_1_0(opened, {"descr": "<f8", "fortran_order": False, "shape": shape})
    return opened.getvalue()


@pytest.mark.parametrize("shape", [(10**15, 3), (3, 10**15), (2**62, 2**62), (-5, 3)])
def test_a_header_that_promises_what_is_not_there_is_refused_at_once(shape, tmp_path):
    (tmp_path / "v.npy").write_bytes(header(shape) + bytes(800))
    with zipfile.ZipFile(tmp_path / "v.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("v.npy", header(shape) + bytes(800))
    for name in ("v.npy", "v.npz"):
        with pytest.raises((FileError, InputError, ShapeError), match="v"):
            Recording.from_npz(tmp_path / name, dt=1.0, time=slice(0, 1), units=[0])


def test_parts_of_other_files_are_not_read(tmp_path):
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["v"] = X
    layout = h5py.VirtualLayout(shape=X.shape, dtype=X.dtype)
    layout[...] = h5py.VirtualSource(str(tmp_path / "secret.h5"), "v", shape=X.shape)
    with h5py.File(tmp_path / "x.mat", "w") as file:
        file.create_virtual_dataset("v", layout)
    with pytest.raises(InputError, match="which are: none"):
        Recording.from_matlab(tmp_path / "x.mat", dt=0.1)


@pytest.mark.parametrize("ending", ["mat", "packed.mat"])
def test_damaged_level_5_is_named(ending, tmp_path):
    whole = saved(ending, tmp_path).read_bytes()
    for keep in range(120, len(whole), 97):
        (tmp_path / "v.mat").write_bytes(whole[:keep])
        with pytest.raises((FileError, InputError), match=r"v\.mat|variable must name"):
            Recording.from_matlab(tmp_path / "v.mat", dt=0.1)
    rng = np.random.default_rng(0)
    for _ in range(60):
        broken = bytearray(whole)
        broken[int(rng.integers(128, 250))] = int(rng.integers(256))
        (tmp_path / "v.mat").write_bytes(bytes(broken))
        with contextlib.suppress(FileError, InputError, ShapeError):
            Recording.from_matlab(tmp_path / "v.mat", dt=0.1)


def test_a_small_file_that_unpacks_to_gigabytes_takes_no_memory():
    packed = zlib.compress(bytes(50_000_000), 9)
    source = io.BufferedReader(level5._Inflated(io.BytesIO(packed), len(packed)), 1 << 16)
    assert len(packed) < 100_000 and len(source.read(1000)) == 1000
    assert len(source.read()) == 50_000_000 - 1000 and source.read(1) == b""


PEAK = """
import json, pathlib, re, sys
from synfer.recording import Recording

def peak():  # MB of this program alone: what getrusage tells counts the one that started it too
    return int(re.search("VmHWM:\\s*(\\d+) kB", pathlib.Path("/proc/self/status").read_text())[1]) / 1024

small, path, options = sys.argv[1:]
options = json.loads(options)
if "time" in options:
    options["time"] = slice(*options["time"])
Recording.from_file(small, dt=1e-3)  # what importing and any reading takes is taken
before = peak()
found = Recording.from_file(path, dt=1e-3, **options)
values = found[found.signal_names[0]]
ends = {"first": values[0].tolist(), "last": values[-1].tolist()}
print(json.dumps({"mb": peak() - before, "shape": values.shape, **ends}))
"""
BIG = 2_000_000


def read_apart(path, small, **options):
    """What another program finds of a file, and the memory that it took, in MB."""
    command = [sys.executable, "-c", PEAK, str(small), str(path), json.dumps(options)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a program's memory is told by /proc")
@pytest.mark.parametrize("ending", ENDINGS)
def test_of_a_large_file_a_part_takes_little_memory(ending, tmp_path):
    # 320 MB: 40 units, 2,000 s at 1 ms. Number k of unit j is k modulo 1,024, and j / 64.
    path = saved(ending, tmp_path, (np.arange(BIG, dtype="f4") % 1024)[:, None] + np.arange(40, dtype="f4") / 64)
    (tmp_path / "small").mkdir()
    small = saved(ending, tmp_path / "small")
    found = read_apart(path, small, units=[1, 30], time=[1000.0, 1100.0])
    assert found["shape"] == [100_000, 2]
    assert found["first"] == [1_000_000 % 1024 + 1 / 64, 1_000_000 % 1024 + 30 / 64]
    assert found["last"] == [1_099_999 % 1024 + 1 / 64, 1_099_999 % 1024 + 30 / 64]
    assert found["mb"] < 25, found  # what is said, and .8 for what is returned
    if ending in ("npy", "mat", "7.3.mat"):  # the whole, once: so it is this that is measured
        assert 300 < read_apart(path, small)["mb"] < 305 + 25


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a program's memory is told by /proc")
def test_of_a_large_nwb_file_too(tmp_path):
    pytest.importorskip("pynwb")
    big = (np.arange(BIG, dtype="f4") % 1024)[:, None] + np.arange(40, dtype="f4") / 64
    for name, x in (("big", big), ("small", big[:100])):
        Recording({"v": x}, 1e-3).to_nwb(tmp_path / f"{name}.nwb")
    found = read_apart(tmp_path / "big.nwb", tmp_path / "small.nwb", time=[1000.0, 1100.0])
    assert found["shape"] == [100_000, 40] and found["first"][1] == 1_000_000 % 1024 + 1 / 64
    assert found["mb"] < 16 + 25, found
