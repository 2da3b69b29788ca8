#pragma once
#include <cstdint>

// How the units of a simulation are joined: who reaches whom, after how long, to what effect, and how that changes.
// Plain data and no inline function, as in simulate.hpp; what the kinds do is in synapses/.

namespace synfer {

enum class SynapseKind : std::int32_t { delta, exponential, alpha, conductance, jump };
inline constexpr int n_synapse_kinds = 5;
inline constexpr const char* synapse_names[n_synapse_kinds] = {"delta", "exponential", "alpha", "conductance", "jump"};
// Receptors: where there are two, positive weights go to the first, negative ones to the second.
inline constexpr int n_receptors_of[n_synapse_kinds] = {1, 2, 2, 2, 1};
// States: of the receptors that take what arrives, then others.
inline constexpr int n_synapse_states_of[n_synapse_kinds] = {1, 2, 4, 2, 1};

struct Synapse {
    SynapseKind kind;
    double tau[2];       // ms, by receptor
    double reversal[2];  // mV, by receptor
};

// Tsodyks-Markram: on a spike of the source its u, x change and W u x goes out (synapses/short_term.hpp).
struct ShortTerm {
    double baseline;                // U
    double facilitation, recovery;  // ms; facilitation 0: none
    double* state;                  // (network, [u, x, step of the last spike], unit); null: no such plasticity
};

// Pair rule (synapses/stdp.hpp) for synapses of weight >= 0.
template <class T>
struct Stdp {
    double tau_plus, tau_minus;          // ms
    T a_plus, a_minus, lowest, highest;  // weights
    T* traces;                           // (network, [of the source, of the target], unit); null: no such plasticity
    // Edges by target, target after target: those of unit i of network k are in_starts[k n_units + i] and on.
    const std::int64_t* in_starts;    // (network n_units + 1)
    const std::int64_t* in_edges;     // (edge): its place in the list by source
    const std::uint32_t* in_sources;  // (edge)
};

// Either all pairs, or a list of edges. Delays are counted in steps, at least 1.
template <class T>
struct Wiring {
    const T* weights;  // (network, target, source); null: there is a list
    // Edges by source, source after source and each source's by target: those of unit j of network k are starts[k
    // n_units
    // + j] and on.
    const std::int64_t* starts;      // (network n_units + 1)
    const std::uint32_t* targets;    // (edge)
    T* strengths;                    // (edge); STDP changes them
    const std::uint16_t* delays;     // (edge); null: one for all
    std::int64_t shortest, longest;  // delays; equal where there is one for all
    Synapse synapse;
    T* synapse_state;  // (network, state, unit)
    bool fresh;        // nothing is on its way yet, but spikes that the neurons' state shows are about to be
    // (network, slot, receptor, unit): what arrives before step k is in slot k mod longest. Null where longest = 1: it
    // is added to the states at once, as is what comes by edges of delay 1 among others.
    T* pending;
    ShortTerm short_term;
    Stdp<T> stdp;
};

// The threads that simulate one network together, each some of its units.
struct Team {
    int part, n_parts;
    void (*wait)(void* gate);  // until all of the team have called it
    void* gate;
    void** boxes;  // (part): what each shows the others
};

}  // namespace synfer
