#pragma once
#include "simulator/cpu/part.hpp"

// How a part's memory is filled, and where what it remembers goes in the end.

namespace synfer::SYNFER_LEVEL {

template <class T>
struct LoadedPart : Part<T> {
    using Part<T>::Part;
    using Part<T>::elements, Part<T>::drive, Part<T>::s, Part<T>::wiring, Part<T>::neuron, Part<T>::synapse,
        Part<T>::team, Part<T>::box, Part<T>::lists, Part<T>::columns, Part<T>::coefficients, Part<T>::factors,
        Part<T>::steady_drive, Part<T>::steady, Part<T>::state, Part<T>::synapse_state, Part<T>::pending,
        Part<T>::n_receptors, Part<T>::n_synapse_states, Part<T>::constants, Part<T>::listed, Part<T>::conducts,
        Part<T>::scaled, Part<T>::plastic, Part<T>::release, Part<T>::source_traces, Part<T>::traces,
        Part<T>::trace_decay, Part<T>::counts, Part<T>::width, Part<T>::real;

    void load() {
        elements.load_ids(s.drive.ids);
        elements.gather(static_cast<const T*>(s.state), neuron.n_states, state);
        elements.gather(static_cast<const T*>(wiring.synapse_state), n_synapse_states, synapse_state);
        if (pending != nullptr)
            elements.gather(static_cast<const T*>(wiring.pending), wiring.longest * n_receptors, pending);
        prepare_coefficients();
        for (int r = 0; r < n_receptors; ++r) {
            const double tau = wiring.synapse.tau[r], dt = static_cast<double>(s.dt);
            constants.decay[r] = static_cast<T>(__builtin_exp(-dt / tau));
            constants.mean[r] = static_cast<T>(exponential_factor(tau, 0.0, dt));
            constants.rise[r] = static_cast<T>(2.71828182845904523536 * dt / tau);
            constants.reversal[r] = static_cast<T>(wiring.synapse.reversal[r]);
        }
        listed ? lists.load() : columns.fill(elements, wiring.weights, conducts);
        if (scaled) elements.gather(static_cast<const double*>(wiring.short_term.state), 3, release);
        if (plastic) {
            trace_decay[0] = static_cast<T>(__builtin_exp(-static_cast<double>(s.dt) / wiring.stdp.tau_plus));
            trace_decay[1] = static_cast<T>(__builtin_exp(-static_cast<double>(s.dt) / wiring.stdp.tau_minus));
            for (std::int64_t j = 0; j < elements.count * s.n_units; ++j) {
                const std::int64_t g = j / s.n_units, unit = j % s.n_units;
                source_traces[j] = wiring.stdp.traces[(elements.first + g) * 2 * s.n_units + unit];
            }
            for (std::int64_t e = 0; e < width; ++e) {
                const std::int64_t at = e < real ? elements.offset(e / elements.n, 1, 2) + e % elements.n : 0;
                traces[e] = e < real ? wiring.stdp.traces[at] : T(0);
            }
        }
        load_drive();
        for (std::int64_t e = 0; e < s.n_recorded * width; ++e) counts[e] = 0;
        for (int i = 0; i < s.n_recorded; ++i) {
            if (s.recorded[i].counted != nullptr)
                elements.gather(static_cast<const std::uint8_t*>(s.recorded[i].counted), 1, counts + i * width);
        }
        for (std::int64_t e = 0; this->networks != nullptr && e < real; ++e)
            this->networks[e] = static_cast<std::uint32_t>(e / elements.n);
        for (std::int64_t e = 0; e < (this->block_of(0) + 63) / 64 * 64; ++e) this->marks[e] = 0;
        this->listing = false;
        for (int i = 0; i < s.n_recorded && team.part == 0; ++i)
            this->listing = this->listing || s.recorded[i].events.take != nullptr;
        box.clear(0);
        box.clear(1);
        team.boxes[team.part] = &box;
    }

    // Neighbours often have the same parameters, and then the same coefficients. The padding has those of the first
    // unit: of what it does nothing is kept, but it must not fault.
    void prepare_coefficients() {
        double p[max_coefficients], k[max_coefficients], f[max_factors];
        bool any = false;
        for (std::int64_t e = 0; e < width && real > 0; ++e) {
            const std::int64_t unit = e < real ? e : 0;
            bool changed = !any;
            for (int r = 0; r < neuron.n_parameters; ++r) {
                const std::int64_t at = elements.offset(unit / elements.n, r, neuron.n_parameters) + unit % elements.n;
                const double value = static_cast<double>(s.parameters[at]);
                changed = changed || value != p[r];
                p[r] = value;
            }
            any = true;
            if (changed) {
                neuron.prepare(p, static_cast<double>(s.dt), k);
                synapse.prepare(wiring.synapse, neuron.membrane(p), static_cast<double>(s.dt), f);
            }
            for (int r = 0; r < neuron.n_coefficients; ++r) coefficients.values[r * width + e] = static_cast<T>(k[r]);
            for (int r = 0; r < synapse.n_factors; ++r) factors.values[r * width + e] = static_cast<T>(f[r]);
        }
        coefficients.find_uniform(neuron.n_coefficients, width);
        factors.find_uniform(synapse.n_factors, width);
    }

    // A drive that does not change is made once.
    void load_drive() {
        drive.load();
        const Drive<T>& d = s.drive;
        steady = drive.n_asked == 0 && (d.n_terms == 0 || (d.n_terms == 1 && d.terms[0].kind == DriveKind::gaussian));
        for (std::int64_t e = 0; e < width; ++e) steady_drive.values[e] = T(0);
        for (std::int64_t e = 0; steady && d.n_terms == 1 && e < real; ++e) {
            const std::int64_t mean = elements.offset(e / elements.n, 0, 2) + e % elements.n;
            steady_drive.values[e] = static_cast<T>(d.terms[0].parameters[mean]);
            steady = d.terms[0].parameters[mean + s.n_units] == 0.0;
        }
        steady_drive.find_uniform(1, real);
    }

    void store() const {
        elements.scatter(state, neuron.n_states, s.state);
        elements.scatter(synapse_state, n_synapse_states, wiring.synapse_state);
        if (pending != nullptr) elements.scatter(pending, wiring.longest * n_receptors, wiring.pending);
        if (scaled) elements.scatter(release, 3, wiring.short_term.state);
        for (std::int64_t e = 0; plastic && e < real; ++e) {
            const std::int64_t g = e / elements.n, i = e % elements.n, row = (elements.first + g) * 2 * s.n_units;
            wiring.stdp.traces[row + elements.from + i] = source_traces[g * s.n_units + elements.from + i];
            wiring.stdp.traces[row + s.n_units + elements.from + i] = traces[e];
        }
        for (int i = 0; i < s.n_recorded; ++i) {
            if (s.recorded[i].counted != nullptr)
                elements.scatter(static_cast<const std::uint8_t*>(counts + i * width), 1, s.recorded[i].counted);
        }
        drive.store();
    }
};

}  // namespace synfer::SYNFER_LEVEL
