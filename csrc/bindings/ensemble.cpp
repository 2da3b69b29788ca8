// Layers of an ensemble on tensors in memory: raw views in, the caller's buffers written.
#include "ensemble/ensemble.hpp"

#include <string>

#include "bindings/bindings.hpp"
#include "bindings/tokens.hpp"

namespace py = pybind11;

namespace synfer {
namespace {

// A map's weight, bias, y or dy, dweight, dbias.
using MapViews = std::tuple<View, MaybeView, View, MaybeView, MaybeView>;

template <class T>
std::vector<Map<T>> maps_of(const std::vector<MapViews>& views, const Shape& x, bool with_gradients) {
    std::vector<Map<T>> maps;
    for (const auto& [weight, bias, y, dweight, dbias] : views) {
        const std::int64_t n_out = shape_of(y, "y").n_channels;
        const Axes matrix{x.n_groups, n_out, x.n_channels}, row{x.n_groups, n_out};
        Map<T> map{};
        map.n_out = n_out;
        map.weight = array<T>(weight, "weight", matrix);
        map.bias = array<T>(bias, "bias", row);
        map.y = tokens<T>(y, "y", {x.n_tokens, x.n_groups, n_out});
        if (with_gradients && !dweight) throw py::value_error("dweight is missing");
        map.dweight = array<T>(dweight, "dweight", matrix);
        map.dbias = array<T>(dbias, "dbias", row);
        maps.push_back(map);
    }
    if (maps.empty()) throw py::value_error("no maps");
    return maps;
}

template <class T>
Linear<T> linear(const Shape& x, const std::vector<Map<T>>& maps, const MaybeView& a, const MaybeView& c) {
    Linear<T> l{};
    l.n_tokens = x.n_tokens, l.n_groups = x.n_groups, l.n_in = x.n_channels;
    l.maps = maps.data(), l.n_maps = static_cast<int>(maps.size());
    l.a = array<T>(a, "a", Axes{x.n_groups, x.n_channels});
    l.c = array<T>(c, "c", Axes{x.n_groups, x.n_channels});
    return l;
}

void both_or_none(const MaybeView& one, const MaybeView& other, const char* names) {
    if (one.has_value() != other.has_value()) throw py::value_error(std::string(names) + ": one without the other");
}

template <class T>
void forward(const View& x, const MaybeView& a, const MaybeView& c, const MaybeView& residual,
             const std::vector<MapViews>& views, int n_threads) {
    both_or_none(a, c, "a, c");
    const Shape shape = shape_of(x, "x");
    const auto maps = maps_of<T>(views, shape, false);
    Linear<T> l = linear(shape, maps, a, c);
    l.x = tokens<const T>(x, "x", shape);
    if (residual) {
        if (maps.size() != 1) throw py::value_error("a residual is for a single map");
        l.residual = tokens<const T>(*residual, "residual", {shape.n_tokens, shape.n_groups, maps[0].n_out});
    }
    const py::gil_scoped_release released;
    linear_forward(l, n_threads);
}

template <class T>
void input_gradient(const MaybeView& x, const MaybeView& a, const MaybeView& slope, const MaybeView& shift,
                    const std::vector<MapViews>& views, const View& dx, int n_threads) {
    both_or_none(slope, shift, "slope, shift");
    const Shape shape = shape_of(dx, "dx");
    const auto maps = maps_of<T>(views, shape, false);
    Linear<T> l = linear(shape, maps, a, std::nullopt);
    if (x) l.x = tokens<const T>(*x, "x", shape);
    l.slope = array<T>(slope, "slope", Axes{shape.n_groups, shape.n_channels});
    l.shift = array<T>(shift, "shift", Axes{shape.n_groups, shape.n_channels});
    if (slope && !x) throw py::value_error("slope without x");
    l.dx = tokens<T>(dx, "dx", shape);
    const py::gil_scoped_release released;
    linear_input_gradient(l, n_threads);
}

template <class T>
void weight_gradients(const View& x, const MaybeView& a, const MaybeView& c, const std::vector<MapViews>& views,
                      const MaybeView& da, const MaybeView& dc, int n_threads) {
    both_or_none(a, c, "a, c");
    both_or_none(a, da, "a, da");
    both_or_none(a, dc, "a, dc");
    const Shape shape = shape_of(x, "x");
    const auto maps = maps_of<T>(views, shape, true);
    Linear<T> l = linear(shape, maps, a, c);
    l.x = tokens<const T>(x, "x", shape);
    l.da = array<T>(da, "da", Axes{shape.n_groups, shape.n_channels});
    l.dc = array<T>(dc, "dc", Axes{shape.n_groups, shape.n_channels});
    const py::gil_scoped_release released;
    linear_weight_gradients(l, n_threads);
}

// Seeds (one a group), stream, step, threshold.
using DropArguments = std::tuple<std::vector<std::uint64_t>, std::uint32_t, std::uint32_t, std::uint32_t>;

Drop drop_of(const DropArguments& arguments, std::int64_t n_groups) {
    const auto& [seeds, stream, step, threshold] = arguments;
    if (static_cast<std::int64_t>(seeds.size()) != n_groups) throw py::value_error("not one seed a group");
    if (threshold > 65535) throw py::value_error("threshold > 65535");
    return {seeds.data(), stream, step, threshold};
}

// W1, b1, W2, b2, or their gradients.
using Weights = std::tuple<View, View, View, View>;

template <class T>
FeedForward<T> block(const View& x, const MaybeView& a, const MaybeView& c, const Weights& weights,
                     const DropArguments& drop, const View& y) {
    both_or_none(a, c, "a, c");
    const Shape shape = shape_of(x, "x");
    FeedForward<T> f{};
    f.n_tokens = shape.n_tokens, f.n_groups = shape.n_groups, f.n_channels = shape.n_channels;
    if (std::get<1>(std::get<0>(weights)).size() != 3) throw py::value_error("weight1 has not three axes");
    f.n_hidden = std::get<1>(std::get<0>(weights))[1];
    if (f.n_hidden < 1) throw py::value_error("no hidden channels");
    const Axes row{shape.n_groups, shape.n_channels}, hidden{shape.n_groups, f.n_hidden};
    f.x = tokens<const T>(x, "x", shape);
    f.a = array<T>(a, "a", row), f.c = array<T>(c, "c", row);
    f.weight1 = array<T>(std::get<0>(weights), "weight1", Axes{shape.n_groups, f.n_hidden, shape.n_channels});
    f.bias1 = array<T>(std::get<1>(weights), "bias1", hidden);
    f.weight2 = array<T>(std::get<2>(weights), "weight2", Axes{shape.n_groups, shape.n_channels, f.n_hidden});
    f.bias2 = array<T>(std::get<3>(weights), "bias2", row);
    f.drop = drop_of(drop, shape.n_groups);
    f.y = tokens<T>(y, "y", shape);
    return f;
}

template <class T>
void block_forward(const View& x, const MaybeView& a, const MaybeView& c, const Weights& weights,
                   const DropArguments& drop, const View& y, int n_threads) {
    const FeedForward<T> f = block<T>(x, a, c, weights, drop, y);
    const py::gil_scoped_release released;
    feed_forward(f, n_threads);
}

template <class T>
void block_backward(const View& x, const MaybeView& a, const MaybeView& c, const Weights& weights,
                    const DropArguments& drop, const View& dy, const View& dx, const MaybeView& da, const MaybeView& dc,
                    const Weights& dweights, int n_threads) {
    both_or_none(a, da, "a, da");
    both_or_none(a, dc, "a, dc");
    FeedForward<T> f = block<T>(x, a, c, weights, drop, dy);
    const Axes row{f.n_groups, f.n_channels}, hidden{f.n_groups, f.n_hidden};
    f.dx = tokens<T>(dx, "dx", {f.n_tokens, f.n_groups, f.n_channels});
    f.da = array<T>(da, "da", row), f.dc = array<T>(dc, "dc", row);
    f.dweight1 = array<T>(std::get<0>(dweights), "dweight1", Axes{f.n_groups, f.n_hidden, f.n_channels});
    f.dbias1 = array<T>(std::get<1>(dweights), "dbias1", hidden);
    f.dweight2 = array<T>(std::get<2>(dweights), "dweight2", Axes{f.n_groups, f.n_channels, f.n_hidden});
    f.dbias2 = array<T>(std::get<3>(dweights), "dbias2", row);
    const py::gil_scoped_release released;
    feed_forward_backward(f, n_threads);
}

template <class T>
void channel_moments(const View& x, const View& mean, const View& variance, int n_threads) {
    const Shape shape = shape_of(x, "x");
    const Axes row{shape.n_groups, shape.n_channels};
    const Moments<T> m{shape.n_tokens,
                       shape.n_groups,
                       shape.n_channels,
                       tokens<const T>(x, "x", shape),
                       array<T>(mean, "mean", row),
                       array<T>(variance, "variance", row)};
    const py::gil_scoped_release released;
    moments(m, n_threads);
}

template <class T>
void affine_added(const View& x, const View& y, const View& slope, const View& shift, int n_threads) {
    const Shape shape = shape_of(x, "x");
    const Axes row{shape.n_groups, shape.n_channels};
    const Affine<T> a{shape.n_tokens,
                      shape.n_groups,
                      shape.n_channels,
                      tokens<T>(x, "x", shape),
                      tokens<const T>(y, "y", shape),
                      array<T>(slope, "slope", row),
                      array<T>(shift, "shift", row)};
    const py::gil_scoped_release released;
    add_affine(a, n_threads);
}

template <class T>
void dropped(const View& x, const DropArguments& drop, const View& y, int n_threads) {
    const Shape shape = shape_of(x, "x");
    const Dropout<T> d{shape.n_tokens,
                       shape.n_groups,
                       shape.n_channels,
                       tokens<const T>(x, "x", shape),
                       drop_of(drop, shape.n_groups),
                       tokens<T>(y, "y", shape)};
    const py::gil_scoped_release released;
    dropout(d, n_threads);
}

// value (group, batch element, unit, lag), direction, offset, unit.
using EmbeddingViews = std::tuple<View, View, View, View>;

template <class T>
Embedding<T> embedding_of(const EmbeddingViews& views, const DropArguments& drop, const View& y) {
    const auto& [value, direction, offset, unit] = views;
    const Axes &shape = std::get<1>(value), &strides = std::get<2>(value);
    if (shape.size() != 4 || strides.size() != 4) throw py::value_error("value has not four axes");
    Embedding<T> e{};
    e.n_groups = shape[0], e.n_batch = shape[1], e.n_units = shape[2], e.n_lags = shape[3];
    const Shape own = shape_of(y, "y");
    e.n_channels = own.n_channels;
    std::int64_t step = strides[3];
    for (int axis = 3; axis > 0; --axis) {
        if (shape[axis] < 1) throw py::value_error("value has an empty axis");
        if (shape[axis] > 1 && axis < 3 && strides[axis] != step) throw py::value_error("value's tokens do not follow");
        if (axis == 3 && shape[3] == 1) step = shape[2] > 1 ? strides[2] : strides[1];
        step *= shape[axis];
    }
    e.value = data_of<T>(value, "value");
    e.value_group_stride = strides[0];
    e.value_token_stride = shape[3] > 1 ? strides[3] : shape[2] > 1 ? strides[2] : strides[1];
    e.direction = array<T>(direction, "direction", Axes{e.n_groups, e.n_channels});
    e.offset = array<T>(offset, "offset", Axes{e.n_groups, e.n_batch, e.n_lags, e.n_channels});
    e.unit = array<T>(unit, "unit", Axes{e.n_groups, e.n_units, e.n_channels});
    e.drop = drop_of(drop, e.n_groups);
    e.y = tokens<T>(y, "y", {e.n_batch * e.n_units * e.n_lags, e.n_groups, e.n_channels});
    return e;
}

template <class T>
void embedded(const EmbeddingViews& views, const DropArguments& drop, const View& y, int n_threads) {
    const Embedding<T> e = embedding_of<T>(views, drop, y);
    const py::gil_scoped_release released;
    embedding(e, n_threads);
}

template <class T>
void embedded_backward(const EmbeddingViews& views, const DropArguments& drop, const View& dy, const MaybeView& dvalue,
                       const View& ddirection, const View& doffset, const View& dunit, int n_threads) {
    Embedding<T> e = embedding_of<T>(views, drop, dy);
    e.dvalue = array<T>(dvalue, "dvalue", Axes{e.n_groups, e.n_batch, e.n_units, e.n_lags});
    e.ddirection = array<T>(ddirection, "ddirection", Axes{e.n_groups, e.n_channels});
    e.doffset = array<T>(doffset, "doffset", Axes{e.n_groups, e.n_batch, e.n_lags, e.n_channels});
    e.dunit = array<T>(dunit, "dunit", Axes{e.n_groups, e.n_units, e.n_channels});
    const py::gil_scoped_release released;
    embedding_backward(e, n_threads);
}

}  // namespace

void bind_ensemble(py::module_& m) {
    const char* views =
        "See ensemble/ensemble.hpp. A tensor is (address, shape, strides in elements, dtype's name); a map is (weight, "
        "bias, y or its gradient, dweight, dbias); drop is (seeds, stream, step, threshold).";
    m.def(
        "linear_forward",
        [](const View& x, const MaybeView& a, const MaybeView& c, const MaybeView& residual,
           const std::vector<MapViews>& maps, int n_threads) {
            (is_of<double>(x) ? forward<double> : forward<float>)(x, a, c, residual, maps, at_least_one(n_threads));
        },
        py::arg("x"), py::arg("a"), py::arg("c"), py::arg("residual"), py::arg("maps"), py::arg("n_threads"), views);
    m.def(
        "linear_input_gradient",
        [](const MaybeView& x, const MaybeView& a, const MaybeView& slope, const MaybeView& shift,
           const std::vector<MapViews>& maps, const View& dx, int n_threads) {
            (is_of<double>(dx) ? input_gradient<double> : input_gradient<float>)(x, a, slope, shift, maps, dx,
                                                                                 at_least_one(n_threads));
        },
        py::arg("x"), py::arg("a"), py::arg("slope"), py::arg("shift"), py::arg("maps"), py::arg("dx"),
        py::arg("n_threads"), views);
    m.def(
        "linear_weight_gradients",
        [](const View& x, const MaybeView& a, const MaybeView& c, const std::vector<MapViews>& maps,
           const MaybeView& da, const MaybeView& dc, int n_threads) {
            (is_of<double>(x) ? weight_gradients<double> : weight_gradients<float>)(x, a, c, maps, da, dc,
                                                                                    at_least_one(n_threads));
        },
        py::arg("x"), py::arg("a"), py::arg("c"), py::arg("maps"), py::arg("da"), py::arg("dc"), py::arg("n_threads"),
        views);
    m.def(
        "feed_forward",
        [](const View& x, const MaybeView& a, const MaybeView& c, const Weights& weights, const DropArguments& drop,
           const View& y, int n_threads) {
            (is_of<double>(x) ? block_forward<double> : block_forward<float>)(x, a, c, weights, drop, y,
                                                                              at_least_one(n_threads));
        },
        py::arg("x"), py::arg("a"), py::arg("c"), py::arg("weights"), py::arg("drop"), py::arg("y"),
        py::arg("n_threads"), views);
    m.def(
        "feed_forward_backward",
        [](const View& x, const MaybeView& a, const MaybeView& c, const Weights& weights, const DropArguments& drop,
           const View& dy, const View& dx, const MaybeView& da, const MaybeView& dc, const Weights& dweights,
           int n_threads) {
            (is_of<double>(x) ? block_backward<double> : block_backward<float>)(x, a, c, weights, drop, dy, dx, da, dc,
                                                                                dweights, at_least_one(n_threads));
        },
        py::arg("x"), py::arg("a"), py::arg("c"), py::arg("weights"), py::arg("drop"), py::arg("dy"), py::arg("dx"),
        py::arg("da"), py::arg("dc"), py::arg("dweights"), py::arg("n_threads"), views);
    m.def(
        "channel_moments",
        [](const View& x, const View& mean, const View& variance, int n_threads) {
            (is_of<double>(x) ? channel_moments<double> : channel_moments<float>)(x, mean, variance,
                                                                                  at_least_one(n_threads));
        },
        py::arg("x"), py::arg("mean"), py::arg("variance"), py::arg("n_threads"), views);
    m.def(
        "add_affine",
        [](const View& x, const View& y, const View& slope, const View& shift, int n_threads) {
            (is_of<double>(x) ? affine_added<double> : affine_added<float>)(x, y, slope, shift,
                                                                            at_least_one(n_threads));
        },
        py::arg("x"), py::arg("y"), py::arg("slope"), py::arg("shift"), py::arg("n_threads"), views);
    m.def(
        "dropout",
        [](const View& x, const DropArguments& drop, const View& y, int n_threads) {
            (is_of<double>(x) ? dropped<double> : dropped<float>)(x, drop, y, at_least_one(n_threads));
        },
        py::arg("x"), py::arg("drop"), py::arg("y"), py::arg("n_threads"), views);
    m.def(
        "embedding",
        [](const EmbeddingViews& given, const DropArguments& drop, const View& y, int n_threads) {
            (is_of<double>(y) ? embedded<double> : embedded<float>)(given, drop, y, at_least_one(n_threads));
        },
        py::arg("given"), py::arg("drop"), py::arg("y"), py::arg("n_threads"), views);
    m.def(
        "embedding_backward",
        [](const EmbeddingViews& given, const DropArguments& drop, const View& dy, const MaybeView& dvalue,
           const View& ddirection, const View& doffset, const View& dunit, int n_threads) {
            (is_of<double>(dy) ? embedded_backward<double> : embedded_backward<float>)(given, drop, dy, dvalue,
                                                                                       ddirection, doffset, dunit,
                                                                                       at_least_one(n_threads));
        },
        py::arg("given"), py::arg("drop"), py::arg("dy"), py::arg("dvalue"), py::arg("ddirection"), py::arg("doffset"),
        py::arg("dunit"), py::arg("n_threads"), views);
}

}  // namespace synfer
