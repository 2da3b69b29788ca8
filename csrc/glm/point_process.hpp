#pragma once
#include <Eigen/Core>
#include <cstdint>

// Generalised linear models of spike counts on all units' filtered spikes, one target at a time:
//
//   eta(t) = beta_0 + sum_j sum_b beta_jb x_jb(t) + sum_c gamma_c z_c(t)
//   x_jb(t) = sum_{d=1..window} basis(d-1, b) n_j(t - d),   z what is known besides (a stimulus)
//
// The lag matrix is never held. What costs, eta and the gradient, is done spike by spike: a spike of j adds its filter
// to eta at the bins that follow, and reads the residual there.
namespace synfer::glm {

using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;

enum class Family { poisson, bernoulli };  // log link; logit link

// Spikes of all units in order of bins. Trials follow one another along the bins.
struct Spikes {
    Eigen::Index n;            // events
    const std::int64_t* bin;   // (event)
    const std::int64_t* unit;  // (event)
    const double* count;       // (event), spikes in that bin
    const std::int64_t* stop;  // (event), end of its trial: no filter reaches across
    Eigen::Index n_bins;       // all trials
    Eigen::Index n_units;
};

struct Problem {
    Spikes spikes;
    Eigen::Map<const Matrix> basis;  // (window, basis function)
    Family family;
    double ridge;      // added to the curvature of every beta but beta_0
    double own_ridge;  // further, to that of the target's own history
    double tolerance;  // of the Newton decrement, in units of log-likelihood
    int max_iter;
    Eigen::Index curvature_rows;  // bins, evenly spread, of which curvatures are summed
    Eigen::Index n_covariates = 0;
};

struct Fit {
    Vector coef;                  // (1 + unit x basis + covariate)
    Matrix information;           // (column, column): curvature of minus the penalised log-likelihood
    double log_likelihood = 0.0;  // without the penalty, and without terms that no coefficient enters
    double decrement = 0.0;
    int n_iter = 0;
    bool positive_definite = true;
};

// Curvature (column, column), without covariates, were every bin to weigh 1: up to a factor, that of every target with
// constant rate. It steers the first steps of all.
Matrix common_curvature(const Problem& problem);

// unit: which of them the target is; counts (bin) its spikes; used (bin) which bins enter the likelihood; covariates
// (covariate, bin). A function of its arguments alone: targets are fitted by different threads with the same bits.
Fit fit_target(const Problem& problem, Eigen::Index unit, const double* counts, const std::uint8_t* used,
               const Matrix& common, const double* covariates = nullptr);

}  // namespace synfer::glm
