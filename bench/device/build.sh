#!/usr/bin/env bash
# On the machine that has the device: make PLACE/python, importable, from what stage.sh laid up; half a minute of 16 cores.
#     build.sh FOLDER PLACE
set -euo pipefail
folder=$(realpath "$1") place=$(realpath -m "$2")
mkdir -p "$place"/{kernels,site,objects,data}
cd "$place"
tar xzf "$folder/source.tgz"
tar xzf "$folder/kernels.tgz" -C kernels
tar xzf "$folder/site.tgz" -C site
for network in "$folder"/seed*.txz; do tar xJf "$network" -C data & done
include=$(python3 -c 'import sysconfig; print(sysconfig.get_path("include"))')
pybind=$(python3 -c 'import pybind11; print(pybind11.get_include())')
cuda=${CUDA_HOME:-/usr/local/cuda}
flags="-O2 -DNDEBUG -std=c++17 -fPIC -fvisibility=hidden -ffp-contract=off -fopenmp -w -DEIGEN_DONT_PARALLELIZE \
-DEIGEN_MPL2_ONLY -DSYNFER_CUDA -DSYNFER_X86_LEVELS -Icsrc -I$include -I$pybind -Isite/eigen3 -I$cuda/include"
xargs -P "$(nproc)" -I{} sh -c "g++ $flags -c {} -o objects/\$(echo {} | tr / _).o" < "$folder/sources.txt"
suffix=$(python3 -c 'import sysconfig; print(sysconfig.get_config_var("EXT_SUFFIX"))')
g++ -shared -fopenmp -o "python/synfer/_core$suffix" objects/*.o $(find kernels -name '*.o') \
    "$cuda/lib64/libcudart_static.a" -lpthread -ldl -lrt
cp -r site/h5netcdf python/
# synfer asks the installation for its version: without this line nothing can be imported.
version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml | head -1)
mkdir -p "python/synfer-$version.dist-info"
printf 'Metadata-Version: 2.1\nName: synfer\nVersion: %s\n' "$version" > "python/synfer-$version.dist-info/METADATA"
wait
cd / && PYTHONPATH="$place/python" python3 -c 'import synfer; print("synfer", synfer.__version__, "in", synfer.__file__)'
