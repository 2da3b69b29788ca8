#pragma once
#include "simulator/cpu/draws.hpp"
#include "simulator/drive.hpp"
#include "simulator/recorded.hpp"
#include "simulator/streams.hpp"

// The drive of some networks laid side by side, for a chunk of steps at a time.

namespace synfer::SYNFER_LEVEL {

template <class T>
struct DriveRows;
template <class T>
void add_term(DriveRows<T>& d, int m, std::int64_t chunk, std::int64_t begin, std::int64_t end);

// The padding's parameters are 0, and so is what they make.
template <class T>
struct DriveRows {
    struct Term {
        T* parameters;          // (parameter, element)
        double* times;          // (parameter, element), where float32 is too short for a number of steps
        std::uint32_t* limits;  // (threshold, element), where rates differ
        T *y, *saved_y;         // (element), or (network) of what is shared, with decay and kick behind
        T* alone;               // (chunk step, element): what it gives by itself; null where nobody asks
    };

    const Drive<T>& drive;
    Elements elements;
    Elements shared;  // (network), as units of number shared_unit
    std::int64_t widest;
    T* rows;               // (chunk step, element)
    T* scratch;            // (chunk step, element or network)
    T *zeros, *ones;       // (element or network): mean and deviation of standard normal numbers
    std::uint32_t* words;  // (chunk step, element)
    Term terms[max_drive_terms];
    int asked[max_drive_terms], n_asked = 0;  // terms that are recorded by themselves

    static bool is_shared(DriveKind kind) {
        return kind == DriveKind::shared_gaussian || kind == DriveKind::shared_ornstein_uhlenbeck;
    }
    static bool remembers(DriveKind kind) {
        return kind == DriveKind::ornstein_uhlenbeck || kind == DriveKind::shared_ornstein_uhlenbeck;
    }
    static std::int64_t n_parameters(DriveKind kind) { return n_drive_parameters[static_cast<int>(kind)]; }
    const Elements& elements_of(const DriveTerm<T>& term) const { return is_shared(term.kind) ? shared : elements; }

    DriveRows(const Drive<T>& d, const Elements& e, Workspace& workspace)
        : drive(d), elements(e), shared(Elements::of<T>(e.first, e.count, 0, 1, 1, workspace)) {
        rows = workspace.take<T>(chunk_steps * e.width);
        widest = e.width > shared.width ? e.width : shared.width;
        scratch = workspace.take<T>(chunk_steps * widest);
        zeros = workspace.take<T>(widest);
        ones = workspace.take<T>(widest);
        bool counts = false;
        for (int m = 0; m < d.n_terms; ++m) counts = counts || d.terms[m].kind == DriveKind::poisson;
        words = workspace.take<std::uint32_t>(counts ? chunk_steps * e.width : 0);
        for (int m = 0; m < d.n_terms; ++m) {
            const DriveTerm<T>& term = d.terms[m];
            const std::int64_t size = n_parameters(term.kind) * e.width;
            const bool timed = term.kind == DriveKind::step || term.kind == DriveKind::sine;
            terms[m].parameters = workspace.take<T>(size);
            terms[m].times = workspace.take<double>(timed ? size : 0);
            terms[m].limits = workspace.take<std::uint32_t>(term.one_rate ? 0 : term.n_thresholds * e.width);
            const std::int64_t remembered = remembers(term.kind) ? elements_of(term).width : 0;
            terms[m].y = workspace.take<T>(remembered);
            terms[m].saved_y = workspace.take<T>(is_shared(term.kind) ? 3 * remembered : remembered);
            terms[m].alone = term.alone ? workspace.take<T>(chunk_steps * e.width) : nullptr;
            if (term.alone) asked[n_asked++] = m;
        }
    }

    // Once the elements' ids are loaded.
    void load() {
        for (std::int64_t e = 0; e < widest; ++e) zeros[e] = T(0), ones[e] = T(1);
        for (std::int64_t g = 0; g < shared.width; ++g) {
            shared.ids[g] = g < shared.count ? drive.ids[shared.first + g] : 0;
            shared.units[g] = shared_unit;
        }
        for (int m = 0; m < drive.n_terms; ++m) {
            const DriveTerm<T>& term = drive.terms[m];
            const std::int64_t n = n_parameters(term.kind);
            elements.gather(term.parameters, n, terms[m].parameters);
            if (term.kind == DriveKind::step || term.kind == DriveKind::sine)
                elements.gather(term.parameters, n, terms[m].times);
            if (!term.one_rate) elements.gather(term.thresholds, term.n_thresholds, terms[m].limits);
            if (remembers(term.kind)) elements_of(term).gather(static_cast<const T*>(term.state), 1, terms[m].y);
        }
    }

    // y after the last step taken, back to where it was loaded from.
    void store() const {
        for (int m = 0; m < drive.n_terms; ++m) {
            const DriveTerm<T>& term = drive.terms[m];
            if (!remembers(term.kind) || (is_shared(term.kind) && elements.from != 0)) continue;
            elements_of(term).scatter(terms[m].y, 1, term.state);
        }
    }

    // So that a chunk can be made again.
    void save() const { copy_y(true); }
    void restore() const { copy_y(false); }
    void copy_y(bool saving) const {
        for (int m = 0; m < drive.n_terms; ++m) copy_y_of(m, saving);
    }
    void copy_y_of(int m, bool saving) const {
        const std::int64_t n = remembers(drive.terms[m].kind) ? elements_of(drive.terms[m]).width : 0;
        const Term& t = terms[m];
        for (std::int64_t e = 0; e < n; ++e) (saving ? t.saved_y : t.y)[e] = (saving ? t.y : t.saved_y)[e];
    }

    // Rows for the steps [begin, end) of the chunk that begins at step `chunk`, a multiple of chunk_steps. (There may
    // be more, of other steps of the chunk.)
    void make(std::int64_t chunk, std::int64_t begin, std::int64_t end) {
        if (drive.n_terms == 0 || drive.terms[0].kind != DriveKind::gaussian) {
            for (std::int64_t i = 0; i < chunk_steps * elements.width; ++i) rows[i] = T(0);
        }
        for (int m = 0; m < drive.n_terms; ++m) {
            if (drive.terms[m].alone) make_alone(m, chunk, begin, end);
            add_term(*this, m, chunk, begin - chunk, end - chunk);
        }
    }

    // Made once more, so that the sum has the same bits whatever is recorded.
    void make_alone(int m, std::int64_t chunk, std::int64_t begin, std::int64_t end) {
        T* sum = rows;
        rows = terms[m].alone;
        for (std::int64_t i = 0; i < chunk_steps * elements.width; ++i) rows[i] = T(0);
        copy_y_of(m, true);
        add_term(*this, m, chunk, begin - chunk, end - chunk);
        copy_y_of(m, false);
        rows = sum;
    }

    // record(values, recorded) of each term asked for there, of the step and elements whose sum lies at `sum`.
    template <class Record>
    void record_alone(const T* sum, const Recorded<T>& to, Record&& record) const {
        for (int a = 0; a < n_asked && to.terms != nullptr; ++a)
            record(static_cast<const T*>(terms[asked[a]].alone + (sum - rows)), to.terms[asked[a]]);
    }
};

}  // namespace synfer::SYNFER_LEVEL

#include "simulator/cpu/drive_terms.hpp"  // add_term
