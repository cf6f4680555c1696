/* The inner loop of a walk over a header: elements of explicit VR, little endian, passed or kept until one needs a
   closer look. The same as pass_explicit in walk.py, which is used where this could not be built. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030b0000
#include <Python.h>
#include <stdint.h>
#include <string.h>

/* Value representations whose length has 16 bits, then those with 32 bits (PS3.5 7.1.2). */
static const char SHORT_VRS[] = "AEASATCSDADSDTFLFDISLOLTPNSHSLSSSTTMUIULUS";
static const char LONG_VRS[] = "OBODOFOLOVOWSQSVUCUNURUTUV";

#define LETTERS 26
static PyObject *names[LETTERS * LETTERS];
static char heads[LETTERS * LETTERS]; /* bytes of the head of an element of this VR; 0: no VR */

static int place_of(const uint8_t *vr)
{
    unsigned one = vr[0] - 'A', other = vr[1] - 'A';
    return one < LETTERS && other < LETTERS ? (int)(one * LETTERS + other) : -1;
}

static uint32_t word(const uint8_t *at) { return (uint32_t)at[0] | (uint32_t)at[1] << 8; }

/* Put an element into `written`; returns -1 with an exception. */
static int keep(PyObject *written, PyObject *tag, PyObject *name, const uint8_t *value, Py_ssize_t length)
{
    PyObject *bytes = PyBytes_FromStringAndSize((const char *)value, length);
    PyObject *pair = bytes ? PyTuple_Pack(2, name, bytes) : NULL;
    int failed = pair ? PyDict_SetItem(written, tag, pair) : -1;
    Py_XDECREF(pair);
    Py_XDECREF(bytes);
    return failed;
}

/* Returns 1 where the walk goes on, 0 where the element needs a closer look, -1 with an exception. */
static int take(PyObject *kept, PyObject *written, uint32_t number, int place, const uint8_t *value, Py_ssize_t length)
{
    PyObject *tag = PyLong_FromUnsignedLong(number);
    if (tag == NULL)
        return -1;
    int result = 1, is_sequence = place == ('S' - 'A') * LETTERS + 'Q' - 'A';
    PyObject *wanted = kept == Py_None ? Py_True : PyDict_GetItemWithError(kept, tag);
    if (wanted == NULL)
        result = PyErr_Occurred() ? -1 : 1;
    else if (wanted != Py_True || (is_sequence && kept != Py_None))
        result = 0;
    else
        result = keep(written, tag, names[place], value, length) < 0 ? -1 : 1;
    Py_DECREF(tag);
    return result;
}

static PyObject *pass_explicit(PyObject *self, PyObject *arguments)
{
    Py_buffer data;
    Py_ssize_t at, limit, most, count = 0;
    long long last, until;
    PyObject *kept, *written;
    if (!PyArg_ParseTuple(arguments, "y*(nnL)(LnO)O!", &data, &at, &limit, &last, &until, &most, &kept,
                          &PyDict_Type, &written))
        return NULL;
    const uint8_t *bytes = data.buf;
    int going = at >= 0 && limit <= data.len && (kept == Py_None || PyDict_Check(kept));
    if (!going)
        PyErr_SetString(PyExc_ValueError, "not within the data");
    while (going == 1 && limit - at >= 8) {
        const uint8_t *head = bytes + at;
        uint32_t tag = word(head) << 16 | word(head + 2);
        int place = place_of(head + 4);
        Py_ssize_t width = place < 0 ? 0 : heads[place];
        if (width == 0 || limit - at < width || (long long)tag <= last || (long long)tag >= until)
            break;
        uint32_t length = width == 8 ? word(head + 6) : word(head + 8) | word(head + 10) << 16;
        if ((long long)length > limit - at - width || (long long)length > most)
            break;
        going = take(kept, written, tag, place, head + width, (Py_ssize_t)length);
        if (going == 1) {
            at += width + (Py_ssize_t)length;
            last = tag;
            count++;
        }
    }
    PyBuffer_Release(&data);
    return PyErr_Occurred() ? NULL : Py_BuildValue("nnL", at, count, last);
}

static int remember(const char *vrs, char width)
{
    for (const char *vr = vrs; *vr; vr += 2) {
        int place = place_of((const uint8_t *)vr);
        names[place] = PyUnicode_FromStringAndSize(vr, 2);
        if (names[place] == NULL)
            return -1;
        heads[place] = width;
    }
    return 0;
}

static PyMethodDef methods[] = {
    {"pass_explicit", pass_explicit, METH_VARARGS,
     "pass_explicit(data, span, rules, written)\n\n"
     "Pass the elements of `data` from `at`; see the function of this name in walk.py."},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_passing", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__passing(void)
{
    return remember(SHORT_VRS, 8) < 0 || remember(LONG_VRS, 12) < 0 ? NULL : PyModule_Create(&module);
}
