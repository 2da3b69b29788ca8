// Spiking networks, whatever their neurons: drive, synapses, neurons, and spikes that are brought to their targets.
// Compiled once per instruction level (CMakeLists.txt), each in its own namespace: see common/level.hpp for what may
// not be used here.
#include "simulator/cpu/spiking.hpp"

#include "simulator/cpu/loading.hpp"
#include "simulator/cpu/recording.hpp"
#include "simulator/synapses/short_term.hpp"
#include "simulator/synapses/stdp.hpp"

namespace synfer::SYNFER_LEVEL {
namespace {

bool before(const Divergence& a, const Divergence& b) {
    if (b.network < 0 || a.network < 0) return a.network >= 0;
    if (a.step != b.step) return a.step < b.step;
    return a.network != b.network ? a.network < b.network : a.unit < b.unit;
}

template <class T>
struct Stepper : LoadedPart<T> {
    using Int = typename Part<T>::Int;
    using LoadedPart<T>::LoadedPart;
    using Part<T>::s, Part<T>::neuron, Part<T>::wiring, Part<T>::synapse, Part<T>::team, Part<T>::elements;
    using Part<T>::width, Part<T>::real, Part<T>::box, Part<T>::state, Part<T>::synapse_state, Part<T>::n_receptors;
    std::int64_t chunk = -1;  // whose drive and random words are at hand

    // What does not change from step to step of the block of n elements from lo on.
    void enter(std::int64_t lo, std::int64_t n) {
        synapses.n = n;
        synapses.state = synapse_state + lo, synapses.stride = width;
        for (int r = 0; r < synapse.n_factors; ++r) synapses.factors[r] = this->factors.at(r, lo);
        synapses.constants = this->constants;
        synapses.input = this->input, synapses.beside = this->beside;
        neurons.n = n;
        neurons.state = state + lo, neurons.stride = width;
        for (int r = 0; r < neuron.n_coefficients; ++r) neurons.coefficients[r] = this->coefficients.at(r, lo);
        neurons.input = this->input, neurons.beside = this->beside;
        neurons.dt = s.dt;
        neurons.fired = this->fired;
    }

    // What arrives before step k, into the states of the receptors.
    void take_arrivals(std::int64_t lo, std::int64_t n, std::int64_t k) {
        const Arrivals<T> at = this->arrivals();
        for (int r = 0; r < n_receptors; ++r) {
            T* __restrict__ arrived = at.at(k, 0) + r * width + lo;
            T* __restrict__ to = synapse_state + r * width + lo;
#pragma omp simd
            for (std::int64_t e = 0; e < n; ++e) {
                to[e] += arrived[e];
                arrived[e] = T(0);
            }
        }
    }

    // The states of the block entered, of n elements from lo on, through step k. False if they are not finite.
    SYNFER_DEVICE bool advance(std::int64_t lo, std::int64_t k) {
        const std::int64_t row = (k - chunk) * width + lo;
        synapses.drive = this->steady ? this->steady_drive.at(0, lo) : this->drive.rows + row;
        synapse.advance(synapses);
        neurons.words = this->words + row;
        const auto step = this->conducts ? neuron.step_conducting : this->jumps ? neuron.step_jumping : neuron.step;
        return step(neurons);
    }

    // And its spikes to the lists.
    void advance_and_list(std::int64_t lo, std::int64_t n, std::int64_t k) {
        if (this->pending != nullptr) take_arrivals(lo, n, k);
        if (!advance(lo, k)) note_divergence(lo, n, k);
        mark(n);
        note_spikes(lo, n, k);
        record(lo, n, k, synapses.drive);
    }

    // Steps [k, end) of all there is here, whose spikes are delivered at once. They are before the states are recorded,
    // for what is stored is read back at other bounds, which is slow until it has left the processor's store buffer.
    Divergence advance_at_once(std::int64_t k, std::int64_t end) {
        enter(0, width);
        for (; k < end; ++k) {
            const bool finite = advance(0, k);
            mark(width);
            fired_bits<T>(this->fired, this->marks, width, this->bits);
            deliver_at_once(this->columns, elements.count, this->bits, synapse_state);
            record(0, width, k, synapses.drive);
            if (finite) continue;
            note_divergence(0, width, k);
            return box.met[this->set];
        }
        return {-1, 0, 0};
    }

    void note_divergence(std::int64_t lo, std::int64_t n, std::int64_t k) {
        for (std::int64_t e = lo; e < lo + n && e < real; ++e) {
            for (int r = 0; r < neuron.n_states; ++r) {
                if (state[r * width + e] * T(0) == T(0)) continue;
                const Divergence met{elements.first + e / elements.n, elements.from + e % elements.n, k};
                if (before(met, box.met[this->set])) box.met[this->set] = met;
                return;
            }
        }
    }

    void mark(std::int64_t n) {
        constexpr std::int64_t lanes = padded<T>(1);
        const Int* __restrict__ fired = this->fired;
        std::uint8_t* __restrict__ marks = this->marks;
        for (std::int64_t e = 0; e < n; e += lanes) {
#pragma omp simd
            for (std::int64_t i = 0; i < lanes; ++i) marks[e + i] = static_cast<std::uint8_t>(fired[e + i]);
        }
    }

    void note_spikes(std::int64_t lo, std::int64_t n, std::int64_t k) {
        const std::int64_t end = lo + n < real ? n : real - lo;
        const SpikeList<T> list = box.list(this->set, k - first_step);
        const std::uint32_t first = static_cast<std::uint32_t>(elements.from + lo);
        std::int64_t count = *list.count;
        for (std::int64_t e = 0; e < end; e += 64) {
            std::uint64_t spikes = spikes_of(this->marks + e);
            if (end - e < 64) spikes &= (std::uint64_t{1} << (end - e)) - 1;
            // Networks side by side are whole ones, so that the element is the source's number.
            for (; spikes != 0; spikes &= spikes - 1)
                list.sources[count++] = first + static_cast<std::uint32_t>(e + __builtin_ctzll(spikes));
        }
        if (this->scaled) note_scales(list, count, k);
        *list.count = count;
    }

    void note_scales(const SpikeList<T>& list, std::int64_t end, std::int64_t k) {
        for (std::int64_t i = *list.count; i < end; ++i) {
            const std::int64_t e = list.sources[i] - elements.from;
            list.scales[i] =
                static_cast<T>(released(wiring.short_term, this->release + e, width, k, static_cast<double>(s.dt)));
        }
    }

    SYNFER_DEVICE void record(std::int64_t lo, std::int64_t n, std::int64_t k, const T* drive) {
        for (int i = 0; i < s.n_recorded; ++i) {
            const Recorded<T>& to = s.recorded[i];
            if (k >= to.from) record_in(to, this->counts + i * width + lo, lo, n, k, drive);
        }
    }

    SYNFER_DEVICE void record_in(const Recorded<T>& to, std::uint8_t* __restrict__ counts, std::int64_t lo,
                                 std::int64_t n, std::int64_t k, const T* drive) const {
        const std::uint8_t* __restrict__ marks = this->marks;
        const bool counting = to.every > 1 && to.spikes != nullptr;
        if (counting) {
#pragma omp simd
            for (std::int64_t e = 0; e < n; ++e) counts[e] = static_cast<std::uint8_t>(counts[e] + marks[e]);
        }
        const std::int64_t row = row_of_step(to, k);
        if (row < 0 || row >= to.n_rows) return;
        for (int r = 0; r < neuron.n_states; ++r)
            keep(elements, to, static_cast<const T*>(state + r * width + lo), lo, n, to.states[r], row);
        keep(elements, to, drive, lo, n, to.drive, row);
        this->drive.record_alone(drive, to,
                                 [&](const T* values, T* rows) { keep(elements, to, values, lo, n, rows, row); });
        keep(elements, to, counting ? static_cast<const std::uint8_t*>(counts) : marks, lo, n, to.spikes, row);
        for (std::int64_t e = 0; counting && e < n; ++e) counts[e] = 0;
    }

    // Shows the spikes of the steps [k, end) and takes those of the whole team. Gives the first divergence of all.
    Divergence exchange(std::int64_t k, std::int64_t end) {
        if (team.n_parts > 1) team.wait(team.gate);
        Divergence met{-1, 0, 0};
        for (int p = 0; p < team.n_parts; ++p) {
            const auto& other = *static_cast<const SpikeBox<T>*>(team.boxes[p]);
            if (before(other.met[this->set], met)) met = other.met[this->set];
        }
        for (std::int64_t step = k; step < end && met.network < 0; ++step) {
            deliver(step, step - k);
            if (this->plastic) learn(step - k);
            if (this->listing) list_events(step, step - k);
        }
        this->set ^= 1;
        box.clear(this->set);
        return met;
    }

    // act(source, its network, scale): source is network here * n_units + unit.
    template <class Do>
    void for_each_spike(std::int64_t step, Do&& act) const {
        for (int p = 0; p < team.n_parts; ++p) {
            const SpikeList<T> list = static_cast<const SpikeBox<T>*>(team.boxes[p])->list(this->set, step);
            const std::uint32_t* networks = this->networks;
            for (std::int64_t i = 0, count = *list.count; i < count; ++i) {
                const std::int64_t j = list.sources[i], g = networks == nullptr ? 0 : networks[j];
                act(j, g, list.scales == nullptr ? T(1) : list.scales[i]);
            }
        }
    }

    void deliver(std::int64_t k, std::int64_t step) {
        if (real == 0) return;
        const Arrivals<T> to = this->arrivals();
        // Delays count from the step after that of the spike.
        T* rows = to.at(k, wiring.shortest);
        if (this->listed) return deliver_listed(k, step, to, rows);
        for_each_spike(step,
                       [&](std::int64_t j, std::int64_t g, T scale) { this->columns.deliver(j, g, scale, to, rows); });
    }

    // The edges of large networks lie in memory far from the processor: those of the spikes to come are asked for while
    // one's are delivered.
    void deliver_listed(std::int64_t k, std::int64_t step, const Arrivals<T>& to, T* rows) const {
        constexpr std::int64_t ahead = 2;
        for (int p = 0; p < team.n_parts; ++p) {
            const SpikeList<T> list = static_cast<const SpikeBox<T>*>(team.boxes[p])->list(this->set, step);
            const std::uint32_t* sources = list.sources;
            const std::int64_t count = *list.count;
            for (std::int64_t i = 0; i < count; ++i) {
                if (i + 3 * ahead < count) this->lists.prefetch_span(sources[i + 3 * ahead]);
                if (i + ahead < count) this->lists.prefetch_edges(sources[i + ahead]);
                const std::int64_t j = sources[i], g = this->networks == nullptr ? 0 : this->networks[j];
                this->lists.deliver(j, g, list.scales == nullptr ? T(1) : list.scales[i], k, to, rows);
            }
        }
    }

    [[gnu::noinline]] void list_events(std::int64_t k, std::int64_t step) const {
        for (int i = 0; i < s.n_recorded; ++i) {
            const Recorded<T>& to = s.recorded[i];
            if (to.events.take == nullptr || k < to.from || (k - to.from) / to.every >= to.n_rows) continue;
            for (int p = 0; p < team.n_parts; ++p) {
                const SpikeList<T> list = static_cast<const SpikeBox<T>*>(team.boxes[p])->list(this->set, step);
                if (*list.count > 0) to.events.take(to.events.sink, elements.first, k, list.sources, *list.count);
            }
        }
    }

    // Every part keeps the traces of all sources: they are few beside the edges.
    void learn(std::int64_t step) {
        const Stdp<T>& rule = wiring.stdp;
        const T decay_source = this->trace_decay[0], decay_target = this->trace_decay[1];
        T* __restrict__ sources = this->source_traces;
        T* __restrict__ targets = this->traces;
        const std::int64_t n_sources = elements.count * s.n_units, w = width, n = elements.n, from = elements.from;
#pragma omp simd
        for (std::int64_t j = 0; j < n_sources; ++j) sources[j] *= decay_source;
#pragma omp simd
        for (std::int64_t e = 0; e < w; ++e) targets[e] *= decay_target;
        for_each_spike(step, [&](std::int64_t j, std::int64_t g, T) {
            const EdgeSpan span = this->lists.spans[j];
            depress(rule, wiring.targets, wiring.strengths, span.begin, span.end, targets + g * n, from);
        });
        for_each_spike(step, [&](std::int64_t j, std::int64_t g, T) {
            const std::int64_t unit = j - g * s.n_units;
            if (unit < from || unit >= from + n) return;
            const std::int64_t* start = rule.in_starts + elements.first * s.n_units + j;
            potentiate(rule, wiring.strengths, start[0], start[1], sources + g * s.n_units);
        });
        for_each_spike(step, [&](std::int64_t j, std::int64_t g, T) {
            const std::int64_t unit = j - g * s.n_units;
            sources[j] += T(1);
            if (unit >= from && unit < from + n) targets[g * n + unit - from] += T(1);
        });
    }

    // Spikes that the state before the first step shows.
    void note_first_spikes() {
        first_step = s.begin - 1;
        for (std::int64_t lo = 0; lo < width; lo += this->block_of(lo)) {
            const std::int64_t n = this->block_of(lo);
            enter(lo, n);
            neuron.fired(neurons);
            mark(n);
            note_spikes(lo, n, s.begin - 1);
        }
    }

    Divergence run() {
        this->load();
        const bool at_once = this->at_once && !this->listing;
        if (wiring.fresh) {
            note_first_spikes();
            exchange(s.begin - 1, s.begin);
        }
        for (std::int64_t k = s.begin; k < s.end;) {
            const std::int64_t now = k / chunk_steps * chunk_steps;
            std::int64_t stop = now + chunk_steps < s.end ? now + chunk_steps : s.end;
            if (now != chunk) make_chunk(now, k, stop);
            if (at_once) {
                const Divergence met = advance_at_once(k, stop);
                if (met.network >= 0) return met;
                k = stop;
                continue;
            }
            if (k + this->interval < stop) stop = k + this->interval;
            first_step = k;
            for (std::int64_t lo = 0; lo < width; lo += this->block_of(lo)) {
                if (width > block_units || k == s.begin) enter(lo, this->block_of(lo));
                for (std::int64_t step = k; step < stop; ++step) advance_and_list(lo, this->block_of(lo), step);
            }
            const Divergence met = exchange(k, stop);
            if (met.network >= 0) return met;
            k = stop;
        }
        this->store();
        return {-1, 0, 0};
    }

    void make_chunk(std::int64_t now, std::int64_t begin, std::int64_t end) {
        chunk = now;
        if (!this->steady) this->drive.make(now, begin, end);
        if (!neuron.random) return;
        draw_words({elements.ids, elements.units, width, s.drive.seed, model_stream}, now, this->words);
    }

    SynapseBlock<T> synapses{};  // of the block at hand
    NeuronBlock<T> neurons{};
    std::int64_t first_step = 0;  // of the lists at hand
};

}  // namespace

template <class T>
std::size_t spiking_bytes(const NeuronKernels<T>& neuron, const Simulation<T>& s, std::int64_t count, int n_parts) {
    Workspace workspace{nullptr};
    Part<T>(neuron, s, 0, count, Team{0, n_parts, nullptr, nullptr}, workspace);  // the first part is the largest
    return workspace.used;
}

template <class T>
Divergence simulate_spiking(const NeuronKernels<T>& neuron, const Simulation<T>& s, std::int64_t first,
                            std::int64_t count, const Team& team, void* memory) {
    Workspace workspace{static_cast<char*>(memory)};
    return Stepper<T>(neuron, s, first, count, team, workspace).run();
}

template std::size_t spiking_bytes(const NeuronKernels<float>&, const Simulation<float>&, std::int64_t, int);
template std::size_t spiking_bytes(const NeuronKernels<double>&, const Simulation<double>&, std::int64_t, int);
template Divergence simulate_spiking(const NeuronKernels<float>&, const Simulation<float>&, std::int64_t, std::int64_t,
                                     const Team&, void*);
template Divergence simulate_spiking(const NeuronKernels<double>&, const Simulation<double>&, std::int64_t,
                                     std::int64_t, const Team&, void*);

}  // namespace synfer::SYNFER_LEVEL
