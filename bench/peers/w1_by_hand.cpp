// W1 by hand: what a kernel written for this one workload takes, as the measure of what synfer leaves on the table.
// 160 networks of 40 Izhikevich neurons as in the paper, 5,000 steps of 1 ms; v, u and spikes of every step,
// time-major. Everything is fixed at compile time (three vectors of 16 hold a network for all its steps), and nothing
// else can be asked for: no other model, synapse, delay, drive, precision or machine, no check of states, no stop and
// resume.
//
// The random numbers are of xorshift128+ in lanes, by rough polynomials, compiled with -ffast-math: fast, and tied to
// the order in which they are drawn. With -DCOUNTERS they are synfer's: Philox4x32-10 by network, neuron and step, to
// the accuracy of common/gaussian.hpp, so that a network is the same in any batch, on any number of threads.
// Prints one line of JSON: seconds (the shortest of the repeats, memory used again), rate.
#include <immintrin.h>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

constexpr int networks = 160, units = 40, steps = 5000, vectors = 3, lanes = 16, padded = vectors * lanes;

struct Network {
    alignas(64) float a[padded], c[padded], d[padded], weights[units][padded];  // rows by source
};

static inline __m512 set(float x) { return _mm512_set1_ps(x); }

#ifdef COUNTERS
// Philox4x32-10 of even or odd counters (id, unit, block, 0).
static inline void half(__m512i c0, __m512i c1, __m512i c2, __m512i c3, __m512i* o) {
    std::uint32_t k0 = 5, k1 = 0;
#pragma GCC unroll 10
    for (int i = 0; i < 10; ++i) {
        const __m512i p0 = _mm512_mul_epu32(_mm512_set1_epi64(0xD2511F53u), c0),
                      p1 = _mm512_mul_epu32(_mm512_set1_epi64(0xCD9E8D57u), c2);
        c0 = _mm512_ternarylogic_epi64(_mm512_srli_epi64(p1, 32), c1, _mm512_set1_epi64(k0), 0x96);
        c1 = p1;
        c2 = _mm512_ternarylogic_epi64(_mm512_srli_epi64(p0, 32), c3, _mm512_set1_epi64(k1), 0x96);
        c3 = p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    o[0] = c0, o[1] = c1, o[2] = c2, o[3] = c3;
}
// Words for four steps.
static inline void four(__m512i id, __m512i unit, std::uint32_t block, __m512i* w) {
    __m512i e[4], o[4];
    half(id, unit, _mm512_set1_epi64(block), _mm512_setzero_si512(), e);
    half(_mm512_srli_epi64(id, 32), _mm512_srli_epi64(unit, 32), _mm512_set1_epi64(block), _mm512_setzero_si512(), o);
    for (int i = 0; i < 4; ++i) w[i] = _mm512_mask_shuffle_epi32(e[i], 0xAAAA, o[i], _MM_PERM_CCAA);
}
static inline void normals(__m512i w0, __m512i w1, __m512& z0, __m512& z1) {
    const __m512i k = _mm512_srli_epi32(w0, 1);
    const __m512 unit = set(0x1p-31f), h = set(0x1p-32f);
    const __m512 x = _mm512_fmadd_ps(_mm512_cvtepi32_ps(k), unit, h);
    __m512i bits = _mm512_castps_si512(x);
    const __m512i e = _mm512_srai_epi32(_mm512_sub_epi32(bits, _mm512_set1_epi32(0x3f3504f3)), 23);
    bits = _mm512_sub_epi32(bits, _mm512_slli_epi32(e, 23));
    const __m512 below = _mm512_fmadd_ps(_mm512_cvtepi32_ps(_mm512_sub_epi32(_mm512_set1_epi32(0x7fffffff), k)),
                                         set(-0x1p-31f), set(-0x1p-32f));
    const __m512 f =
        _mm512_mask_mov_ps(_mm512_sub_ps(_mm512_castsi512_ps(bits), set(1.f)), _mm512_testn_epi32_mask(e, e), below);
    __m512 p = set(-7.859622812e-2f);
    p = _mm512_fmadd_ps(p, f, set(1.28816504e-1f));
    p = _mm512_fmadd_ps(p, f, set(-1.312875206e-1f));
    p = _mm512_fmadd_ps(p, f, set(1.418119143e-1f));
    p = _mm512_fmadd_ps(p, f, set(-1.662455427e-1f));
    p = _mm512_fmadd_ps(p, f, set(2.00022863e-1f));
    p = _mm512_fmadd_ps(p, f, set(-2.50008104e-1f));
    p = _mm512_fmadd_ps(p, f, set(3.333331673e-1f));
    const __m512 sq = _mm512_mul_ps(f, f);
    const __m512 l = _mm512_fmadd_ps(sq, _mm512_fmadd_ps(p, f, set(-.5f)), f);
    const __m512 lg = _mm512_fmadd_ps(_mm512_cvtepi32_ps(e), set(0.693147180559945309417f), l);
    const __m512 radius = _mm512_sqrt_ps(_mm512_mul_ps(set(-2.f), lg));
    const __m512i qd = _mm512_srli_epi32(_mm512_add_epi32(w1, _mm512_set1_epi32(0x20000000)), 30);
    const __m512i rem = _mm512_sub_epi32(w1, _mm512_slli_epi32(qd, 30));
    const __m512 r = _mm512_mul_ps(_mm512_cvtepi32_ps(rem), set(1.46291807926715968105e-9f));
    const __m512 z = _mm512_mul_ps(r, r);
    const __m512 s =
        _mm512_fmadd_ps(_mm512_fmadd_ps(_mm512_fmadd_ps(set(-1.95172989633e-4f), z, set(8.33217814598e-3f)), z,
                                        set(-1.66666549437e-1f)),
                        _mm512_mul_ps(z, r), r);
    const __m512 c = _mm512_fmadd_ps(
        z,
        _mm512_fmadd_ps(_mm512_fmadd_ps(_mm512_fmadd_ps(set(2.44384516223e-5f), z, set(-1.38873675160e-3f)), z,
                                        set(4.16666468665e-2f)),
                        z, set(-.5f)),
        set(1.f));
    const __mmask16 odd = _mm512_test_epi32_mask(qd, _mm512_set1_epi32(1));
    const __m512 along = _mm512_mask_mov_ps(c, odd, s), across = _mm512_mask_mov_ps(s, odd, c);
    const __m512i sc = _mm512_slli_epi32(_mm512_add_epi32(qd, _mm512_set1_epi32(1)), 30),
                  ss = _mm512_slli_epi32(qd, 30), top = _mm512_set1_epi32(0x80000000);
    z0 = _mm512_mul_ps(radius,
                       _mm512_castsi512_ps(_mm512_ternarylogic_epi32(_mm512_castps_si512(along), sc, top, 0x78)));
    z1 = _mm512_mul_ps(radius,
                       _mm512_castsi512_ps(_mm512_ternarylogic_epi32(_mm512_castps_si512(across), ss, top, 0x78)));
}

struct Source {
    __m512i id, units;
    explicit Source(int network)
        : id(_mm512_set1_epi32(network)),
          units(_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)) {}
    void words(int vector, int block, __m512i* w) {
        four(id, _mm512_add_epi32(units, _mm512_set1_epi32(lanes * vector)), static_cast<std::uint32_t>(block), w);
    }
};
#else
struct Source {
    __m512i s0, s1;
    explicit Source(int network) {
        std::mt19937_64 rng(static_cast<std::uint64_t>(network) + 1);
        alignas(64) std::uint64_t s[16];
        for (auto& x : s) x = rng();
        s0 = _mm512_load_si512(s), s1 = _mm512_load_si512(s + 8);
    }
    void words(int, int, __m512i* w) {
        for (int i = 0; i < 4; ++i) w[i] = next();
    }
    __m512i next() {  // xorshift128+, eight lanes of 64 bits
        __m512i x = s0;
        const __m512i y = s1;
        s0 = y;
        x = _mm512_xor_si512(x, _mm512_slli_epi64(x, 23));
        s1 =
            _mm512_ternarylogic_epi64(_mm512_xor_si512(x, y), _mm512_srli_epi64(x, 17), _mm512_srli_epi64(y, 26), 0x96);
        return _mm512_add_epi64(s1, y);
    }
};

// Two normal numbers a lane, by Box and Muller.
static inline void normals(__m512i w, __m512i w1, __m512& z0, __m512& z1) {
    const __m512 x = _mm512_fmadd_ps(_mm512_cvtepu32_ps(w), set(0x1p-32f), set(0x1p-33f));
    // log2 of x: exponent, and a polynomial on [.75, 1.5).
    const __m512 m = _mm512_getmant_ps(x, _MM_MANT_NORM_p75_1p5, _MM_MANT_SIGN_zero);
    const __m512 e = _mm512_getexp_ps(_mm512_mul_ps(x, set(1.0f / 0.75f)));
    const __m512 f = _mm512_sub_ps(m, set(1.0f));
    __m512 p = set(-0.13f);
    p = _mm512_fmadd_ps(p, f, set(0.158f));
    p = _mm512_fmadd_ps(p, f, set(-0.1699f));
    p = _mm512_fmadd_ps(p, f, set(0.20032f));
    p = _mm512_fmadd_ps(p, f, set(-0.249983f));
    p = _mm512_fmadd_ps(p, f, set(0.3333325f));
    p = _mm512_fmadd_ps(p, f, set(-0.5f));
    p = _mm512_fmadd_ps(p, f, set(1.0f));
    const __m512 ln = _mm512_fmadd_ps(e, set(0.6931472f), _mm512_mul_ps(p, f));
    const __m512 square = _mm512_min_ps(ln, set(-1e-9f));
    const __m512 doubled = _mm512_mul_ps(square, set(-2.0f));
    const __m512 radius = _mm512_mul_ps(doubled, _mm512_rsqrt14_ps(doubled));
    // A signed turn in [-1/2, 1/2): cosine by symmetry of a polynomial in t^2, sine of the rest.
    const __m512 t = _mm512_mul_ps(_mm512_cvtepi32_ps(w1), set(0x1p-32f));
    const __m512 q = _mm512_roundscale_ps(_mm512_mul_ps(t, set(4.0f)), 0);
    const __m512 r =
        _mm512_mul_ps(_mm512_fmadd_ps(t, set(4.0f), _mm512_sub_ps(_mm512_setzero_ps(), q)), set(1.5707964f));
    const __m512 rr = _mm512_mul_ps(r, r);
    const __m512 sine =
        _mm512_mul_ps(r, _mm512_fmadd_ps(rr, _mm512_fmadd_ps(rr, set(8.3322e-3f), set(-1.666655e-1f)), set(1.0f)));
    const __m512 cosine = _mm512_fmadd_ps(
        rr, _mm512_fmadd_ps(rr, _mm512_fmadd_ps(rr, set(-1.36e-3f), set(4.16659e-2f)), set(-0.5f)), set(1.0f));
    const __m512i quadrant = _mm512_cvtps_epi32(q);
    const __mmask16 odd = _mm512_test_epi32_mask(quadrant, _mm512_set1_epi32(1));
    const __m512i sign_s = _mm512_slli_epi32(_mm512_and_si512(quadrant, _mm512_set1_epi32(2)), 30);
    const __m512i sign_c =
        _mm512_slli_epi32(_mm512_and_si512(_mm512_add_epi32(quadrant, _mm512_set1_epi32(1)), _mm512_set1_epi32(2)), 30);
    const __m512 along = _mm512_mask_mov_ps(cosine, odd, sine), across = _mm512_mask_mov_ps(sine, odd, cosine);
    z0 = _mm512_mul_ps(radius, _mm512_xor_ps(along, _mm512_castsi512_ps(sign_c)));
    z1 = _mm512_mul_ps(radius, _mm512_xor_ps(across, _mm512_castsi512_ps(sign_s)));
}
#endif

// Normal numbers of four steps, one vector of units.
static inline void draw(Source& source, int vector, int block, __m512 (*z)[vectors]) {
    __m512i w[4];
    source.words(vector, block, w);
    normals(w[0], w[1], z[0][vector], z[1][vector]);
    normals(w[2], w[3], z[2][vector], z[3][vector]);
}

static void simulate(const Network& n, Source source, float* v_out, float* u_out, std::uint8_t* fired_out) {
    __m512 v[vectors], u[vectors], a[vectors], c[vectors], d[vectors];
    for (int i = 0; i < vectors; ++i) {
        v[i] = set(-65.0f), u[i] = set(6.5f);
        a[i] = _mm512_load_ps(n.a + i * lanes), c[i] = _mm512_load_ps(n.c + i * lanes);
        d[i] = _mm512_load_ps(n.d + i * lanes);
    }
    __mmask16 fired[vectors] = {};
    __m512 z[2][4][vectors];  // of these four steps and the next, by turns
    for (int i = 0; i < vectors; ++i) draw(source, i, 0, z[0]);
    for (int step = 0; step < steps; ++step) {
        const int block = step / 4, phase = step % 4;
        if (phase < vectors) draw(source, phase, block + 1, z[(block + 1) % 2]);  // between what waits for its turn
        const __m512* drawn = z[block % 2][phase];
        __m512 input[vectors];
        for (int i = 0; i < vectors; ++i) input[i] = _mm512_fmadd_ps(drawn[i], set(2.236068f), set(5.0f + 108.0f));
        std::uint64_t spikes = fired[0] | std::uint64_t(fired[1]) << 16 | std::uint64_t(fired[2] & 0xff) << 32;
        while (spikes) {
            const float* row = n.weights[__builtin_ctzll(spikes)];
            spikes &= spikes - 1;
            for (int i = 0; i < vectors; ++i) input[i] = _mm512_add_ps(input[i], _mm512_load_ps(row + i * lanes));
        }
        for (int i = 0; i < vectors; ++i) {
            v[i] = _mm512_mask_mov_ps(v[i], fired[i], c[i]);
            u[i] = _mm512_mask_add_ps(u[i], fired[i], u[i], d[i]);
            const __m512 constant = _mm512_sub_ps(input[i], u[i]);
            for (int k = 0; k < 2; ++k) {
                const __m512 slope = _mm512_fmadd_ps(_mm512_fmadd_ps(set(0.04f), v[i], set(4.1f)), v[i], constant);
                v[i] = _mm512_fmadd_ps(set(0.5f), slope, v[i]);
            }
            u[i] = _mm512_fmadd_ps(a[i], _mm512_fnmadd_ps(set(0.1f), v[i], _mm512_sub_ps(_mm512_setzero_ps(), u[i])),
                                   u[i]);
            fired[i] = _mm512_cmp_ps_mask(v[i], set(30.0f), _CMP_GE_OQ);
        }
        for (int i = 0; i < vectors; ++i) {
            const __mmask16 mask = i == 2 ? 0xff : 0xffff;
            const std::int64_t at = std::int64_t(step) * units + i * lanes;
            _mm512_mask_storeu_ps(v_out + at, mask, v[i]);
            _mm512_mask_storeu_ps(u_out + at, mask, u[i]);
            _mm_mask_storeu_epi8(fired_out + at, mask, _mm_maskz_set1_epi8(fired[i], 1));
        }
    }
}

int main(int argc, char** argv) {
    const int repeats = argc > 1 ? std::atoi(argv[1]) : 5;
    std::mt19937_64 rng(1);
    std::uniform_real_distribution<float> uniform;
    std::vector<Network> all(networks);
    for (Network& n : all) {
        std::memset(&n, 0, sizeof n);
        for (int i = 0; i < padded; ++i) {
            const float r = uniform(rng);
            const bool excitatory = i < 32;
            n.a[i] = excitatory ? 0.02f : 0.02f + 0.08f * r;
            n.c[i] = excitatory ? -65.0f + 15.0f * r * r : -65.0f;
            n.d[i] = excitatory ? 8.0f - 6.0f * r * r : 2.0f;
        }
        for (int j = 0; j < units; ++j)
            for (int i = 0; i < units; ++i)
                if (i != j && uniform(rng) < 0.4f) n.weights[j][i] = j < 32 ? 5.0f : -5.0f;
    }
    const std::size_t each = std::size_t(steps) * units;
    std::vector<float> v(networks * each), u(networks * each);
    std::vector<std::uint8_t> fired(networks * each);
    double best = 1e9;
    for (int k = 0; k <= repeats; ++k) {  // the first one touches the memory
        const auto start = std::chrono::steady_clock::now();
        for (int n = 0; n < networks; ++n) {
            simulate(all[n], Source(n), &v[n * each], &u[n * each], &fired[n * each]);
        }
        const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        if (k && took < best) best = took;
    }
    double count = 0;
    for (const std::uint8_t x : fired) count += x;
    std::printf("{\"seconds\": %.6f, \"rate\": %.3f}\n", best, 1e3 * count / double(networks * each));
}
