/* The loops over pictures that morphology.py runs most: connected parts, and minimum and maximum over squares.

   The same values as scipy.ndimage and NumPy give, so that a clip is the same bytes with this module and without it. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030b0000
#include <Python.h>
#include <stdint.h>
#include <string.h>

/* Runs of lit pixels, row after row: first column, the one after the last, and the run that each is joined to. */
typedef struct {
    int32_t *start, *end, *parent;
} Runs;

static int32_t root_of(int32_t *parent, int32_t run)
{
    while (parent[run] != run)
        run = parent[run] = parent[parent[run]];
    return run;
}

static void join(int32_t *parent, int32_t one, int32_t other)
{
    one = root_of(parent, one);
    other = root_of(parent, other);
    if (one < other)
        parent[other] = one;
    else
        parent[one] = other;
}

/* Adds the runs of a row from index `next` on; returns the index after them. */
static int32_t find_runs(Runs runs, const uint8_t *row, Py_ssize_t columns, int32_t next)
{
    const uint8_t *end = row + columns, *at = row;
    while (at < end && (at = memchr(at, 1, end - at)) != NULL) {
        const uint8_t *after = memchr(at, 0, end - at);
        after = after == NULL ? end : after;
        runs.start[next] = (int32_t)(at - row);
        runs.end[next] = (int32_t)(after - row);
        runs.parent[next] = next;
        next++;
        at = after;
    }
    return next;
}

/* Joins the runs first..end of a row to those of the row above, above..first; `reach` is 1 where corners touch. */
static void join_above(Runs runs, int32_t above, int32_t first, int32_t end, int32_t reach)
{
    for (int32_t run = first; run < end; run++) {
        while (above < first && runs.end[above] + reach <= runs.start[run])
            above++;
        for (int32_t other = above; other < first && runs.start[other] < runs.end[run] + reach; other++)
            join(runs.parent, other, run);
    }
}

/* Writes the labels, numbered by each part's first run; returns how many there are. */
static int32_t write_labels(Runs runs, const int32_t *first, int32_t *labels, Py_ssize_t rows, Py_ssize_t columns)
{
    int32_t count = 0;
    memset(labels, 0, rows * columns * sizeof(int32_t));
    for (Py_ssize_t y = 0; y < rows; y++, labels += columns)
        for (int32_t run = first[y]; run < first[y + 1]; run++) {
            int32_t root = root_of(runs.parent, run);
            int32_t number = root == run ? ++count : -runs.start[root];
            for (int32_t x = runs.start[run]; x < runs.end[run]; x++)
                labels[x] = number;
            runs.start[run] = -number; /* the columns are no longer needed, the number is */
        }
    return count;
}

static int32_t labelled(const Py_buffer *mask, Py_ssize_t columns, int32_t reach, const Py_buffer *labels)
{
    Py_ssize_t rows = columns > 0 ? mask->len / columns : 0, most = rows * (columns / 2 + 1);
    if (rows * columns != mask->len || labels->len != mask->len * 4 || most > INT32_MAX) {
        PyErr_SetString(PyExc_ValueError, "shapes do not fit each other");
        return -1;
    }
    int32_t *memory = PyMem_Malloc((3 * most + rows + 1) * sizeof(int32_t));
    if (memory == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    Runs runs = {memory, memory + most, memory + 2 * most};
    int32_t *first = memory + 3 * most;
    first[0] = 0;
    for (Py_ssize_t y = 0; y < rows; y++) {
        first[y + 1] = find_runs(runs, (const uint8_t *)mask->buf + y * columns, columns, first[y]);
        join_above(runs, y ? first[y - 1] : 0, first[y], first[y + 1], reach);
    }
    int32_t count = write_labels(runs, first, labels->buf, rows, columns);
    PyMem_Free(memory);
    return count;
}

static PyObject *label(PyObject *self, PyObject *arguments)
{
    Py_buffer mask, labels;
    Py_ssize_t columns;
    int corners;
    if (!PyArg_ParseTuple(arguments, "y*npw*", &mask, &columns, &corners, &labels))
        return NULL;
    int32_t count = labelled(&mask, columns, corners, &labels);
    PyBuffer_Release(&mask);
    PyBuffer_Release(&labels);
    return count < 0 ? NULL : PyLong_FromLong(count);
}

static PyMethodDef methods[] = {
    {"label", label, METH_VARARGS,
     "label(mask, columns, corners, labels) -> count\n\n"
     "Write into `labels` (int32) the number, from 1, of the connected part of `mask` (uint8 of 0 and 1, `columns`\n"
     "wide) that each pixel belongs to; parts that touch at `corners` only are one where that is true. Numbers go by\n"
     "each part's first pixel. Raises ValueError where the shapes do not fit."},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_pictures", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__pictures(void) { return PyModule_Create(&module); }
