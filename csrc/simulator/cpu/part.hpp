#pragma once
#include "simulator/cpu/at_once.hpp"
#include "simulator/cpu/constant_rows.hpp"
#include "simulator/cpu/drive.hpp"
#include "simulator/cpu/neuron.hpp"
#include "simulator/cpu/spikes.hpp"
#include "simulator/cpu/synapse.hpp"

// One thread's part of a simulation of spiking networks: its memory. How that is filled is in loading.hpp.

namespace synfer::SYNFER_LEVEL {

// Steps that are taken between two exchanges of spikes, at most; no more than the shortest delay.
constexpr std::int64_t longest_interval = 16;

// Units [from, from + n) of networks [first, first + count), side by side: one thread's part of the work.
template <class T>
struct Part {
    using Int = typename FloatBits<T>::Int;

    const NeuronKernels<T>& neuron;
    const Simulation<T>& s;
    const Wiring<T>& wiring;
    const SynapseKernels<T>& synapse;
    Team team;
    Elements elements;
    DriveRows<T> drive;
    std::int64_t width, real, interval;  // elements, those that are units, steps between exchanges
    int n_receptors, n_synapse_states;
    bool listed, conducts, jumps, scaled, plastic, steady, listing;
    bool at_once;                        // spikes may be delivered without lists (at_once.hpp)
    T *state, *synapse_state, *pending;  // (state, element), (state, element), (slot, receptor, element)
    ConstantRows<T> coefficients, factors, steady_drive;
    T trace_decay[2];  // of sources, of targets, in a step
    SynapseConstants<T> constants;
    T *input, *beside;             // (block's unit)
    Int* fired;                    // (block's unit)
    std::uint8_t *marks, *counts;  // (block's unit), (record, element): spikes since its last row
    std::uint64_t* bits;           // (element / 64): which fired, with a word behind
    std::uint32_t* words;          // (chunk step, element)
    double* release;               // ([u, x, last step], element)
    T *source_traces, *traces;     // (network, source), (element)
    std::uint32_t* networks;       // (element), of several networks: which it belongs to; else null
    SpikeBox<T> box;
    Columns<T> columns;
    Lists<T> lists;
    int set = 0;

    static std::int64_t share(const Simulation<T>& s, const Team& team) {
        return team.n_parts == 1 ? s.n_units : padded<T>((s.n_units + team.n_parts - 1) / team.n_parts);
    }
    static std::int64_t from(const Simulation<T>& s, const Team& team) {
        const std::int64_t f = share(s, team) * team.part;
        return f < s.n_units ? f : s.n_units;
    }
    static std::int64_t units(const Simulation<T>& s, const Team& team) {
        const std::int64_t f = from(s, team), n = share(s, team);
        return f + n < s.n_units ? n : s.n_units - f;
    }

    Part(const NeuronKernels<T>& neuron_kernels, const Simulation<T>& simulation, std::int64_t first,
         std::int64_t count, const Team& team_of, Workspace& workspace)
        : neuron(neuron_kernels),
          s(simulation),
          wiring(simulation.wiring),
          synapse(synapse_kernels<T>[static_cast<int>(simulation.wiring.synapse.kind)]),
          team(team_of),
          elements(Elements::of<T>(first, count, from(s, team), units(s, team), s.n_units, workspace)),
          drive(s.drive, elements, workspace),
          width(elements.width),
          real(count * elements.n),
          interval(wiring.shortest < longest_interval ? wiring.shortest : longest_interval),
          n_receptors(n_receptors_of[static_cast<int>(wiring.synapse.kind)]),
          n_synapse_states(n_synapse_states_of[static_cast<int>(wiring.synapse.kind)]),
          listed(wiring.weights == nullptr),
          conducts(wiring.synapse.kind == SynapseKind::conductance),
          jumps(wiring.synapse.kind == SynapseKind::jump),
          scaled(wiring.short_term.state != nullptr),
          plastic(wiring.stdp.traces != nullptr),
          box(real, interval, scaled, workspace),
          columns(elements, listed ? 0 : n_receptors, workspace),
          lists(wiring, elements, listed, workspace) {
        state = workspace.take<T>(neuron.n_states * width);
        // with slack for the padding of the last network's columns
        synapse_state = workspace.take<T>(n_synapse_states * width + lanes<T>);
        pending = wiring.longest > 1 ? workspace.take<T>(wiring.longest * n_receptors * width + lanes<T>) : nullptr;
        coefficients = {workspace.take<T>(neuron.n_coefficients * width), width, {}};
        factors = {workspace.take<T>(synapse.n_factors * width), width, {}};
        steady_drive = {workspace.take<T>(width), width, {}};
        const std::int64_t block = block_of(0);
        input = workspace.take<T>(block);
        beside = workspace.take<T>(block);
        fired = workspace.take<Int>(block);
        marks = workspace.take<std::uint8_t>((block + 63) / 64 * 64);
        counts = workspace.take<std::uint8_t>(s.n_recorded * width);
        at_once = team.n_parts == 1 && !listed && wiring.synapse.kind == SynapseKind::delta && pending == nullptr &&
                  !scaled && !plastic && s.n_units <= units_at_once && columns.height <= vectors_at_once * lanes<T>;
        bits = workspace.take<std::uint64_t>(at_once ? width / 64 + 2 : 0);
        words = workspace.take<std::uint32_t>(neuron.random ? chunk_steps * width : 0);
        release = workspace.take<double>(scaled ? 3 * width : 0);
        source_traces = workspace.take<T>(plastic ? count * s.n_units : 0);
        traces = workspace.take<T>(plastic ? width : 0);
        networks = count > 1 ? workspace.take<std::uint32_t>(width) : nullptr;
    }

    // Elements of the block that begins at lo. Networks side by side are one block.
    std::int64_t block_of(std::int64_t lo) const {
        return elements.count > 1 || width - lo < block_units ? width - lo : block_units;
    }

    Arrivals<T> arrivals() const {
        const bool waiting = pending != nullptr;
        return {waiting ? pending : synapse_state, synapse_state, waiting ? wiring.longest : 1, width, n_receptors};
    }
};

}  // namespace synfer::SYNFER_LEVEL
