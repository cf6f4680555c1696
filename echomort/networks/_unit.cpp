/* The convolutions of the 3-D networks on a processor, in float32: the first unit in training, every unit without.

   Vectors are those of GNU C, so that the same lines serve every processor. The file includes itself once an instruction
   set: the part below LEVEL is compiled for each into a namespace, and Python chooses one by name.

   A map is kept in planes, one a frame and channel: a row of zeros above and below, PAD columns of zeros before each row
   (those of the next row close it), so that a convolution needs no case for the border. Products are fused with sums
   where the processor can, and sums over many voxels go into float64. One thread, always the same order. */

#ifndef LEVEL
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030b0000
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#define UNROLLED _Pragma("GCC unroll 16")

enum {
    PAD = 16,        /* columns of zeros before a row: the widest vector, and an aligned start */
    FILTERS = 4,     /* filters at a time: with 3 rows they fill the registers; every width is a multiple of it */
    RING = 4,        /* planes of consecutive frames that are kept: three for a convolution, one being written */
    TAPS = 27,       /* of a filter a channel */
    MOST_EDGE = 4096 /* voxels: of planes so large all sizes are far below 2^63 */
};

struct Clip { /* pixels (frames, height, width), bytes or floats */
    const void *pixels;
    bool bytes;
    int T, H, W;
};

struct Plane { /* the layout of one frame of one channel */
    int H, W, stride;
    long size;
    Plane(int height, int width) : H(height), W(width)
    {
        stride = PAD + (width + 15) / 16 * 16;
        size = (long)((height + 2) / 3 * 3 + 2) * stride + PAD; /* three rows at a time: up to two below the frame */
    }
};

static int padded(int width) { return (width + 15) / 16 * 16; }

struct Memory { /* zeroed floats that begin at a cache line */
    void *base;
    float *next;
    explicit Memory(long floats) : base(calloc((size_t)floats + 16, sizeof(float)))
    {
        next = (float *)(((uintptr_t)base + 63) / 64 * 64);
    }
    ~Memory() { free(base); }
    float *take(long floats)
    {
        float *taken = next;
        next += floats;
        return taken;
    }
};

static void read_frame(const Clip &clip, int t, const Plane &p, float *plane)
{
    long start = (long)t * clip.H * clip.W;
    for (int y = 0; y < clip.H; y++) {
        float *row = plane + (long)(y + 1) * p.stride + PAD;
        if (clip.bytes) {
            const uint8_t *from = (const uint8_t *)clip.pixels + start + (long)y * clip.W;
            for (int x = 0; x < clip.W; x++)
                row[x] = from[x];
        } else {
            memcpy(row, (const float *)clip.pixels + start + (long)y * clip.W, clip.W * sizeof(float));
        }
    }
}

/* planes[kt * channels + c]: frame t + kt - 1 of a ring, or of all frames (`kept` of them), zeros outside the clip */
static void three_frames(const float **planes, int channels, int t, int T, const float *zeros, const float *maps,
                         int kept, long size)
{
    for (int kt = 0; kt < 3; kt++)
        for (int c = 0; c < channels; c++) {
            int f = t + kt - 1;
            planes[kt * channels + c] = f < 0 || f >= T ? zeros : maps + ((long)(f % kept) * channels + c) * size;
        }
}

/* The best of three columns each, of rows of maxima, plus bias, cut below 0. */
static void reduce_columns(const float *rows, int OW, int length, const float *bias, float *out, long size)
{
    for (int c = 0; c < FILTERS; c++)
        for (int x = 0; x < OW; x++) {
            const float *r = rows + (long)c * length + 3 * x;
            float best = r[1] > r[0] ? r[1] : r[0];
            best = (r[2] > best ? r[2] : best) + bias[c];
            out[c * size + x] = best < 0 ? 0 : best;
        }
}

/* zeros, x, a: the working memory of a unit, in planes */
struct Pooling {
    float *peak;    /* [4][T/3][H/3][W/3] */
    uint8_t *place; /* the same shape: where the maximum lay, (frame * 3 + row) * 3 + column */
};

struct Kernels {
    const char *name;
    bool (*runs)();
    void (*moments)(const Clip &, float *, double *);
    void (*forward)(const Clip &, Memory &, const float *, const float *, const float *, const float *, float *,
                    Pooling, double *);
    void (*backward)(const Clip &, Memory &, const float *, const float *, const float *, const float *,
                     const uint8_t *, const float *, const float *, double *, double *, double *);
    void (*unit)(const Clip *, const float *, int, int, int, int, int, bool, const float *, Memory &, float *);
    void (*convolve)(const float *, int, int, int, int, int, const float *, const float *, Memory &, float *);
    void (*weights)(const float *, const float *, int, int, int, int, int, Memory &, double *);
};

#define KERNELS(name, runs) {name, runs, moments, forward, backward, unit, convolve, weights}

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC push_options
#pragma GCC target("avx512f,avx512vl,avx512bw,avx512dq,fma")
#define LEVEL avx512
#define LANES 16
#include "_unit.cpp"
#undef LEVEL
#undef LANES
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#define LEVEL avx2
#define LANES 8
#include "_unit.cpp"
#undef LEVEL
#undef LANES
#pragma GCC pop_options
#define HAS_LEVELS
#endif
#define LEVEL base
#define LANES 4
#include "_unit.cpp"
#undef LEVEL

#if defined(__x86_64__)
#define BASE_NAME "sse2"
#elif defined(__aarch64__)
#define BASE_NAME "neon"
#else
#define BASE_NAME "plain"
#endif

static bool always() { return true; }
#ifdef HAS_LEVELS
static bool has_avx512()
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("fma");
}
static bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

/* `wide` with the gradients of `half`, whose vectors are half as long: measured faster on every size of clip, since less
   of a row's last vector lies outside the picture and fewer loads cross a line of the cache (docs/training_speed.md) */
static Kernels with_gradients_of(const Kernels &half, Kernels wide)
{
    wide.backward = half.backward;
    wide.weights = half.weights;
    return wide;
}
#endif

static const Kernels LEVELS[] = { /* the fastest first */
#ifdef HAS_LEVELS
    with_gradients_of(avx2::kernels("", has_avx2), avx512::kernels("avx512", has_avx512)),
    avx2::kernels("avx2", has_avx2),
#endif
    base::kernels(BASE_NAME, always)};

/* ---- Python ---- */

struct Buffers { /* the arrays of one call, let go at its end */
    Py_buffer views[8];
    int count = 0;
    ~Buffers()
    {
        while (count)
            PyBuffer_Release(&views[--count]);
    }
    /* The array as `format`s (one letter of those given), contiguous, of `length` items (-1: any); NULL with an error */
    Py_buffer *take(PyObject *array, const char *formats, Py_ssize_t length, bool writable, const char *name)
    {
        Py_buffer *view = &views[count];
        if (PyObject_GetBuffer(array, view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | (writable ? PyBUF_WRITABLE : 0)))
            return NULL;
        count++;
        const char *format = view->format ? view->format : "B";
        if (strlen(format) != 1 || !strchr(formats, *format)) {
            PyErr_Format(PyExc_TypeError, "%s holds items of format %s, not %s", name, format, formats);
            return NULL;
        }
        if (length >= 0 && view->len / view->itemsize != length) {
            PyErr_Format(PyExc_ValueError, "%s holds %zd items, not %zd", name, view->len / view->itemsize, length);
            return NULL;
        }
        return view;
    }
    template <typename Item> bool items(Item **to, PyObject *array, char format, Py_ssize_t length, bool writable,
                                        const char *name)
    {
        const char formats[2] = {format, 0};
        Py_buffer *view = take(array, formats, length, writable, name);
        *to = view ? (Item *)view->buf : NULL;
        return view != NULL;
    }
    bool clip(Clip *to, PyObject *array)
    {
        Py_buffer *view = take(array, "Bf", -1, false, "clip");
        if (!view)
            return false;
        bool fits = view->ndim == 3;
        for (int i = 0; fits && i < 3; i++)
            fits = view->shape[i] >= 3 && view->shape[i] <= MOST_EDGE;
        if (!fits) {
            PyErr_Format(PyExc_ValueError, "a clip has three edges of 3 to %d", MOST_EDGE);
            return false;
        }
        *to = {view->buf, view->itemsize == 1, (int)view->shape[0], (int)view->shape[1], (int)view->shape[2]};
        return true;
    }
    bool maps(float **to, PyObject *array, int *shape, bool writable, const char *name)
    {
        Py_buffer *view = take(array, "f", -1, writable, name);
        if (!view)
            return false;
        bool fits = view->ndim == 4 && view->shape[0] >= 1 && view->shape[0] <= 16;
        for (int i = 1; fits && i < 4; i++)
            fits = view->shape[i] >= 1 && view->shape[i] <= MOST_EDGE;
        if (!fits) {
            PyErr_Format(PyExc_ValueError, "%s has 1 to 16 channels and three edges of 1 to %d", name, MOST_EDGE);
            return false;
        }
        for (int i = 0; i < 4; i++)
            shape[i] = (int)view->shape[i];
        *to = (float *)view->buf;
        return true;
    }
};

static const Kernels *level_named(const char *name)
{
    for (const Kernels &level : LEVELS)
        if (!strcmp(level.name, name) && level.runs())
            return &level;
    PyErr_Format(PyExc_ValueError, "this processor has no instruction set %s, or none is known", name);
    return NULL;
}

static PyObject *levels(PyObject *, PyObject *)
{
    PyObject *names = PyList_New(0);
    for (const Kernels &level : LEVELS)
        if (names && level.runs()) {
            PyObject *name = PyUnicode_FromString(level.name);
            if (!name || PyList_Append(names, name))
                Py_CLEAR(names);
            Py_XDECREF(name);
        }
    return names;
}

#define WORK(memory, call)                \
    if (!memory.base)                     \
        return PyErr_NoMemory();          \
    Py_BEGIN_ALLOW_THREADS call;          \
    Py_END_ALLOW_THREADS Py_RETURN_NONE

static PyObject *py_moments(PyObject *, PyObject *arguments)
{
    const char *name;
    PyObject *o[2];
    Buffers held;
    Clip clip;
    double *out;
    if (!PyArg_ParseTuple(arguments, "sOO", &name, o, o + 1))
        return NULL;
    const Kernels *level = level_named(name);
    if (!level || !held.clip(&clip, o[0]) || !held.items(&out, o[1], 'd', TAPS * (TAPS + 1), true, "out"))
        return NULL;
    Memory memory(3 * ((long)(clip.H + 4) * (PAD + padded(clip.W)) + PAD));
    WORK(memory, level->moments(clip, memory.next, out));
}

static PyObject *py_forward(PyObject *, PyObject *arguments)
{
    const char *name;
    PyObject *o[9];
    Buffers held, more;
    Clip clip;
    float *w1, *b1, *w2, *b2, *z2;
    Pooling pooling;
    double *sums;
    if (!PyArg_ParseTuple(arguments, "sOOOOOOOOO", &name, o, o + 1, o + 2, o + 3, o + 4, o + 5, o + 6, o + 7, o + 8))
        return NULL;
    const Kernels *level = level_named(name);
    if (!level || !held.clip(&clip, o[0]))
        return NULL;
    Py_ssize_t cells = 4L * (clip.T / 3) * (clip.H / 3) * (clip.W / 3);
    if (!held.items(&w1, o[1], 'f', 4 * TAPS, false, "w1") || !held.items(&b1, o[2], 'f', 4, false, "b1") ||
        !held.items(&w2, o[3], 'f', 16 * TAPS, false, "w2") || !held.items(&b2, o[4], 'f', 4, false, "b2") ||
        !held.items(&z2, o[5], 'f', 4L * clip.T * clip.H * padded(clip.W), true, "z2") ||
        !held.items(&pooling.peak, o[6], 'f', cells, true, "peak") ||
        !held.items(&pooling.place, o[7], 'B', cells, true, "place") || !more.items(&sums, o[8], 'd', 8, true, "sums"))
        return NULL;
    Memory memory(21 * Plane(clip.H, clip.W).size + 8L * (clip.H / 3) * padded(clip.W));
    WORK(memory, level->forward(clip, memory, w1, b1, w2, b2, z2, pooling, sums));
}

static PyObject *py_backward(PyObject *, PyObject *arguments)
{
    const char *name;
    PyObject *o[11];
    Buffers held, more;
    Clip clip;
    float *w1, *b1, *w2, *z2, *gradient, *norm;
    uint8_t *place;
    double *dw1, *dw2, *db1;
    if (!PyArg_ParseTuple(arguments, "sOOOOOOOOOOO", &name, o, o + 1, o + 2, o + 3, o + 4, o + 5, o + 6, o + 7, o + 8,
                          o + 9, o + 10))
        return NULL;
    const Kernels *level = level_named(name);
    if (!level || !held.clip(&clip, o[0]))
        return NULL;
    Py_ssize_t cells = 4L * (clip.T / 3) * (clip.H / 3) * (clip.W / 3);
    if (!held.items(&w1, o[1], 'f', 4 * TAPS, false, "w1") || !held.items(&b1, o[2], 'f', 4, false, "b1") ||
        !held.items(&w2, o[3], 'f', 16 * TAPS, false, "w2") ||
        !held.items(&z2, o[4], 'f', 4L * clip.T * clip.H * padded(clip.W), false, "z2") ||
        !held.items(&place, o[5], 'B', cells, false, "place") ||
        !held.items(&gradient, o[6], 'f', cells, false, "gradient") ||
        !held.items(&norm, o[7], 'f', 8, false, "norm") || !more.items(&dw1, o[8], 'd', 4 * TAPS, true, "dw1") ||
        !more.items(&db1, o[9], 'd', 4, true, "db1") || !more.items(&dw2, o[10], 'd', 16 * TAPS, true, "dw2"))
        return NULL;
    for (Py_ssize_t i = 0; i < cells; i++)
        if (place[i] >= TAPS) {
            PyErr_SetString(PyExc_ValueError, "place holds a number above 26");
            return NULL;
        }
    Memory memory(41 * Plane(clip.H, clip.W).size);
    WORK(memory, level->backward(clip, memory, w1, b1, w2, z2, place, gradient, norm, dw1, db1, dw2));
}

static long unit_floats(const Plane &p, int inputs, int filters)
{
    return p.size * (1 + (inputs == 1 ? RING : 0) + RING * filters) + (long)(p.H / 3) * filters * padded(p.W);
}

static PyObject *py_maps(PyObject *, PyObject *arguments)
{
    static const int WIDTHS[] = {1, 4, 8, 16};
    const char *name;
    PyObject *o[3];
    int last_pools;
    Buffers held;
    Clip clip;
    float *weights, *out;
    if (!PyArg_ParseTuple(arguments, "sOOpO", &name, o, o + 1, &last_pools, o + 2))
        return NULL;
    const Kernels *level = level_named(name);
    if (!level || !held.clip(&clip, o[0]))
        return NULL;
    int T[4] = {clip.T}, H[4] = {clip.H}, W[4] = {clip.W};
    long floats = 0, length = 0;
    for (int i = 0; i < 3; i++) {
        bool pools = i < 2 || last_pools;
        if (pools && (T[i] < 3 || H[i] < 3 || W[i] < 3)) {
            PyErr_SetString(PyExc_ValueError, "a clip is too small to be pooled so often");
            return NULL;
        }
        T[i + 1] = pools ? T[i] / 3 : T[i], H[i + 1] = pools ? H[i] / 3 : H[i], W[i + 1] = pools ? W[i] / 3 : W[i];
        int inputs = WIDTHS[i], filters = WIDTHS[i + 1];
        length += filters * (inputs * TAPS + 1 + filters * TAPS + 1);
        floats += unit_floats(Plane(H[i], W[i]), inputs, filters) + T[i + 1] * filters * Plane(H[i + 1], W[i + 1]).size;
    }
    if (!held.items(&weights, o[1], 'f', length, false, "weights") ||
        !held.items(&out, o[2], 'f', 16L * T[3] * H[3] * W[3], true, "out"))
        return NULL;
    Memory memory(floats);
    if (!memory.base)
        return PyErr_NoMemory();
    Py_BEGIN_ALLOW_THREADS const float *from = NULL;
    for (int i = 0; i < 3; i++) {
        int inputs = WIDTHS[i], filters = WIDTHS[i + 1];
        float *to = memory.take(T[i + 1] * filters * Plane(H[i + 1], W[i + 1]).size);
        level->unit(i ? NULL : &clip, from, inputs, filters, T[i], H[i], W[i], i < 2 || last_pools, weights, memory, to);
        weights += filters * (inputs * TAPS + 1 + filters * TAPS + 1);
        from = to;
    }
    Plane last(H[3], W[3]);
    for (int c = 0; c < 16; c++)
        for (int t = 0; t < T[3]; t++)
            for (int y = 0; y < H[3]; y++, out += W[3])
                memcpy(out, from + ((long)t * 16 + c) * last.size + (long)(y + 1) * last.stride + PAD,
                       W[3] * sizeof(float));
    Py_END_ALLOW_THREADS Py_RETURN_NONE;
}

static bool same_edges(const int *a, const int *b)
{
    if (a[1] == b[1] && a[2] == b[2] && a[3] == b[3])
        return true;
    PyErr_SetString(PyExc_ValueError, "the edges of the two maps differ");
    return false;
}

static bool is_multiple(int filters)
{
    if (filters % FILTERS == 0)
        return true;
    PyErr_Format(PyExc_ValueError, "%d filters are no multiple of %d", filters, (int)FILTERS);
    return false;
}

static PyObject *py_convolve(PyObject *, PyObject *arguments)
{
    const char *name;
    PyObject *o[4];
    Buffers held;
    float *x, *w, *b, *out;
    int in[4], to[4];
    if (!PyArg_ParseTuple(arguments, "sOOOO", &name, o, o + 1, o + 2, o + 3))
        return NULL;
    const Kernels *level = level_named(name);
    if (!level || !held.maps(&x, o[0], in, false, "x") || !held.maps(&out, o[3], to, true, "out") ||
        !same_edges(in, to) || !is_multiple(to[0]) ||
        !held.items(&w, o[1], 'f', (Py_ssize_t)TAPS * in[0] * to[0], false, "w") ||
        !held.items(&b, o[2], 'f', to[0], false, "b"))
        return NULL;
    Memory memory(Plane(in[2], in[3]).size * ((long)in[1] * in[0] + 1 + FILTERS));
    WORK(memory, level->convolve(x, in[0], to[0], in[1], in[2], in[3], w, b, memory, out));
}

static PyObject *py_weights(PyObject *, PyObject *arguments)
{
    const char *name;
    PyObject *o[3];
    Buffers held;
    float *x, *g;
    double *out;
    int in[4], to[4];
    if (!PyArg_ParseTuple(arguments, "sOOO", &name, o, o + 1, o + 2))
        return NULL;
    const Kernels *level = level_named(name);
    if (!level || !held.maps(&x, o[0], in, false, "x") || !held.maps(&g, o[1], to, false, "gradient") ||
        !same_edges(in, to) || !is_multiple(to[0]) ||
        !held.items(&out, o[2], 'd', (Py_ssize_t)TAPS * in[0] * to[0], true, "out"))
        return NULL;
    Memory memory(Plane(in[2], in[3]).size * ((long)in[1] * in[0] + 1 + FILTERS));
    WORK(memory, level->weights(x, g, in[0], to[0], in[1], in[2], in[3], memory, out));
}

static PyMethodDef methods[] = {
    {"levels", levels, METH_NOARGS, "levels()\n\nThe instruction sets that this processor has, the fastest first."},
    {"moments", py_moments, METH_VARARGS,
     "moments(level, clip, out)\n\nWrite into `out` (float64, 27 + 27 x 27) the sums, over the voxels of `clip` (uint8\n"
     "or float32, 3-D), of the 27 pixels around each and of their products; 0 outside the clip. Exact for bytes in rows of\n"
     "at most 1,024."},
    {"forward", py_forward, METH_VARARGS,
     "forward(level, clip, w1, b1, w2, b2, z2, peak, place, sums)\n\nThe first unit: z2 = w2 * relu(w1 * clip + b1) + "
     "b2, its\nmaxima (peak, place) and each channel's sum and sum of squares (sums)."},
    {"backward", py_backward, METH_VARARGS,
     "backward(level, clip, w1, b1, w2, z2, place, gradient, norm, dw1, db1, dw2)\n\nAdd to dw1, db1 and dw2 the\n"
     "gradients by w1 and b1 (as given to `forward`) and by w2 (here the one that maps gradients back), where the\n"
     "gradient by z2 is `gradient` at each maximum, minus norm[c] + norm[4 + c] z2 everywhere."},
    {"maps", py_maps, METH_VARARGS,
     "maps(level, clip, weights, last_pools, out)\n\nThe maps (16, frames, height, width) of the three units, each its\n"
     "w1, b1, w2, b2 with the normalisation folded in."},
    {"convolve", py_convolve, METH_VARARGS,
     "convolve(level, x, w, b, out)\n\nThe convolution of x (channels, frames, height, width), zeros around it."},
    {"weights", py_weights, METH_VARARGS,
     "weights(level, x, gradient, out)\n\nAdd to out (float64) the gradient by w of `convolve`."},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_unit", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__unit(void) { return PyModule_Create(&module); }

#else /* ---- once an instruction set ---- */

namespace LEVEL {

typedef float Vector __attribute__((vector_size(LANES * 4)));
typedef float Unaligned __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef int32_t Integers __attribute__((vector_size(LANES * 4)));
typedef int32_t UnalignedIntegers __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

INLINE Vector load(const float *from) { return *(const Unaligned *)from; }
INLINE void store(float *to, Vector x) { *(Unaligned *)to = x; }
INLINE Vector larger(Vector a, Vector b) { return a > b ? a : b; }
INLINE Vector positive(Vector x) { return x < 0 ? (Vector){} : x; } /* NaN stays */

/* 1 where column x and the following are below W, 0 beyond */
INLINE Vector inside(int x, int W)
{
    Vector mask;
    UNROLLED for (int i = 0; i < LANES; i++) mask[i] = x + i < W ? 1.0f : 0.0f;
    return mask;
}

/* sums[row][filter] of three rows from y and LANES columns from x; w is [channel][kt][ky][kx][filter] */
INLINE void add_products(int channels, const float *const *planes, int stride, int y, int x, const float *w,
                         Vector sums[3][FILTERS])
{
    for (int kt = 0; kt < 3; kt++)
        for (int c = 0; c < channels; c++) {
            const float *from = planes[kt * channels + c] + (long)y * stride + PAD + x - 1;
            const float *k = w + (c * 3 + kt) * 9 * FILTERS;
            UNROLLED for (int kx = 0; kx < 3; kx++)
                UNROLLED for (int ky = 0; ky < 3; ky++) {
                    Vector rows[3];
                    UNROLLED for (int r = 0; r < 3; r++) rows[r] = load(from + (r + ky) * stride + kx);
                    UNROLLED for (int f = 0; f < FILTERS; f++) {
                        float weight = k[(ky * 3 + kx) * FILTERS + f];
                        UNROLLED for (int r = 0; r < 3; r++) sums[r][f] += rows[r] * weight;
                    }
                }
        }
}

INLINE void start(Vector sums[3][FILTERS], const float *bias)
{
    UNROLLED for (int r = 0; r < 3; r++)
        UNROLLED for (int f = 0; f < FILTERS; f++) sums[r][f] = (Vector){} + bias[f];
}

/* One frame of four filters into planes; `cut`: below 0. What lies outside the frame stays 0. */
INLINE void convolve_frame(int channels, const float *const *planes, const Plane &p, const float *w, const float *bias,
                           bool cut, float *out)
{
    for (int y = 0; y < p.H; y += 3)
        for (int x = 0; x < p.W; x += LANES) {
            Vector sums[3][FILTERS];
            start(sums, bias);
            add_products(channels, planes, p.stride, y, x, w, sums);
            bool ends = x + LANES > p.W;
            Vector mask = ends ? inside(x, p.W) : (Vector){} + 1.0f;
            for (int r = 0; r < 3 && y + r < p.H; r++)
                UNROLLED for (int f = 0; f < FILTERS; f++) {
                    Vector z = cut ? positive(sums[r][f]) : sums[r][f];
                    store(out + f * p.size + (long)(y + r + 1) * p.stride + PAD + x, ends ? z * mask : z);
                }
        }
}

INLINE void add_lanes(double *to, Vector x)
{
    UNROLLED for (int i = 0; i < LANES; i++) to[i] += x[i];
}

INLINE double total(const double *lanes)
{
    double sum = 0;
    for (int i = 0; i < LANES; i++)
        sum += lanes[i];
    return sum;
}

/* ---- without training: one unit, the normalisation folded into w1 b1 w2 b2 ---- */

static void unit(const Clip *clip, const float *maps, int inputs, int filters, int T, int H, int W, bool pools,
                 const float *weights, Memory &memory, float *out)
{
    const float *w1 = weights, *b1 = w1 + filters * inputs * TAPS, *w2 = b1 + filters, *b2 = w2 + filters * filters * TAPS;
    Plane p(H, W), q(H / 3, W / 3);
    int length = padded(W);
    const float *zeros = memory.take(p.size);
    float *pixels = clip ? memory.take(RING * p.size) : NULL;
    float *a = memory.take(RING * filters * p.size), *best = memory.take((long)(H / 3) * filters * length);
    const float *planes[48];
    for (int t = -1; t < T; t++) { /* the first convolution of frame t + 1, the second of frame t */
        int next = t + 1;
        if (next < T) {
            if (clip) {
                if (next == 0)
                    read_frame(*clip, 0, p, pixels);
                if (next + 1 < T)
                    read_frame(*clip, next + 1, p, pixels + (next + 1) % RING * p.size);
            }
            three_frames(planes, inputs, next, T, zeros, clip ? pixels : maps, clip ? RING : T, p.size);
            for (int f = 0; f < filters; f += FILTERS)
                convolve_frame(inputs, planes, p, w1 + (long)f * inputs * TAPS, b1 + f, true,
                               a + ((long)(next % RING) * filters + f) * p.size);
        }
        if (t < 0)
            continue;
        three_frames(planes, filters, t, T, zeros, a, RING, p.size);
        for (int f = 0; f < filters; f += FILTERS) {
            const float *w = w2 + (long)f * filters * TAPS;
            if (!pools) {
                convolve_frame(filters, planes, p, w, b2 + f, true, out + ((long)t * filters + f) * p.size);
                continue;
            }
            if (t >= T / 3 * 3)
                continue;
            for (int y = 0; y < H / 3; y++) {
                float *rows = best + ((long)y * filters + f) * length;
                for (int x = 0; x < W; x += LANES) {
                    Vector sums[3][FILTERS] = {};
                    add_products(filters, planes, p.stride, 3 * y, x, w, sums);
                    UNROLLED for (int i = 0; i < FILTERS; i++) {
                        Vector z = larger(larger(sums[0][i], sums[1][i]), sums[2][i]);
                        float *row = rows + (long)i * length + x;
                        store(row, t % 3 ? larger(load(row), z) : z);
                    }
                }
                if (t % 3 == 2)
                    reduce_columns(rows, W / 3, length, b2 + f,
                                   out + ((long)(t / 3) * filters + f) * q.size + (long)(y + 1) * q.stride + PAD, q.size);
            }
        }
    }
}

/* ---- the first unit in training: 1 -> 4 -> 4 channels, the first normalisation folded into w1 and b1 ---- */

/* a[next] = relu(w1 * clip + b1) in its ring */
INLINE void first_maps(const Clip &clip, int next, const Plane &p, const float *zeros, float *pixels, const float *w1,
                       const float *b1, float *a)
{
    const float *planes[3];
    if (next == 0)
        read_frame(clip, 0, p, pixels);
    if (next + 1 < clip.T)
        read_frame(clip, next + 1, p, pixels + (next + 1) % RING * p.size);
    three_frames(planes, 1, next, clip.T, zeros, pixels, RING, p.size);
    convolve_frame(1, planes, p, w1, b1, true, a + (long)(next % RING) * FILTERS * p.size);
}

/* The larger of three rows, and of the rows of earlier frames, with its place; the first of equal ones. */
INLINE void keep_best(const Vector sums[3][FILTERS], int frame, float *best, int32_t *where, int length)
{
    UNROLLED for (int f = 0; f < FILTERS; f++) {
        float *values = best + (long)f * length;
        int32_t *places = where + (long)f * length;
        Vector most = sums[0][f];
        Integers place = (Integers){} + frame * 9;
        if (frame) {
            Vector before = load(values);
            Integers larger = sums[0][f] > before;
            most = larger ? sums[0][f] : before;
            place = larger ? place : (Integers) * (const UnalignedIntegers *)places;
        }
        UNROLLED for (int r = 1; r < 3; r++) {
            Integers larger = sums[r][f] > most;
            most = larger ? sums[r][f] : most;
            place = larger ? (Integers){} + (frame * 9 + r * 3) : place;
        }
        store(values, most);
        *(UnalignedIntegers *)places = place;
    }
}

static void best_columns(const float *best, const int32_t *where, int OW, float *peak, uint8_t *place)
{
    for (int x = 0; x < OW; x++) {
        float most = best[3 * x];
        int at = where[3 * x];
        for (int i = 1; i < 3; i++) {
            float value = best[3 * x + i];
            int there = where[3 * x + i] + i;
            bool is_better = value > most || (value == most && there < at);
            most = is_better ? value : most;
            at = is_better ? there : at;
        }
        peak[x] = most;
        place[x] = (uint8_t)at;
    }
}

static void forward(const Clip &clip, Memory &memory, const float *w1, const float *b1, const float *w2,
                    const float *b2, float *z2, Pooling pooling, double *sums_out)
{
    int T = clip.T, H = clip.H, W = clip.W, length = padded(W), OT = T / 3, OH = H / 3, OW = W / 3;
    Plane p(H, W);
    const float *zeros = memory.take(p.size);
    float *pixels = memory.take(RING * p.size), *a = memory.take(RING * FILTERS * p.size);
    float *best = memory.take((long)OH * FILTERS * length);
    int32_t *where = (int32_t *)memory.take((long)OH * FILTERS * length);
    const float *planes[3 * FILTERS];
    double lanes[2][FILTERS][LANES] = {};
    for (int t = -1; t < T; t++) {
        if (t + 1 < T)
            first_maps(clip, t + 1, p, zeros, pixels, w1, b1, a);
        if (t < 0)
            continue;
        three_frames(planes, FILTERS, t, T, zeros, a, RING, p.size);
        for (int y = 0; y < H; y += 3) {
            Vector sum[FILTERS] = {}, squares[FILTERS] = {};
            int rows = H - y < 3 ? H - y : 3;
            bool pools = rows == 3 && t < OT * 3;
            for (int x = 0; x < W; x += LANES) {
                Vector z[3][FILTERS];
                start(z, b2);
                add_products(FILTERS, planes, p.stride, y, x, w2, z);
                if (pools)
                    keep_best(z, t % 3, best + (long)(y / 3) * FILTERS * length + x,
                              where + (long)(y / 3) * FILTERS * length + x, length);
                Vector mask = x + LANES > W ? inside(x, W) : (Vector){} + 1.0f;
                for (int r = 0; r < rows; r++)
                    UNROLLED for (int f = 0; f < FILTERS; f++) {
                        Vector inner = z[r][f] * mask;
                        store(z2 + (((long)t * FILTERS + f) * H + y + r) * length + x, inner);
                        sum[f] += inner;
                        squares[f] += inner * inner;
                    }
            }
            UNROLLED for (int f = 0; f < FILTERS; f++) {
                add_lanes(lanes[0][f], sum[f]);
                add_lanes(lanes[1][f], squares[f]);
            }
            if (pools && t % 3 == 2)
                for (int f = 0; f < FILTERS; f++) {
                    long from = ((long)(y / 3) * FILTERS + f) * length, to = (((long)f * OT + t / 3) * OH + y / 3) * OW;
                    best_columns(best + from, where + from, OW, pooling.peak + to, pooling.place + to);
                }
        }
    }
    for (int f = 0; f < FILTERS; f++) {
        sums_out[f] = total(lanes[0][f]);
        sums_out[FILTERS + f] = total(lanes[1][f]);
    }
}

/* sums[kx][filter] of map * gradient over `rows` rows and `count` vectors of columns */
INLINE void add_gradients(const float *const *gradient, const float *from, int stride, int rows, int count,
                          Vector *sums)
{
    Vector acc[3][FILTERS];
    UNROLLED for (int i = 0; i < 12; i++) acc[i / 4][i % 4] = sums[i];
    for (int y = 0; y < rows; y++)
        for (int x = 0; x < count; x++) {
            long at = (long)y * stride + x * LANES;
            Vector a[3];
            UNROLLED for (int kx = 0; kx < 3; kx++) a[kx] = load(from + at + kx);
            UNROLLED for (int f = 0; f < FILTERS; f++) {
                Vector g = load(gradient[f] + at);
                UNROLLED for (int kx = 0; kx < 3; kx++) acc[kx][f] += a[kx] * g;
            }
        }
    UNROLLED for (int i = 0; i < 12; i++) sums[i] = acc[i / 4][i % 4];
}

enum { FLUSHED = 4096 }; /* vectors that a sum of gradients holds at most before it goes into float64 */

static void flush(Vector *sums, int n, long *held, double *out)
{
    for (int i = 0; i < n * 12; i++) {
        UNROLLED for (int l = 0; l < LANES; l++) out[i] += sums[i][l];
        sums[i] = (Vector){};
    }
    *held = 0;
}

enum { BLOCK = 6 }; /* rows at a time: those of a map and of four gradients stay in the first cache */

/* Add the gradients by the weights of one frame to `sums`, and those to `out` when they hold enough. */
static void weight_gradient(int channels, const float *const *planes, const float *const *gradient, const Plane &p,
                            Vector *sums, long *held, double *out)
{
    int n = channels * 9, count = (p.W + LANES - 1) / LANES;
    for (int y = 0; y < p.H; y += BLOCK) {
        int rows = p.H - y < BLOCK ? p.H - y : BLOCK;
        const float *g[FILTERS];
        for (int f = 0; f < FILTERS; f++)
            g[f] = gradient[f] + (long)(y + 1) * p.stride + PAD;
        for (int i = 0; i < n; i++) {
            const float *from = planes[i / 3 % 3 * channels + i / 9] + (long)(y + i % 3) * p.stride + PAD - 1;
            add_gradients(g, from, p.stride, rows, count, sums + i * 12);
        }
    }
    *held += (long)p.H * count;
    if (*held >= FLUSHED)
        flush(sums, n, held, out);
}

/* dz[next] = gradient by z2 of one frame in its ring */
INLINE void gradient_frame(const Clip &clip, int next, const Plane &p, const float *z2, const uint8_t *place,
                           const float *gradient, const float *norm, float *dz)
{
    int T = clip.T, H = clip.H, W = clip.W, length = padded(W), OT = T / 3, OH = H / 3, OW = W / 3;
    for (int f = 0; f < FILTERS; f++) {
        float *to = dz + ((long)(next % RING) * FILTERS + f) * p.size + p.stride + PAD;
        const float *z = z2 + ((long)next * FILTERS + f) * H * length;
        for (int y = 0; y < H; y++)
            for (int x = 0; x < W; x += LANES) {
                Vector d = -(norm[f] + norm[FILTERS + f] * load(z + (long)y * length + x));
                store(to + (long)y * p.stride + x, x + LANES > W ? d * inside(x, W) : d);
            }
        if (next >= OT * 3)
            continue;
        const uint8_t *from = place + ((long)f * OT + next / 3) * OH * OW;
        const float *g = gradient + ((long)f * OT + next / 3) * OH * OW;
        int first = next % 3 * 9, steps[9];
        for (int i = 0; i < 9; i++)
            steps[i] = i / 3 * p.stride + i % 3;
        for (int y = 0; y < OH; y++)
            for (int x = 0; x < OW; x++) { /* without a branch: which frame holds the maximum can't be foreseen */
                unsigned at = (unsigned)(from[y * OW + x] - first);
                bool is_here = at < 9;
                to[(long)3 * y * p.stride + 3 * x + steps[is_here ? at : 0]] += is_here ? g[y * OW + x] : 0;
            }
    }
}

static void backward(const Clip &clip, Memory &memory, const float *w1, const float *b1, const float *w2,
                     const float *z2, const uint8_t *place, const float *gradient, const float *norm, double *dw1,
                     double *db1, double *dw2)
{
    int T = clip.T, H = clip.H, W = clip.W;
    Plane p(H, W);
    const float *zeros = memory.take(p.size);
    float *pixels = memory.take(RING * p.size), *a = memory.take(RING * FILTERS * p.size);
    float *dz = memory.take(RING * FILTERS * p.size), *da = memory.take(FILTERS * p.size);
    const float *planes[3 * FILTERS], *gradients[FILTERS];
    double lanes[FILTERS][LANES] = {};
    Vector sums1[9 * 12] = {}, sums2[FILTERS * 9 * 12] = {}; /* [channel, kt, ky][kx][filter] */
    long held1 = 0, held2 = 0;
    for (int t = -1; t < T; t++) {
        if (t + 1 < T) {
            first_maps(clip, t + 1, p, zeros, pixels, w1, b1, a);
            gradient_frame(clip, t + 1, p, z2, place, gradient, norm, dz);
        }
        if (t < 0)
            continue;
        const float *now = a + (long)(t % RING) * FILTERS * p.size;
        three_frames(planes, FILTERS, t, T, zeros, dz, RING, p.size);
        for (int y = 0; y < H; y += 3) {
            Vector sum[FILTERS] = {};
            for (int x = 0; x < W; x += LANES) {
                Vector d[3][FILTERS] = {};
                add_products(FILTERS, planes, p.stride, y, x, w2, d);
                for (int r = 0; r < 3 && y + r < H; r++)
                    UNROLLED for (int f = 0; f < FILTERS; f++) {
                        long at = f * p.size + (long)(y + r + 1) * p.stride + PAD + x;
                        Vector passed = load(now + at) > 0 ? d[r][f] : (Vector){}; /* 0 outside the frame */
                        store(da + at, passed);
                        sum[f] += passed;
                    }
            }
            UNROLLED for (int f = 0; f < FILTERS; f++) add_lanes(lanes[f], sum[f]);
        }
        three_frames(planes, 1, t, T, zeros, pixels, RING, p.size);
        for (int f = 0; f < FILTERS; f++)
            gradients[f] = da + f * p.size;
        weight_gradient(1, planes, gradients, p, sums1, &held1, dw1);
        three_frames(planes, FILTERS, t, T, zeros, a, RING, p.size);
        for (int f = 0; f < FILTERS; f++)
            gradients[f] = dz + ((long)(t % RING) * FILTERS + f) * p.size;
        weight_gradient(FILTERS, planes, gradients, p, sums2, &held2, dw2);
    }
    flush(sums1, 9, &held1, dw1);
    flush(sums2, FILTERS * 9, &held2, dw2);
    for (int f = 0; f < FILTERS; f++)
        db1[f] += total(lanes[f]);
}

/* ---- any convolution of a later unit ---- */

static void read_maps(const float *x, int channels, int T, const Plane &p, float *planes)
{
    for (int c = 0; c < channels; c++)
        for (int t = 0; t < T; t++)
            for (int y = 0; y < p.H; y++, x += p.W)
                memcpy(planes + ((long)t * channels + c) * p.size + (long)(y + 1) * p.stride + PAD, x,
                       p.W * sizeof(float));
}

static void convolve(const float *x, int channels, int filters, int T, int H, int W, const float *w, const float *b,
                     Memory &memory, float *out)
{
    Plane p(H, W);
    const float *zeros = memory.take(p.size);
    float *maps = memory.take((long)T * channels * p.size), *to = memory.take(FILTERS * p.size);
    const float *planes[48];
    read_maps(x, channels, T, p, maps);
    for (int t = 0; t < T; t++) {
        three_frames(planes, channels, t, T, zeros, maps, T, p.size);
        for (int f = 0; f < filters; f += FILTERS) {
            convolve_frame(channels, planes, p, w + (long)f * channels * TAPS, b + f, false, to);
            for (int i = 0; i < FILTERS; i++)
                for (int y = 0; y < H; y++)
                    memcpy(out + (((long)(f + i) * T + t) * H + y) * W, to + i * p.size + (long)(y + 1) * p.stride + PAD,
                           W * sizeof(float));
        }
    }
}

static void weights(const float *x, const float *gradient, int channels, int filters, int T, int H, int W,
                    Memory &memory, double *out)
{
    Plane p(H, W);
    const float *zeros = memory.take(p.size);
    float *maps = memory.take((long)T * channels * p.size), *g = memory.take(FILTERS * p.size);
    const float *planes[48], *gradients[FILTERS];
    read_maps(x, channels, T, p, maps);
    for (int f = 0; f < filters; f += FILTERS) {
        Vector sums[16 * 9 * 12]; /* at most 16 channels */
        double *to = out + (long)f * channels * TAPS;
        long held = 0;
        memset(sums, 0, channels * 9 * 12 * sizeof(Vector));
        for (int t = 0; t < T; t++) {
            three_frames(planes, channels, t, T, zeros, maps, T, p.size);
            for (int i = 0; i < FILTERS; i++) {
                gradients[i] = g + i * p.size;
                read_maps(gradient + ((long)(f + i) * T + t) * H * W, 1, 1, p, g + i * p.size);
            }
            weight_gradient(channels, planes, gradients, p, sums, &held, to);
        }
        flush(sums, channels * 9, &held, to);
    }
}

/* ---- what the statistics of the first convolution follow from ---- */

enum { EXACT = 256 }; /* products of two bytes whose sum float32 holds without rounding: below 2^24. In a longer row
                        (from 1,025 columns) they are rounded like any other sum */

/* sums[dx + 2] += sums over columns of a[x] b[x + dx], by lane */
INLINE void row_products(const float *a, const float *b, int columns, Vector sums[5])
{
    Vector row[5];
    UNROLLED for (int i = 0; i < 5; i++) row[i] = sums[i];
    for (int x = 0; x < columns; x += LANES) {
        Vector left = load(a + x);
        UNROLLED for (int i = 0; i < 5; i++) row[i] += left * load(b + x + i - 2);
    }
    UNROLLED for (int i = 0; i < 5; i++) sums[i] = row[i];
}

enum { STEPS = (5 + LANES - 1) / LANES }; /* vectors that hold the five steps along a row */

struct RowSums { /* of products of pixels one step apart, by dt and dy */
    Vector whole[3][5][5];       /* [dx], by lane */
    Vector ends[3][5][2][STEPS]; /* [first or last pixel of the row], lanes are dx */
};

/* Move the sums of rows of one end of t and y into float64: `to` [dt][dy][dx][27], at the first of three ends of x. */
static void move_sums(RowSums &sums, double *to)
{
    for (int i = 0; i < 3 * 5 * 5; i++) {
        const Vector *ends = sums.ends[i / 25][i / 5 % 5][0];
        double first = ends[i % 5 / LANES][i % 5 % LANES], last = ends[STEPS + i % 5 / LANES][i % 5 % LANES];
        to[i * 27] += first;
        to[i * 27 + 2] += last;
        for (int l = 0; l < LANES; l++)
            to[i * 27 + 1] += sums.whole[i / 25][i / 5 % 5][i % 5][l];
        to[i * 27 + 1] -= first + last;
    }
    memset((void *)&sums, 0, sizeof sums);
}

INLINE int end_of(int at, int length) { return at == 0 ? 0 : at == length - 1 ? 2 : 1; }
INLINE bool counts(int end, int shift) { return shift > 0 ? end != 0 : shift < 0 ? end != 2 : true; }

/* With u the voxel of the first pixel of a product and d the step to the second, the 27 x 27 sums are those over u of
   pixel(u) pixel(u + d), without the u at one end of an edge. So 63 steps, each summed by the ends where u lies. */
static void moments(const Clip &clip, float *memory, double *out)
{
    int T = clip.T, H = clip.H, W = clip.W, stride = PAD + padded(W);
    long size = (long)(H + 4) * stride + PAD;
    double ends[3][5][5][3][3][3] = {}, single[3][3][3] = {};
    RowSums rows = {};
    int held = 0, products = (W + LANES - 1) / LANES; /* a lane and row */
    Plane p(H, W);
    for (int t = 0; t < T; t++) {
        for (int dt = t ? 2 : 0; dt < 3; dt++)
            if (t + dt < T)
                read_frame(clip, t + dt, p, memory + (t + dt) % 3 * size + stride);
        const float *frame = memory + t % 3 * size + 2 * stride + PAD;
        for (int y = 0; y < H; y++) {
            for (int dt = 0; dt < 3 && t + dt < T; dt++)
                for (int dy = dt ? -2 : 0; dy < 3; dy++) {
                    const float *a = frame + (long)y * stride;
                    const float *b = memory + (t + dt) % 3 * size + (long)(y + dy + 2) * stride + PAD;
                    row_products(a, b, W, rows.whole[dt][dy + 2]);
                    UNROLLED for (int i = 0; i < STEPS; i++) {
                        rows.ends[dt][dy + 2][0][i] += a[0] * load(b - 2 + i * LANES);
                        rows.ends[dt][dy + 2][1][i] += a[W - 1] * load(b + W - 3 + i * LANES);
                    }
                }
            held += products;
            if (held + products > EXACT || end_of(y, H) != end_of(y + 1, H)) {
                move_sums(rows, &ends[0][0][0][end_of(t, T)][end_of(y, H)][0]);
                held = 0;
            }
        }
        for (int y = 0; y < H; y++) {
            const float *row = frame + (long)y * stride;
            double *at = single[end_of(t, T)][end_of(y, H)];
            Vector sum = {};
            for (int x = 0; x < W; x += LANES)
                sum += load(row + x);
            for (int l = 0; l < LANES; l++)
                at[1] += sum[l];
            at[0] += row[0];
            at[1] -= (double)row[0] + row[W - 1];
            at[2] += row[W - 1];
        }
    }
    memset(out, 0, TAPS * (TAPS + 1) * sizeof(double));
    for (int i = 0; i < TAPS; i++) {
        int a[3] = {i / 9 - 1, i / 3 % 3 - 1, i % 3 - 1};
        for (int e = 0; e < 27; e++) {
            int at[3] = {e / 9, e / 3 % 3, e % 3};
            if (!counts(at[0], a[0]) || !counts(at[1], a[1]) || !counts(at[2], a[2]))
                continue;
            out[i] += single[at[0]][at[1]][at[2]];
            for (int j = i; j < TAPS; j++) { /* a later tap lies a step ahead */
                int d[3] = {j / 9 - 1 - a[0], j / 3 % 3 - 1 - a[1], j % 3 - 1 - a[2]};
                out[TAPS + i * TAPS + j] += ends[d[0]][d[1] + 2][d[2] + 2][at[0]][at[1]][at[2]];
            }
        }
    }
    for (int i = 0; i < TAPS; i++)
        for (int j = 0; j < i; j++)
            out[TAPS + i * TAPS + j] = out[TAPS + j * TAPS + i];
}

static Kernels kernels(const char *name, bool (*runs)()) { return KERNELS(name, runs); }

} // namespace LEVEL

#endif
