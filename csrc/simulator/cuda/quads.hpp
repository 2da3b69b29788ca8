#pragma once
#include "common/cuda/four.hpp"
#include "simulator/cuda/synapse.hpp"
#include "simulator/cuda/thread.hpp"
#include "simulator/simulate.hpp"

// Spiking networks of few units in large batches: as in spiking.hpp, to the same bits, but a thread simulates four
// neighbouring units and a block is one warp with some whole networks. So nothing waits for another warp, the four
// units' arithmetic hides its own latency, what is the same for them is done once, and weights, states and spikes pass
// four at a time. The spikes of a step are a byte a thread in shared memory, its lowest bits the thread's units; of
// each eight threads those with even numbers come first, so that two words make one whose bits are 32 units in order.
// Two steps' bytes lie in turn.

namespace synfer::SYNFER_LEVEL {

// The units of a thread: `count` from `unit` on, 4 but at the end of a network. Threads beyond the block's networks
// have none; they compute something with the others, and write nothing.
struct QuadPlace {
    std::int64_t network;
    int group, lane, lanes, unit, count;  // network of the warp; thread of the network, of how many

    template <class T>
    __device__ QuadPlace(const Launch<T>& s, std::int64_t block, int thread) : lanes((s.n_units + 3) / 4) {
        const std::int64_t first = block * s.networks_per_block, left = s.n_networks - first;
        const int here = left < s.networks_per_block ? static_cast<int>(left) : s.networks_per_block;
        const int g = thread / lanes;
        const bool real = g < here;
        group = real ? g : 0;
        lane = real ? thread - g * lanes : 0;
        unit = 4 * lane;
        count = !real ? 0 : s.n_units - unit < 4 ? s.n_units - unit : 4;
        network = first + group;
    }
    // As others place their units; beyond the network's end the last one.
    __device__ Place of(int q, int n) const {
        Place place;
        place.first = 0, place.here = 0, place.element = 0;
        place.network = network, place.unit = unit + q < n ? unit + q : n - 1, place.real = q < count;
        return place;
    }
};

// Weights by source into shared memory, targets padded to whole fours by zeros.
template <class T>
__device__ inline void load_columns(const T* columns, int rows, int n, int lanes, Four<T>* mine, int thread) {
    if (n == 4 * lanes) {
        const Four<T>* given = reinterpret_cast<const Four<T>*>(columns);
#pragma unroll 8
        for (int j = thread; j < rows * lanes; j += 32) mine[j] = given[j];
        return;
    }
    T* one = reinterpret_cast<T*>(mine);
#pragma unroll 4
    for (int row = 0; row < rows; ++row) {
        for (int i = thread; i < 4 * lanes; i += 32) one[row * 4 * lanes + i] = i < n ? columns[row * n + i] : T(0);
    }
}

// Adds the weights from those that spiked, a bit a source.
template <class T, int n_receptors>
__device__ inline void add_spikes(std::uint32_t bits, const Four<T>* columns, int lanes, T (&sums)[4][n_receptors]) {
    for (; bits != 0; bits &= bits - 1) {
        const Four<T> weights = columns[(__ffs(static_cast<int>(bits)) - 1) * lanes];
#pragma unroll
        for (int q = 0; q < 4; ++q) {
            if (n_receptors == 2 && weights.of[q] < T(0)) {
                sums[q][n_receptors - 1] += weights.of[q];
            } else {
                sums[q][0] += weights.of[q];
            }
        }
    }
}

template <class U>
__device__ inline void keep_four(const Four<U>& values, U* recorded, bool whole, int count) {
    if (whole) {
        *reinterpret_cast<Four<U>*>(recorded) = values;
    } else {
#pragma unroll
        for (int q = 0; q < 4; ++q) {
            if (q < count) recorded[q] = values.of[q];
        }
    }
}

// Four bits to four bytes.
__device__ inline std::uint32_t spread(std::uint32_t bits) { return (bits * 0x00204081u) & 0x01010101u; }

// Keeps the compiler from computing again in every step what a register can hold.
template <class U>
__device__ inline void held(U& value) {
    asm volatile("" : "+r"(value));
}

// Steps of a launch fit into an int; what does not, lies beyond them, or before the first.
__device__ inline int clamped(std::int64_t steps) {
    return steps > 0x7fffffff ? 0x7fffffff : steps < 0 ? 0 : static_cast<int>(steps);
}

template <class T, template <class> class Model, template <class> class Synapse, bool delayed>
__global__ void __launch_bounds__(32, 12) simulate_quads(const SpikingLaunch<T> s) {
    constexpr int n_states = sizeof(Model<T>::states) / sizeof(Described);
    constexpr int n_receptors = Synapse<T>::n_receptors;
    extern __shared__ uint4 shared_memory[];
    char* memory = reinterpret_cast<char*>(shared_memory);
    const int n = s.n_units, thread = static_cast<int>(threadIdx.x);
    const QuadPlace place(s, blockIdx.x, thread);
    const int lanes = place.lanes, count = place.count;
    const int group_bytes = spike_bytes(lanes), buffer_bytes = s.networks_per_block * group_bytes;
    for (int j = thread; j < buffer_bytes * 2 / 16; j += 32) shared_memory[j] = uint4{0, 0, 0, 0};
    const std::int64_t first = std::int64_t{blockIdx.x} * s.networks_per_block, left = s.n_networks - first;
    Four<T>* columns = reinterpret_cast<Four<T>*>(memory + 2 * buffer_bytes);
    load_columns(s.weights + first * n * n,
                 (left < s.networks_per_block ? static_cast<int>(left) : s.networks_per_block) * n, n, lanes, columns,
                 thread);
    columns += place.group * n * lanes + place.lane;
    __syncwarp();

    Model<T> neurons[4];
    T x[4][n_states], received[4][n_receptors], mean[4], deviation[4];
    T factors[4][n_receptors] = {}, decay[n_receptors] = {};
    const std::int64_t of_network = place.network * n;
#pragma unroll
    for (int q = 0; q < 4; ++q) {
        const Place one = place.of(q, n);
        const T* k_at[Model<T>::n_coefficients];
        for (int r = 0; r < Model<T>::n_coefficients; ++r) k_at[r] = at(s.parameters, one.network, r, one.unit);
        neurons[q] = Model<T>::load(k_at, 0);
        for (int r = 0; r < n_states; ++r) x[q][r] = s.state[of_network * n_states + r * n + one.unit];
        for (int r = 0; r < n_receptors; ++r) received[q][r] = s.received[of_network * n_receptors + r * n + one.unit];
        mean[q] = s.drive.acts ? *at(s.drive.parameters, one.network, 0, one.unit) : T(0);
        deviation[q] = s.drive.acts ? *at(s.drive.parameters, one.network, 1, one.unit) : T(0);
        Synapse<T>::load(s, one, factors[q], decay);
    }
    // What arrives later, this step's slot first.
    const int delay = delayed ? static_cast<int>(s.delay) : 1;
    int slot = delayed ? static_cast<int>(s.begin % delay) : 0;
    T* const pending = delayed ? s.pending + of_network * delay * n_receptors + place.unit : nullptr;
    const std::uint32_t id = s.drive.ids[place.network];
    const std::uint32_t key0 = static_cast<std::uint32_t>(s.drive.seed),
                        key1 = static_cast<std::uint32_t>(s.drive.seed >> 32);
    std::uint32_t real = (1u << count) - 1u;
    held(real);
    const bool whole = n == 4 * lanes;

    // The step of the row at hand; spikes are counted from step `counted` on.
    constexpr int never = 0x7fffffff;
    const Rows rows(s.recorded, s.begin);
    int every = clamped(s.recorded.every);
    held(every);
    std::int64_t rows_left = rows.n_rows - rows.row;
    int due = rows_left > 0 ? clamped(rows.last_step - s.begin) : never;
    int counted = s.recorded.spikes != nullptr && every > 1 ? clamped(rows.from - s.begin) : never;
    held(counted);
    std::int64_t recorded_at = (place.network * rows.n_rows + rows.row) * n + place.unit;
    // A bit for each state asked for, and for drive and spikes.
    constexpr int driven_asked = n_states, spikes_asked = n_states + 1;
    std::uint32_t asked = (s.recorded.drive != nullptr ? 1u << driven_asked : 0u) |
                          (s.recorded.spikes != nullptr ? 1u << spikes_asked : 0u);
    for (int r = 0; r < n_states; ++r) asked |= s.recorded.states[r] != nullptr ? 1u << r : 0u;
    held(asked);
    std::uint32_t counts = 0;  // a byte a unit
    bool diverged = false;
    const int steps = static_cast<int>(s.end - s.begin);
    int turn = 0;
    char* const own_bytes = memory + place.group * group_bytes;
    const int own_byte = place.lane / 8 * 8 + (place.lane & 1) * 4 + place.lane % 8 / 2;

    const auto add = [&](const char* shown, T(&sums)[4][n_receptors]) {
        const Four<T>* from = columns;
        for (int byte = 0;; byte += 16, from += 64 * lanes) {
            const uint4 words = *reinterpret_cast<const uint4*>(shown + byte);
            add_spikes<T, n_receptors>(words.x + 16 * words.y, from, lanes, sums);
            add_spikes<T, n_receptors>(words.z + 16 * words.w, from + 32 * lanes, lanes, sums);
            if (byte + 16 >= lanes) break;
        }
    };
    // Shows which of these units spiked, and sends what arrives from those that did.
    const auto exchange = [&](std::uint32_t spiked, int its_slot) {
        char* const shown = own_bytes + turn;
        turn = buffer_bytes - turn;
        if (count > 0) shown[own_byte] = static_cast<char>(spiked);
        __syncwarp();
        if constexpr (delayed) {
            T* const later = pending + static_cast<std::int64_t>(its_slot) * n_receptors * n;
            T sums[4][n_receptors];
#pragma unroll
            for (int q = 0; q < 4; ++q) {
                for (int r = 0; r < n_receptors; ++r) sums[q][r] = q < count ? later[r * n + q] : T(0);
            }
            add(shown, sums);
#pragma unroll
            for (int q = 0; q < 4; ++q) {
                for (int r = 0; r < n_receptors; ++r) {
                    if (q < count) later[r * n + q] = sums[q][r];
                }
            }
        } else {
            add(shown, received);
        }
    };

    const auto step = [&](int t, const T(&z)[4]) {
        if constexpr (delayed) {
            T* const now = pending + static_cast<std::int64_t>(slot) * n_receptors * n;
#pragma unroll
            for (int q = 0; q < 4; ++q) {
                for (int r = 0; r < n_receptors; ++r) {
                    if (q >= count) continue;
                    received[q][r] += now[r * n + q];
                    now[r * n + q] = T(0);
                }
            }
        }
        std::uint32_t spiked = 0;
        T driven[4], zero = T(0);
#pragma unroll
        for (int q = 0; q < 4; ++q) {
            driven[q] = multiply_add(deviation[q], z[q], mean[q]);
            const T input = Synapse<T>::input(driven[q], received[q], factors[q], decay);
            if (Model<T>::template step<false>(neurons[q], x[q], 1, s.dt, input, T(0), 0u)) spiked |= 1u << q;
            for (int r = 0; r < n_states; ++r) zero = multiply_add(x[q][r], T(0), zero);
        }
        spiked &= real;
        if (!(zero == T(0)) && !diverged) {
            int which = count;
#pragma unroll
            for (int q = 3; q >= 0; --q) {
                T its = T(0);
                for (int r = 0; r < n_states; ++r) its = multiply_add(x[q][r], T(0), its);
                if (!(its == T(0)) && q < count) which = q;
            }
            if (which < count) {
                note_divergence(s, place.of(which, n), s.begin + t);
                diverged = true;
            }
        }
        if (t >= counted) counts += spread(spiked);
        if (t == due) {
            if (every == 1) counts = spread(spiked);
            if (count > 0) {
#pragma unroll
                for (int r = 0; r < n_states; ++r) {
                    if ((asked >> r & 1u) == 0) continue;
                    keep_four<T>({x[0][r], x[1][r], x[2][r], x[3][r]}, s.recorded.states[r] + recorded_at, whole,
                                 count);
                }
                if ((asked & 1u << driven_asked) != 0) {
                    keep_four<T>({driven[0], driven[1], driven[2], driven[3]}, s.recorded.drive + recorded_at, whole,
                                 count);
                }
                if ((asked & 1u << spikes_asked) != 0) {
                    Four<std::uint8_t> bytes;
                    __builtin_memcpy(&bytes, &counts, sizeof bytes);
                    keep_four(bytes, s.recorded.spikes + recorded_at, whole, count);
                }
            }
            counts = 0;
            recorded_at += n;
            due = --rows_left > 0 && due < never - every ? due + every : never;
        }
        exchange(spiked, slot);
        if (delayed && ++slot == delay) slot = 0;
    };

    if (s.fresh) {
        std::uint32_t spiked = 0;
#pragma unroll
        for (int q = 0; q < 4; ++q) spiked |= Model<T>::fired(neurons[q], x[q], 1) ? 1u << q : 0u;
        exchange(spiked & real, delayed ? static_cast<int>((s.begin - 1 + delay) % delay) : 0);
    }
    // Numbers come for four steps at once, counted from the beginning of the simulation.
    std::uint32_t block = static_cast<std::uint32_t>(s.begin >> 2);
    for (int t = -static_cast<int>(s.begin & 3); t < steps; ++block) {
        Words words[4] = {};
        if (s.drive.draws) {
#pragma unroll
            for (int q = 0; q < 4; ++q)
                words[q] =
                    philox4x32({id, static_cast<std::uint32_t>(place.unit + q), block, drive_stream}, key0, key1);
        }
#pragma unroll 1
        for (int half = 0; half < 2; ++half, t += 2) {
            T z[2][4] = {};
            if (s.drive.draws) {
#pragma unroll
                for (int q = 0; q < 4; ++q) {
                    box_muller(words[q].w0, words[q].w1, z[0][q], z[1][q]);
                    words[q].w0 = words[q].w2, words[q].w1 = words[q].w3;
                }
            }
            if (static_cast<unsigned>(t) < static_cast<unsigned>(steps)) step(t, z[0]);
            if (static_cast<unsigned>(t + 1) < static_cast<unsigned>(steps)) step(t + 1, z[1]);
        }
    }

#pragma unroll
    for (int q = 0; q < 4; ++q) {
        if (q >= count) continue;
        for (int r = 0; r < n_states; ++r) s.state[(place.network * n_states + r) * n + place.unit + q] = x[q][r];
        for (int r = 0; r < n_receptors; ++r)
            s.received[(place.network * n_receptors + r) * n + place.unit + q] = received[q][r];
    }
}

}  // namespace synfer::SYNFER_LEVEL
