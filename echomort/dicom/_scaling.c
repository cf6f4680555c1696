/* The inner loops of Scaler: one frame's region, blanked outside the mask and scaled by two banded filters; which pixels
   of the clip hold any of the mask; and the blend of two frames.

   The same sums in the same order as the two sparse products in scaling.py and as in timing.py, so that a clip is the
   same bytes with this module and without it: no fused multiply-add, and nothing but additions of zero is left out. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030b0000
#include <Python.h>
#include <stdint.h>
#include <string.h>

#include "eight.h"

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__GLIBC__)
#define FOR_EACH_PROCESSOR __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define FOR_EACH_PROCESSOR
#endif

#define INLINE static inline __attribute__((always_inline)) /* else it is compiled for the oldest processor */

typedef struct {
    Py_ssize_t count, taps;
    const int32_t *start;
    const float *weight;
} Filter;

/* acc += weight * (row & mask), of columns from..to */
FOR_EACH_PROCESSOR
static void add_row(float *restrict acc, const uint8_t *restrict row, const uint8_t *restrict mask, float weight,
                    Py_ssize_t from, Py_ssize_t to)
{
    for (Py_ssize_t x = from; x < to; x++)
        acc[x] += weight * (float)(row[x] & mask[x]);
}

/* Sums eight outputs of eight taps each. */
INLINE void sum_eights(Eight *sum, const float *acc, const int32_t *start, const float *weight)
{
    Eight product[8];
    for (int i = 0; i < 8; i++) {
        Eight values, weights;
        memcpy(&values, acc + start[i], sizeof values);
        memcpy(&weights, weight + 8 * i, sizeof weights);
        product[i] = values * weights;
    }
    TRANSPOSE(product);
    *sum = product[0];
    for (int k = 1; k < 8; k++)
        *sum += product[k];
}

/* Sums eight outputs of four taps each; those of two outputs lie side by side. */
INLINE void sum_fours(Eight *sum, const float *acc, const int32_t *start, const float *weight)
{
    Eight product[4];
    for (int i = 0; i < 4; i++) {
        Eight one, other, weights;
        memcpy(&one, acc + start[2 * i], sizeof one);
        memcpy(&other, acc + start[2 * i + 1], sizeof other);
        memcpy(&weights, weight + 8 * i, sizeof weights);
        product[i] = PICK(one, other, 0, 1, 2, 3, 8, 9, 10, 11) * weights;
    }
    TRANSPOSE_FOURS(product, 4);
    *sum = product[0];
    for (int k = 1; k < 4; k++)
        *sum += product[k];
    *sum = PICK(*sum, *sum, 0, 4, 1, 5, 2, 6, 3, 7);
}

/* Each output is summed in the order of its taps; eight outputs of four or eight taps are summed side by side. Where none
   of their columns is among from..to, beyond which `acc` is 0, they are 0: taps start in the order of the outputs. */
FOR_EACH_PROCESSOR
static void narrow(uint8_t *restrict out, const float *restrict acc, Filter along, Py_ssize_t from, Py_ssize_t to)
{
    Py_ssize_t j = 0;
    for (; (along.taps == 4 || along.taps == 8) && j + 8 <= along.count; j += 8) {
        const int32_t *start = along.start + j;
        const float *weight = along.weight + j * along.taps;
        if (start[7] + along.taps <= from || start[0] >= to) {
            memset(out + j, 0, 8);
            continue;
        }
        Eight sum;
        if (along.taps == 8)
            sum_eights(&sum, acc, start, weight);
        else
            sum_fours(&sum, acc, start, weight);
        EightBytes rounded = __builtin_convertvector(__builtin_convertvector(sum + 0.5f, EightWhole), EightBytes);
        memcpy(out + j, &rounded, sizeof rounded);
    }
    for (; j < along.count; j++) {
        const float *values = acc + along.start[j], *weights = along.weight + j * along.taps;
        float sum = 0;
        for (Py_ssize_t k = 0; k < along.taps; k++)
            sum += weights[k] * values[k];
        out[j] = (uint8_t)(sum + 0.5f);
    }
}

static int filter_of(Filter *filter, const Py_buffer *start, const Py_buffer *weight, Py_ssize_t length)
{
    filter->count = start->len / 4;
    filter->taps = filter->count ? weight->len / 4 / filter->count : 0;
    filter->start = start->buf;
    filter->weight = weight->buf;
    int fits = filter->count * filter->taps * 4 == weight->len;
    for (Py_ssize_t i = 0; fits && i < filter->count; i++)
        fits = filter->start[i] >= (i > 0 ? filter->start[i - 1] : 0) && filter->start[i] + filter->taps <= length;
    return fits;
}

static int scaled(const Py_buffer *view, Py_ssize_t columns, Py_ssize_t top, Py_ssize_t left)
{
    const Py_buffer *frame = view, *mask = view + 1, *span = view + 2, *out = view + 7;
    Py_ssize_t height = span->len / 8, width = height ? mask->len / height : 0;
    Filter down, along;
    int fits = height > 0 && width > 0 && height * width == mask->len && top >= 0 && left >= 0 &&
               left + width <= columns && (top + height) * columns <= frame->len &&
               filter_of(&down, view + 3, view + 4, height) && filter_of(&along, view + 5, view + 6, width) &&
               down.count * along.count == out->len;
    const int32_t *spans = span->buf;
    for (Py_ssize_t y = 0; fits && y < height; y++)
        fits = spans[2 * y] >= 0 && spans[2 * y + 1] <= width;
    if (!fits) {
        PyErr_SetString(PyExc_ValueError, "shapes do not fit each other");
        return -1;
    }
    float *acc = PyMem_Malloc((width + 4) * sizeof(float)); /* eight are read for the last four taps */
    if (acc == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < down.count; i++) {
        Py_ssize_t from = width, to = 0;
        memset(acc, 0, (width + 4) * sizeof(float));
        for (Py_ssize_t k = 0; k < down.taps; k++) {
            Py_ssize_t y = down.start[i] + k, first = spans[2 * y], end = spans[2 * y + 1];
            float weight = down.weight[i * down.taps + k];
            if (weight == 0 || first >= end)
                continue;
            add_row(acc, (const uint8_t *)frame->buf + (top + y) * columns + left,
                    (const uint8_t *)mask->buf + y * width, weight, first, end);
            from = first < from ? first : from;
            to = end > to ? end : to;
        }
        narrow((uint8_t *)out->buf + i * along.count, acc, along, from, to);
    }
    PyMem_Free(acc);
    return 0;
}

static PyObject *scale(PyObject *self, PyObject *arguments)
{
    Py_buffer view[8];
    Py_ssize_t columns, top, left;
    if (!PyArg_ParseTuple(arguments, "y*nnny*y*y*y*y*y*w*", view, &columns, &top, &left, view + 1, view + 2, view + 3,
                          view + 4, view + 5, view + 6, view + 7))
        return NULL;
    int failed = scaled(view, columns, top, left);
    for (int i = 0; i < 8; i++)
        PyBuffer_Release(view + i);
    if (failed)
        return NULL;
    Py_RETURN_NONE;
}

#define SIDE_BY_SIDE 16 /* columns that are added up at once; where a span is no multiple of that, the rest takes longer */

/* Writes each row's first masked column and the one after its last, widened to columns side by side; 0 for an empty
   row. */
static void find_spans(const uint8_t *mask, Py_ssize_t height, Py_ssize_t width, int32_t *spans)
{
    for (Py_ssize_t y = 0; y < height; y++, mask += width, spans += 2) {
        const uint8_t *first = memchr(mask, 255, width);
        Py_ssize_t end = first == NULL ? 0 : width;
        while (end > 0 && mask[end - 1] == 0)
            end--;
        Py_ssize_t widened = (end + SIDE_BY_SIDE - 1) / SIDE_BY_SIDE * SIDE_BY_SIDE;
        spans[0] = first == NULL ? 0 : (int32_t)((first - mask) / SIDE_BY_SIDE * SIDE_BY_SIDE);
        spans[1] = (int32_t)(widened < width ? widened : width);
    }
}

/* out |= row */
FOR_EACH_PROCESSOR
static void add_mask(uint8_t *restrict out, const uint8_t *restrict row, Py_ssize_t count)
{
    for (Py_ssize_t x = 0; x < count; x++)
        out[x] |= row[x];
}

/* Writes the first column that each output weighs, and the one after its last: the columns between are weighed too. */
static void find_reach(Filter along, int32_t *reach)
{
    for (Py_ssize_t j = 0; j < along.count; j++, reach += 2) {
        const float *weight = along.weight + j * along.taps;
        Py_ssize_t first = 0, end = along.taps;
        while (first < end && weight[first] == 0)
            first++;
        while (end > first && weight[end - 1] == 0)
            end--;
        reach[0] = (int32_t)(along.start[j] + first);
        reach[1] = (int32_t)(along.start[j] + end);
    }
}

/* Writes which outputs weigh a column that is lit; `before` has room for how many are lit before each. */
static void cover_row(uint8_t *out, const uint8_t *lit, Py_ssize_t width, const int32_t *reach, Py_ssize_t count,
                      int32_t *before)
{
    before[0] = 0;
    for (Py_ssize_t x = 0; x < width; x++)
        before[x + 1] = before[x] + (lit[x] != 0);
    for (Py_ssize_t j = 0; j < count; j++)
        out[j] = before[reach[2 * j + 1]] > before[reach[2 * j]];
}

static int covered(const Py_buffer *view)
{
    const Py_buffer *mask = view, *spans = view + 1, *out = view + 6;
    Py_ssize_t height = spans->len / 8, width = height ? mask->len / height : 0;
    Filter down, along;
    if (height <= 0 || width <= 0 || height * width != mask->len || !filter_of(&down, view + 2, view + 3, height) ||
        !filter_of(&along, view + 4, view + 5, width) || down.count * along.count != out->len) {
        PyErr_SetString(PyExc_ValueError, "shapes do not fit each other");
        return -1;
    }
    int32_t *reach = PyMem_Malloc((2 * along.count + width + 1) * sizeof(int32_t) + width);
    if (reach == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    int32_t *before = reach + 2 * along.count;
    uint8_t *lit = (uint8_t *)(before + width + 1);
    find_reach(along, reach);
    find_spans(mask->buf, height, width, spans->buf);
    for (Py_ssize_t i = 0; i < down.count; i++) {
        memset(lit, 0, width);
        for (Py_ssize_t k = 0; k < down.taps; k++) {
            if (down.weight[i * down.taps + k] > 0)
                add_mask(lit, (const uint8_t *)mask->buf + (down.start[i] + k) * width, width);
        }
        cover_row((uint8_t *)out->buf + i * along.count, lit, width, reach, along.count, before);
    }
    PyMem_Free(reach);
    return 0;
}

static PyObject *cover(PyObject *self, PyObject *arguments)
{
    Py_buffer view[7];
    if (!PyArg_ParseTuple(arguments, "y*w*y*y*y*y*w*", view, view + 1, view + 2, view + 3, view + 4, view + 5, view + 6))
        return NULL;
    int failed = covered(view);
    for (int i = 0; i < 7; i++)
        PyBuffer_Release(view + i);
    if (failed)
        return NULL;
    Py_RETURN_NONE;
}

FOR_EACH_PROCESSOR
static void blend_pixels(uint8_t *restrict out, const uint8_t *restrict before, const uint8_t *restrict after,
                         Py_ssize_t count, double weight)
{
    for (Py_ssize_t i = 0; i < count; i++) {
        double start = before[i];
        out[i] = (uint8_t)(int32_t)(start + ((double)after[i] - start) * weight);
    }
}

static PyObject *blend(PyObject *self, PyObject *arguments)
{
    Py_buffer before, after, out;
    double weight;
    if (!PyArg_ParseTuple(arguments, "y*y*dw*", &before, &after, &weight, &out))
        return NULL;
    int fits = before.len == after.len && before.len == out.len && weight >= 0 && weight <= 1;
    if (fits)
        blend_pixels(out.buf, before.buf, after.buf, out.len, weight);
    else
        PyErr_SetString(PyExc_ValueError, "shapes do not fit each other");
    PyBuffer_Release(&before);
    PyBuffer_Release(&after);
    PyBuffer_Release(&out);
    if (!fits)
        return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"cover", cover, METH_VARARGS,
     "cover(mask, spans, down_start, down_weight, along_start, along_weight, out)\n\n"
     "Write into `spans` (int32 (height, 2)) where each row of `mask` (uint8, 0 or 255) is lit, and into `out` (uint8)\n"
     "which outputs of the two filters hold any of it: 1 or 0. Raises ValueError where the shapes do not fit."},
    {"blend", blend, METH_VARARGS,
     "blend(before, after, weight, out)\n\n"
     "Write into `out` (uint8) what lies between `before` and `after` (uint8) at `weight`, from 0 to 1, truncated.\n"
     "Raises ValueError where the shapes do not fit."},
    {"scale", scale, METH_VARARGS,
     "scale(frame, columns, top, left, mask, spans, down_start, down_weight, along_start, along_weight, out)\n\n"
     "Write into `out` (uint8) the region of `frame` (uint8, `columns` wide) that begins at `top`, `left`, blanked by\n"
     "`mask` (uint8, 0 or 255; lit between `spans`, int32 (height, 2)) and filtered down and along: each filter is the\n"
     "first tap of every output (int32) and its weights (float32). Raises ValueError where the shapes do not fit."},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_scaling", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__scaling(void) { return PyModule_Create(&module); }
