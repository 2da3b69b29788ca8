// What the core knows of the machine: instruction levels and the pool that results come from.
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "bindings/bindings.hpp"
#include "bindings/pooled.hpp"
#include "common/buffer_pool.hpp"
#include "common/instruction_level.hpp"
#include "common/threads.hpp"

namespace py = pybind11;

namespace synfer {
namespace {

py::array empty(const std::vector<py::ssize_t>& shape, const py::object& kind) {
    return pooled(py::dtype::from_args(kind), shape);
}

std::vector<std::string> instruction_levels() {
    std::vector<std::string> names;
    for (int level = 0; level < n_instruction_levels; ++level) {
        if (available(static_cast<InstructionLevel>(level)))
            names.emplace_back(name_of(static_cast<InstructionLevel>(level)));
    }
    return names;
}

void use_instruction_level(const std::string& name) {
    for (int i = 0; i < n_instruction_levels; ++i) {
        const auto level = static_cast<InstructionLevel>(i);
        if (name == name_of(level) && available(level)) return set_instruction_level(level);
    }
    throw py::value_error("instruction level '" + name + "' is not available here");
}

}  // namespace

void bind_machine(py::module_& m) {
    // For results equal to the bit on machines of different kinds, and to look into what a lower level does.
    if (const char* name = std::getenv("SYNFER_INSTRUCTION_LEVEL")) use_instruction_level(name);

    m.def("empty", &empty, py::arg("shape"), py::arg("dtype"),
          "An uninitialised array whose memory returns to the pool when the last array that views it is gone.");
    m.def("pool_idle_bytes", [] { return BufferPool::shared().idle_bytes(); });
    m.def("pool_limit", [] { return BufferPool::shared().idle_limit(); });
    m.def("set_pool_limit", [](std::size_t bytes) { BufferPool::shared().set_idle_limit(bytes); }, py::arg("bytes"));

    m.attr("openmp") = has_openmp;  // without it every kernel runs in one thread, whatever n_threads says

    m.def("instruction_levels", &instruction_levels, "Those that this build and this processor have, lowest first.");
    m.def("instruction_level", [] { return std::string(name_of(instruction_level())); }, "The one in force.");
    m.def("use_instruction_level", &use_instruction_level, py::arg("name"),
          "Put another in force, for the whole process.");
}

}  // namespace synfer
