#include "glm/point_process.hpp"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>

namespace synfer::glm {
namespace {

using Eigen::Index;

constexpr Index kBlock = 256;  // rows of a curvature summed at once: a block of some 500 columns is a megabyte

double log_partition(Family family, double eta) {
    if (family == Family::poisson) return std::exp(eta);
    return eta > 0 ? eta + std::log1p(std::exp(-eta)) : std::log1p(std::exp(eta));
}

double mean(Family family, double eta) {
    return family == Family::poisson ? std::exp(eta) : 1.0 / (1.0 + std::exp(-eta));
}

double variance(Family family, double mu) { return family == Family::poisson ? mu : mu * (1.0 - mu); }

class Target {
  public:
    Target(const Problem& problem, Index unit, const double* counts, const std::uint8_t* used, const double* covariates)
        : p_(problem),
          counts_(counts),
          used_(used),
          window_(problem.basis.rows()),
          n_basis_(problem.basis.cols()),
          covariates_(covariates, covariates == nullptr ? 0 : problem.spikes.n_bins, problem.n_covariates) {
        n_history_ = 1 + p_.spikes.n_units * n_basis_;
        n_columns_ = n_history_ + covariates_.cols();
        ridge_ = Vector::Constant(n_columns_, problem.ridge);
        ridge_[0] = 0.0;
        ridge_.tail(covariates_.cols()).setZero();
        ridge_.segment(1 + unit * n_basis_, n_basis_).array() += problem.own_ridge;
    }

    Index n_columns() const { return n_columns_; }
    const Vector& ridge() const { return ridge_; }

    // eta (bin) of coefficients.
    void predict(const Vector& coef, Vector& eta) const {
        const Matrix filters = p_.basis * Eigen::Map<const Matrix>(coef.data() + 1, n_basis_, p_.spikes.n_units);
        eta.setConstant(p_.spikes.n_bins, coef[0]);
        for (Index c = 0; c < covariates_.cols(); ++c) eta += coef[n_history_ + c] * covariates_.col(c);
        for (Index e = 0; e < p_.spikes.n; ++e) {
            const Index first = p_.spikes.bin[e] + 1;
            const Index length = std::min<Index>(window_, p_.spikes.stop[e] - first);
            if (length <= 0) continue;
            const double count = p_.spikes.count[e];
            const double* filter = filters.data() + p_.spikes.unit[e] * window_;
            double* at = eta.data() + first;
            for (Index d = 0; d < length; ++d) at[d] += count * filter[d];
        }
    }

    // Gradient of the log-likelihood from residuals (bin).
    void gradient(const Vector& residual, Vector& out) const {
        Matrix sums = Matrix::Zero(window_, p_.spikes.n_units);
        for (Index e = 0; e < p_.spikes.n; ++e) {
            const Index first = p_.spikes.bin[e] + 1;
            const Index length = std::min<Index>(window_, p_.spikes.stop[e] - first);
            if (length <= 0) continue;
            const double count = p_.spikes.count[e];
            double* sum = sums.data() + p_.spikes.unit[e] * window_;
            const double* at = residual.data() + first;
            for (Index d = 0; d < length; ++d) sum[d] += count * at[d];
        }
        out[0] = residual.sum();
        Eigen::Map<Matrix>(out.data() + 1, n_basis_, p_.spikes.n_units) = p_.basis.transpose() * sums;
        for (Index c = 0; c < covariates_.cols(); ++c) out[n_history_ + c] = covariates_.col(c).dot(residual);
    }

    double log_likelihood(const Vector& eta) const {
        double sum = 0.0;
        for (Index t = 0; t < p_.spikes.n_bins; ++t) {
            if (used_[t]) sum += counts_[t] * eta[t] - log_partition(p_.family, eta[t]);
        }
        return sum;
    }

    void residual(const Vector& eta, Vector& out) const {
        out.resize(p_.spikes.n_bins);
        for (Index t = 0; t < p_.spikes.n_bins; ++t) {
            out[t] = used_[t] ? counts_[t] - mean(p_.family, eta[t]) : 0.0;
        }
    }

    // Of a bin in the curvature; 1 everywhere where there is no target.
    double weight(Index t, const Vector& eta) const {
        if (used_ == nullptr) return 1.0;
        return used_[t] ? variance(p_.family, mean(p_.family, eta[t])) : 0.0;
    }

    // d' (curvature) d of a direction whose eta is `along`: exact, and no dearer than the likelihood.
    double curvature(const Vector& eta, const Vector& along, const Vector& direction) const {
        double sum = direction.cwiseAbs2().dot(ridge_);
        for (Index t = 0; t < p_.spikes.n_bins; ++t) sum += weight(t, eta) * along[t] * along[t];
        return sum;
    }

    double penalty(const Vector& coef) const { return 0.5 * coef.cwiseAbs2().dot(ridge_); }

    // Curvature of minus the penalised log-likelihood, from n_rows bins spread evenly (all, where there are no more).
    Matrix information(const Vector& eta, Index n_rows) const {
        const Index n_bins = p_.spikes.n_bins;
        const Index step = std::max<Index>(1, n_bins / std::max<Index>(1, n_rows));
        Matrix gram = Matrix::Zero(n_columns_, n_columns_);
        Matrix rows(n_columns_, kBlock);
        const Index span = kBlock * step;
        Index from = 0;  // first event that may still reach the block
        double total = 0.0, taken = 0.0;
        for (Index begin = 0; begin < n_bins; begin += span) {
            const Index end = std::min(n_bins, begin + span);
            rows.setZero();
            while (from < p_.spikes.n && p_.spikes.bin[from] + window_ < begin) ++from;
            for (Index e = from; e < p_.spikes.n && p_.spikes.bin[e] < end; ++e) {
                const Index s = p_.spikes.bin[e];
                const Index last = std::min<Index>({s + window_ + 1, p_.spikes.stop[e], end});
                Index t = std::max(s + 1, begin);
                t += (step - (t - begin) % step) % step;
                for (; t < last; t += step) {
                    rows.col((t - begin) / step).segment(1 + p_.spikes.unit[e] * n_basis_, n_basis_) +=
                        p_.spikes.count[e] * p_.basis.row(t - s - 1).transpose();
                }
            }
            const Index n_here = (end - begin + step - 1) / step;
            for (Index r = 0; r < n_here; ++r) {
                const Index t = begin + r * step;
                const double w = weight(t, eta);
                taken += w;
                rows(0, r) = 1.0;
                for (Index c = 0; c < covariates_.cols(); ++c) rows(n_history_ + c, r) = covariates_(t, c);
                rows.col(r) *= std::sqrt(w);
            }
            gram.selfadjointView<Eigen::Lower>().rankUpdate(rows.leftCols(n_here));
        }
        for (Index t = 0; t < n_bins; ++t) {
            total += weight(t, eta);
        }
        if (taken > 0.0) gram *= total / taken;
        gram.diagonal() += ridge_;
        return gram.selfadjointView<Eigen::Lower>();
    }

  private:
    const Problem& p_;
    const double* counts_;
    const std::uint8_t* used_;
    Index window_, n_basis_;
    Eigen::Map<const Matrix> covariates_;  // (bin, covariate)
    Index n_history_, n_columns_;
    Vector ridge_;  // (column)
};

// A symmetric matrix is positive definite to working precision, whatever the scales of its columns.
bool factorise(const Matrix& matrix, Eigen::LLT<Matrix>& llt) {
    llt.compute(matrix);
    if (llt.info() != Eigen::Success) return false;
    const auto pivots = llt.matrixLLT().diagonal().array().square();
    return (pivots > 1e-11 * matrix.diagonal().array()).all();
}

}  // namespace

Matrix common_curvature(const Problem& problem) {
    Problem plain = problem;
    plain.ridge = plain.own_ridge = 0.0;
    plain.n_covariates = 0;
    return Target(plain, 0, nullptr, nullptr, nullptr).information(Vector(), problem.curvature_rows);
}

Fit fit_target(const Problem& problem, Index unit, const double* counts, const std::uint8_t* used, const Matrix& common,
               const double* covariates) {
    const Target target(problem, unit, counts, used, covariates);
    Fit fit;
    fit.coef = Vector::Zero(target.n_columns());
    double n_used = 0.0, n_spikes = 0.0;
    for (Index t = 0; t < problem.spikes.n_bins; ++t) {
        if (used[t]) n_used += 1.0, n_spikes += counts[t];
    }
    const double rate = n_spikes / n_used;
    fit.coef[0] = problem.family == Family::poisson ? std::log(rate) : std::log(rate / (1.0 - rate));

    Vector eta, along, residual, trial, last_gradient, direction;
    Vector gradient(target.n_columns());
    Eigen::LLT<Matrix> metric;
    target.predict(fit.coef, eta);
    double objective = target.log_likelihood(eta) - target.penalty(fit.coef);
    // All bins: Newton's steps. A part of them: conjugate gradients in that metric, which need not be the newest.
    const bool exact = problem.curvature_rows >= problem.spikes.n_bins;
    double last_product = 0.0;
    for (fit.n_iter = 0; fit.n_iter < problem.max_iter; ++fit.n_iter) {
        target.residual(eta, residual);
        target.gradient(residual, gradient);
        gradient -= target.ridge().cwiseProduct(fit.coef);
        const bool first = fit.n_iter == 0 && !exact && problem.n_covariates == 0;
        const bool renewed = exact || first || fit.n_iter == 2 || fit.n_iter % 20 == 0;
        if (renewed) {
            Matrix curvature;
            if (first) {
                curvature = common * (variance(problem.family, rate) * n_used / double(problem.spikes.n_bins));
                curvature.diagonal() += target.ridge();
            } else {
                curvature = target.information(eta, problem.curvature_rows);
            }
            if (!factorise(curvature, metric)) {
                fit.positive_definite = false;
                return fit;
            }
        }
        const Vector step = metric.solve(gradient);
        const double product = gradient.dot(step);
        fit.decrement = 0.5 * product;
        if (!(fit.decrement > problem.tolerance)) break;
        const double kept = renewed ? 0.0 : std::max(0.0, (product - last_gradient.dot(step)) / last_product);
        direction = kept > 0.0 ? Vector(step + kept * direction) : step;
        double slope = gradient.dot(direction);
        if (!(slope > 0.0)) direction = step, slope = product;
        last_gradient = gradient;
        last_product = product;
        target.predict(direction, along);
        double length = std::min(slope / target.curvature(eta, along, direction), 10.0);
        for (int halving = 0; halving < 60; ++halving, length *= 0.5) {
            trial = eta + length * along;
            const Vector coef = fit.coef + length * direction;
            const double reached = target.log_likelihood(trial) - target.penalty(coef);
            // Near the top the gain is below the rounding of the sum: then the step is as good as any.
            if (reached >= objective + 1e-4 * length * slope || (halving == 0 && slope < 1e-11 * std::abs(objective))) {
                fit.coef = coef;
                eta.swap(trial);
                objective = reached;
                break;
            }
        }
    }
    fit.log_likelihood = target.log_likelihood(eta);
    fit.information = target.information(eta, problem.curvature_rows);
    return fit;
}

}  // namespace synfer::glm
