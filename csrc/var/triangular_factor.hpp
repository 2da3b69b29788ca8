#pragma once
#include <Eigen/Core>

namespace synfer::var {

using Matrix = Eigen::MatrixXd;
using MatrixView = Eigen::Ref<Eigen::MatrixXd>;

enum class Shape { full, triangle };

// R <- the triangular factor of [R; rows], so that R'R grows by rows'rows: least squares over any number of rows in
// the memory of R and of one block, at the condition number of the data (normal equations square it).
//
//   factor  (column, column)  upper triangular; zero before the first rows. What lies below the diagonal is left alone.
//   rows    (row, column)     overwritten; Shape::triangle where rows are themselves a factor (a third of the work)
void append_rows(MatrixView factor, MatrixView rows, Shape shape = Shape::full);

}  // namespace synfer::var
