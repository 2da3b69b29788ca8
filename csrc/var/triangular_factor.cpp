// Householder QR of a triangle stacked on a block. Column k's reflector is one on row k of R and a full column on the
// block, nothing else, so the triangle stays a triangle and costs nothing: 2 rows columns^2 operations, whatever the
// block's height. Reflectors are gathered by panel as I - V T V' (Schreiber and Van Loan, SIAM J. Sci. Stat. Comput.
// 10, 1989), which turns nearly all of the work into matrix products.
#include "var/triangular_factor.hpp"

#include <algorithm>
#include <cmath>

namespace synfer::var {
namespace {

using Eigen::Index;

constexpr Index kPanel = 32;
// Columns updated together. Fixed, so that how a column is computed does not depend on the number of threads.
constexpr Index kTile = 64;

// Reflects columns [first, first + width) of [R; rows]; leaves V's lower part in rows, and T (width, width) in T.
void factor_panel(MatrixView R, MatrixView rows, Index first, Index width, MatrixView T) {
    T.setZero();
    for (Index j = 0; j < width; ++j) {
        const Index k = first + j;
        auto v = rows.col(k);
        const double alpha = R(k, k);
        const double norm = std::hypot(alpha, v.norm());
        if (norm == 0.0) {
            continue;  // nothing to reflect: T's column stays zero, the reflector is the identity
        }
        const double beta = alpha > 0.0 ? -norm : norm;
        const double tau = (beta - alpha) / beta;
        v /= alpha - beta;
        R(k, k) = beta;
        for (Index c = k + 1; c < first + width; ++c) {
            const double w = tau * (R(k, c) + v.dot(rows.col(c)));
            R(k, c) -= w;
            rows.col(c) -= w * v;
        }
        // The parts on R are distinct unit vectors, so only the block's enter V'v.
        if (j > 0) {
            const Eigen::VectorXd overlap = -tau * (rows.middleCols(first, j).transpose() * v);
            T.col(j).head(j).noalias() = T.topLeftCorner(j, j).triangularView<Eigen::Upper>() * overlap;
        }
        T(j, j) = tau;
    }
}

}  // namespace

void append_rows(MatrixView R, MatrixView rows, int n_threads) {
    const Index n_columns = R.cols();
    Matrix T(kPanel, kPanel);
    for (Index first = 0; first < n_columns; first += kPanel) {
        const Index width = std::min(kPanel, n_columns - first);
        auto T_panel = T.topLeftCorner(width, width);
        factor_panel(R, rows, first, width, T_panel);

        const Index rest = first + width;
        const Index n_tiles = (n_columns - rest + kTile - 1) / kTile;
        const auto V = rows.middleCols(first, width);
#pragma omp parallel for schedule(static) num_threads(n_threads) if (n_threads > 1 && n_tiles > 1)
        for (Index tile = 0; tile < n_tiles; ++tile) {
            const Index column = rest + tile * kTile;
            const Index n = std::min(kTile, n_columns - column);
            auto R_tile = R.block(first, column, width, n);
            auto tile_rows = rows.middleCols(column, n);
            Matrix W = R_tile;
            W.noalias() += V.transpose() * tile_rows;
            W = (T_panel.transpose().triangularView<Eigen::Lower>() * W).eval();
            R_tile -= W;
            tile_rows.noalias() -= V * W;
        }
    }
}

}  // namespace synfer::var
