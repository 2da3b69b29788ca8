#!/usr/bin/env bash
# Lay up what a machine with a CUDA device, but no package index, needs for the benchmarks and the tests marked `gpu`:
#     bench/device/stage.sh FOLDER BUILD DATA
# FOLDER is made; BUILD is this checkout's CMake build folder with SYNFER_CUDA=ON, whose kernels are taken as they are
# (they take minutes to compile, and do not depend on Python); DATA is shared/data/izhikevich. There:
#     FOLDER/build.sh FOLDER PLACE && PYTHONPATH=PLACE/python python3 PLACE/bench/run.py paper --data PLACE/data/izhikevich ...
set -euo pipefail
folder=$(realpath -m "$1") build=$(realpath "$2") data=$(realpath "$3")
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
mkdir -p "$folder"
cp bench/device/build.sh "$folder/"
tar czf "$folder/source.tgz" --exclude='*.so' --exclude=__pycache__ csrc python bench tests pyproject.toml README.md
(cd "$build/CMakeFiles" && find . -path '*kernels_*' -name '*.o' | tar czf "$folder/kernels.tgz" -T -)
grep -o 'build CMakeFiles/_core.dir/[^:]*\.o' "$build/build.ninja" | sed 's#build CMakeFiles/_core.dir/##; s#\.o$##' > "$folder/sources.txt"
# What that machine's Python may lack: Eigen's headers, and h5netcdf, which connectomes are written with.
site=$(python -c 'import h5netcdf, pathlib; print(pathlib.Path(h5netcdf.__file__).parents[1])')
tar czf "$folder/site.tgz" --exclude=unsupported -C "$site" h5netcdf -C "$site/cmeel.prefix/include" eigen3
for network in 0 1 2; do
    (cd "$(dirname "$data")" && find "$(basename "$data")" -path "*/seed$network/*" \
        \( -name connectivity.txt -o -name firings.txt -o -name params_abcd.txt -o -name v_normed_alltimes.txt \) \
        | tar c -T - | xz -6) > "$folder/seed$network.txz"
done
du -sh "$folder"
