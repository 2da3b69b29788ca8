#pragma once
#include "simulator/cuda/synapse.hpp"
#include "simulator/cuda/thread.hpp"
#include "simulator/simulate.hpp"

// Spiking networks, whatever their neurons and synapses. A thread keeps its unit's state in registers. The
// spikes of a step are a bit a thread in shared memory; one wait a step suffices, as two steps' bits lie in turn. What
// arrives at a unit is added in the order of sources, as on the CPU, so that the bits are those of its levels with
// fused multiply-adds.

namespace synfer::SYNFER_LEVEL {

// Bits [from, to) of the block's threads are those of the unit's network.
struct Senders {
    int from, first_word, last_word;
    std::uint32_t first_bits, last_bits;

    __device__ Senders(int begin, int end)
        : from(begin),
          first_word(begin >> 5),
          last_word((end - 1) >> 5),
          first_bits(0xffffffffu << (begin & 31)),
          last_bits(0xffffffffu >> (31 - ((end - 1) & 31))) {}

    // Adds the weights from those that spiked to their receptors' sums; columns (source of the block, target).
    template <int n_receptors, class T>
    __device__ void add(const std::uint32_t* masks, const T* columns, int n_units, int unit, T* sums) const {
        for (int word = first_word; word <= last_word; ++word) {
            std::uint32_t bits = masks[word];
            if (word == first_word) bits &= first_bits;
            if (word == last_word) bits &= last_bits;
            for (; bits != 0; bits &= bits - 1) {
                const std::int64_t source = word * 32 + __ffs(static_cast<int>(bits)) - 1;
                const T weight = columns[source * n_units + unit];
                if (n_receptors == 2 && weight < T(0)) {
                    sums[n_receptors - 1] += weight;
                } else {
                    sums[0] += weight;
                }
            }
        }
    }
};

template <class T, template <class> class Model, template <class> class Synapse, bool shared_weights>
__global__ void __launch_bounds__(most_units) simulate_spiking(const SpikingLaunch<T> s) {
    constexpr int n_states = sizeof(Model<T>::states) / sizeof(Described);
    constexpr int n_receptors = Synapse<T>::n_receptors;
    extern __shared__ uint4 shared_memory[];
    char* memory = reinterpret_cast<char*>(shared_memory);
    const int n = s.n_units, threads = static_cast<int>(blockDim.x), n_warps = threads / 32;
    const int thread = static_cast<int>(threadIdx.x);
    const Place place(s, blockIdx.x, thread);
    std::uint32_t* masks = reinterpret_cast<std::uint32_t*>(memory);  // (2, warp)
    const T* columns = s.weights + place.first * n * n;
    if constexpr (shared_weights) {
        T* mine = reinterpret_cast<T*>(memory + mask_bytes(threads));
        for (int j = thread; j < place.here * n * n; j += threads) mine[j] = columns[j];
        columns = mine;
    }

    const T* k_at[Model<T>::n_coefficients];
    for (int r = 0; r < Model<T>::n_coefficients; ++r) k_at[r] = at(s.parameters, place.network, r, place.unit);
    const Model<T> neuron = Model<T>::load(k_at, 0);
    T x[n_states];
    for (int r = 0; r < n_states; ++r) x[r] = s.state[(place.network * n_states + r) * n + place.unit];
    Synapse<T> synapse(s, place);
    T* const received = s.received + place.network * n_receptors * n + place.unit;
    for (int r = 0; r < n_receptors; ++r) synapse.received[r] = received[r * n];
    T* const pending = s.delay > 1 ? s.pending + place.network * s.delay * n_receptors * n + place.unit : nullptr;
    std::int64_t slot = s.begin % s.delay;
    UnitDrive<T> drive(s.drive, place);
    Rows rows(s.recorded, s.begin);
    const int lo = place.element - place.unit;
    const Senders senders(lo, lo + n);
    const bool counting = s.recorded.spikes != nullptr;
    std::uint8_t count = 0;
    bool diverged = false;

    // Shows whether this unit spiked in step k, and sends what arrives from those that did.
    const auto exchange = [&](bool spikes, std::int64_t k, std::int64_t its_slot) {
        std::uint32_t* row = masks + ((k - s.begin) & 1) * n_warps;
        const std::uint32_t bits = __ballot_sync(0xffffffffu, spikes);
        if ((thread & 31) == 0) row[thread >> 5] = bits;
        __syncthreads();
        if (!place.real) return;
        if (pending == nullptr) return senders.template add<n_receptors>(row, columns, n, place.unit, synapse.received);
        T* const later = pending + its_slot * n_receptors * n;
        T sums[n_receptors];
        for (int r = 0; r < n_receptors; ++r) sums[r] = later[r * n];
        senders.template add<n_receptors>(row, columns, n, place.unit, sums);
        for (int r = 0; r < n_receptors; ++r) later[r * n] = sums[r];
    };

    if (s.fresh) exchange(place.real && Model<T>::fired(neuron, x, 1), s.begin - 1, (s.begin - 1 + s.delay) % s.delay);
    for (std::int64_t k = s.begin; k < s.end; ++k) {
        if (pending != nullptr && place.real) {
            for (int r = 0; r < n_receptors; ++r) {
                synapse.received[r] += pending[(slot * n_receptors + r) * n];
                pending[(slot * n_receptors + r) * n] = T(0);
            }
        }
        const T driven = drive.next(k, k == s.begin);
        const T input = synapse.input(driven);
        const bool spikes = Model<T>::template step<false>(neuron, x, 1, s.dt, input, T(0), 0u) && place.real;
        T zero = x[0] * T(0);
        for (int r = 1; r < n_states; ++r) zero = multiply_add(x[r], T(0), zero);
        if (!(zero == T(0)) && place.real && !diverged) {
            note_divergence(s, place, k);
            diverged = true;
        }
        if (counting && k >= rows.from) count = static_cast<std::uint8_t>(count + spikes);
        if (rows.due(k)) {
            if (place.real) {
                for (int r = 0; r < n_states; ++r) keep(x[r], s.recorded.states[r], rows, place, n);
                keep(driven, s.recorded.drive, rows, place, n);
                keep(count, s.recorded.spikes, rows, place, n);
            }
            count = 0;
            rows.advance();
        }
        exchange(spikes, k, slot);
        if (++slot == s.delay) slot = 0;
    }
    if (!place.real) return;
    for (int r = 0; r < n_states; ++r) s.state[(place.network * n_states + r) * n + place.unit] = x[r];
    for (int r = 0; r < n_receptors; ++r) received[r * n] = synapse.received[r];
}

}  // namespace synfer::SYNFER_LEVEL
