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

void append_rows(MatrixView R, MatrixView rows, Shape shape) {
    const Index n_columns = R.cols();
    Matrix T(kPanel, kPanel);
    for (Index first = 0; first < n_columns; first += kPanel) {
        const Index width = std::min(kPanel, n_columns - first);
        const Index rest = first + width;
        const Index n_rest = n_columns - rest;
        // A triangle's columns end at their diagonal, and reflectors of the same height keep it so.
        const Index height = shape == Shape::triangle ? std::min(rest, rows.rows()) : rows.rows();
        auto T_panel = T.topLeftCorner(width, width);
        factor_panel(R, rows.topRows(height), first, width, T_panel);

        const auto V = rows.block(0, first, height, width);
        auto R_rest = R.block(first, rest, width, n_rest);
        auto rows_rest = rows.block(0, rest, height, n_rest);
        Matrix W = R_rest;
        W.noalias() += V.transpose() * rows_rest;
        W = (T_panel.transpose().triangularView<Eigen::Lower>() * W).eval();
        R_rest -= W;
        rows_rest.noalias() -= V * W;
    }
}

}  // namespace synfer::var
