/* The loops over pictures that the rooms of tissue run most: connected parts and their sizes, minimum and maximum over
   squares and over frames, the count of coloured pixels, and the hull of rows.

   The same values as scipy.ndimage and NumPy give, so that a clip is the same bytes with this module and without it. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030b0000
#include <Python.h>
#include <stdint.h>
#include <string.h>

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__GLIBC__)
#define FOR_EACH_PROCESSOR __attribute__((target_clones("avx2", "default")))
#else
#define FOR_EACH_PROCESSOR
#endif

/* --- connected parts ------------------------------------------------------------------------------------------- */

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

/* Adds to counts how many of the pixels that are set carry each label; returns whether their labels have a place. */
static int count_set(const int32_t *labels, const uint8_t *mask, Py_ssize_t pixels, int64_t *counts, Py_ssize_t places)
{
    int32_t label = 0, same[8] = {0}; /* of the run that is being counted */
    int64_t run = 0, eight;
    if (places < 1)
        return 0;
    for (Py_ssize_t i = 0; i < pixels; i++) {
        for (; i + 8 <= pixels; i += 8) {
            memcpy(&eight, mask + i, 8);
            if (eight == 0x0101010101010101 && memcmp(labels + i, same, sizeof same) == 0)
                run += 8;
            else if (eight != 0)
                break;
        }
        for (Py_ssize_t end = i + 8 < pixels ? i + 8 : pixels; i < end; i++) {
            if (mask[i] && labels[i] != label) {
                counts[label] += run;
                run = 0;
                label = labels[i];
                if (label < 0 || label >= places)
                    return 0;
                for (int j = 0; j < 8; j++)
                    same[j] = label;
            }
            run += mask[i] != 0;
        }
        i--;
    }
    counts[label] += run;
    return 1;
}

static PyObject *count_labels(PyObject *self, PyObject *arguments)
{
    Py_buffer labels, mask, counts;
    if (!PyArg_ParseTuple(arguments, "y*y*w*", &labels, &mask, &counts))
        return NULL;
    int fits = labels.len == 4 * mask.len && count_set(labels.buf, mask.buf, mask.len, counts.buf, counts.len / 8);
    PyBuffer_Release(&labels);
    PyBuffer_Release(&mask);
    PyBuffer_Release(&counts);
    if (!fits) {
        PyErr_SetString(PyExc_ValueError, "shapes or labels do not fit each other");
        return NULL;
    }
    Py_RETURN_NONE;
}

/* Widens each label's box (first row, the one after the last, first column, the one after the last) to hold its pixels;
   returns whether all labels have a box. Boxes are of no rows at first. */
static int widen_boxes(const int32_t *labels, Py_ssize_t rows, Py_ssize_t columns, int32_t (*boxes)[4], Py_ssize_t count)
{
    static const int32_t nothing[8];
    for (Py_ssize_t y = 0; y < rows; y++, labels += columns)
        for (Py_ssize_t x = 0; x < columns; x++) {
            while (x + 8 < columns && memcmp(labels + x, nothing, sizeof nothing) == 0)
                x += 8;
            int32_t number = labels[x], start = (int32_t)x;
            if (number == 0)
                continue;
            if (number < 0 || number > count)
                return 0;
            while (x + 1 < columns && labels[x + 1] == number)
                x++;
            int32_t *box = boxes[number - 1], end = (int32_t)x + 1;
            if (box[1] == 0)
                box[0] = (int32_t)y, box[2] = start, box[3] = end;
            box[1] = (int32_t)y + 1;
            box[2] = start < box[2] ? start : box[2];
            box[3] = end > box[3] ? end : box[3];
        }
    return 1;
}

static PyObject *find_boxes(PyObject *self, PyObject *arguments)
{
    Py_buffer labels, boxes;
    Py_ssize_t columns;
    if (!PyArg_ParseTuple(arguments, "y*nw*", &labels, &columns, &boxes))
        return NULL;
    Py_ssize_t rows = columns > 0 ? labels.len / 4 / columns : 0;
    memset(boxes.buf, 0, boxes.len);
    int fits = 4 * rows * columns == labels.len && boxes.len % 16 == 0 &&
               widen_boxes(labels.buf, rows, columns, boxes.buf, boxes.len / 16);
    PyBuffer_Release(&labels);
    PyBuffer_Release(&boxes);
    if (!fits) {
        PyErr_SetString(PyExc_ValueError, "shapes or labels do not fit each other");
        return NULL;
    }
    Py_RETURN_NONE;
}

/* --- minimum and maximum over squares -------------------------------------------------------------------------- */

/* out[x] = the smallest (or the largest) of `count` bytes that lie `step` apart from in[x] on */
FOR_EACH_PROCESSOR
static void smallest(uint8_t *restrict out, const uint8_t *restrict in, Py_ssize_t width, Py_ssize_t step, int count)
{
    memcpy(out, in, width);
    for (int k = 1; k < count; k++) {
        const uint8_t *other = in + k * step;
        for (Py_ssize_t x = 0; x < width; x++)
            out[x] = other[x] < out[x] ? other[x] : out[x];
    }
}

FOR_EACH_PROCESSOR
static void largest(uint8_t *restrict out, const uint8_t *restrict in, Py_ssize_t width, Py_ssize_t step, int count)
{
    memcpy(out, in, width);
    for (int k = 1; k < count; k++) {
        const uint8_t *other = in + k * step;
        for (Py_ssize_t x = 0; x < width; x++)
            out[x] = other[x] > out[x] ? other[x] : out[x];
    }
}

/* Copies a picture into the middle of `framed`, which is `half` pixels wider on each side: zeros, or the border's. */
static void frame_picture(uint8_t *framed, const uint8_t *picture, Py_ssize_t rows, Py_ssize_t columns, int half,
                          int goes_on)
{
    Py_ssize_t wide = columns + 2 * half;
    for (Py_ssize_t y = -half; y < rows + half; y++, framed += wide) {
        Py_ssize_t row = y < 0 ? 0 : y < rows ? y : rows - 1;
        const uint8_t *from = picture + row * columns;
        if (!goes_on && row != y) {
            memset(framed, 0, wide);
            continue;
        }
        memset(framed, goes_on ? from[0] : 0, half);
        memcpy(framed + half, from, columns);
        memset(framed + half + columns, goes_on ? from[columns - 1] : 0, half);
    }
}

static PyObject *over_squares(PyObject *self, PyObject *arguments)
{
    Py_buffer picture, out;
    Py_ssize_t columns;
    int side, is_largest, goes_on, failed = -1;
    if (!PyArg_ParseTuple(arguments, "y*nippw*", &picture, &columns, &side, &is_largest, &goes_on, &out))
        return NULL;
    Py_ssize_t rows = columns > 0 ? picture.len / columns : 0, half = side / 2, wide = columns + 2 * half;
    if (rows <= 0 || rows * columns != picture.len || out.len != picture.len || side < 1 || side % 2 == 0 || side > 999) {
        PyErr_SetString(PyExc_ValueError, "shapes do not fit each other");
        goto done;
    }
    uint8_t *framed = PyMem_Malloc((rows + 2 * half + 1) * wide);
    if (framed == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    uint8_t *row = framed + (rows + 2 * half) * wide;
    frame_picture(framed, picture.buf, rows, columns, (int)half, goes_on);
    for (Py_ssize_t y = 0; y < rows; y++) {
        (is_largest ? largest : smallest)(row, framed + y * wide, wide, wide, side);
        (is_largest ? largest : smallest)((uint8_t *)out.buf + y * columns, row, columns, 1, side);
    }
    PyMem_Free(framed);
    failed = 0;
done:
    PyBuffer_Release(&picture);
    PyBuffer_Release(&out);
    if (failed)
        return NULL;
    Py_RETURN_NONE;
}

/* --- each pixel's extremes over frames ------------------------------------------------------------------------- */

#define CHUNK 1024 /* pixels whose extremes are kept at hand */
#define LANES 128 /* pixels whose sums are */
#define MOST_FRAMES 180 /* whose squared sums 32 bits hold */

typedef struct {
    Py_buffer *frame;
    Py_ssize_t count;
} Frames;

static void release_frames(Frames *frames)
{
    while (frames->count > 0)
        PyBuffer_Release(frames->frame + --frames->count);
    PyMem_Free(frames->frame);
}

/* Takes up the frames of a sequence, each of `pixels` bytes; returns whether they are so. */
static int take_frames(PyObject *sequence, Frames *frames, Py_ssize_t pixels)
{
    Py_ssize_t many = PySequence_Size(sequence);
    frames->count = 0;
    frames->frame = many > 0 ? PyMem_Malloc(many * sizeof(Py_buffer)) : NULL;
    int fits = frames->frame != NULL;
    while (fits && frames->count < many) {
        PyObject *frame = PySequence_GetItem(sequence, frames->count);
        int is_read = frame != NULL && PyObject_GetBuffer(frame, frames->frame + frames->count, PyBUF_SIMPLE) == 0;
        Py_XDECREF(frame);
        if (!is_read)
            break;
        fits = frames->frame[frames->count++].len == pixels;
    }
    if (fits && frames->count == many)
        return 1;
    if (!PyErr_Occurred())
        PyErr_SetString(PyExc_ValueError, "shapes do not fit each other");
    release_frames(frames);
    return 0;
}

/* Writes the smallest and the largest value of `count` pixels from `at` on. */
FOR_EACH_PROCESSOR
static void find_extremes(const Frames *frames, Py_ssize_t at, Py_ssize_t count, uint8_t *restrict dark,
                          uint8_t *restrict bright)
{
    memcpy(dark, (const uint8_t *)frames->frame[0].buf + at, count);
    memcpy(bright, dark, count);
    for (Py_ssize_t i = 1; i < frames->count; i++) {
        const uint8_t *restrict other = (const uint8_t *)frames->frame[i].buf + at;
        for (Py_ssize_t x = 0; x < count; x++)
            dark[x] = other[x] < dark[x] ? other[x] : dark[x];
        for (Py_ssize_t x = 0; x < count; x++)
            bright[x] = other[x] > bright[x] ? other[x] : bright[x];
    }
}

static PyObject *extremes(PyObject *self, PyObject *arguments)
{
    PyObject *sequence;
    Py_buffer dark, bright;
    Frames frames;
    if (!PyArg_ParseTuple(arguments, "Ow*w*", &sequence, &dark, &bright))
        return NULL;
    int fits = take_frames(sequence, &frames, dark.len);
    if (fits && bright.len != dark.len) {
        PyErr_SetString(PyExc_ValueError, "shapes do not fit each other");
        fits = 0;
        release_frames(&frames);
    } else if (fits) {
        for (Py_ssize_t at = 0; at < dark.len; at += CHUNK)
            find_extremes(&frames, at, dark.len - at < CHUNK ? dark.len - at : CHUNK, (uint8_t *)dark.buf + at,
                          (uint8_t *)bright.buf + at);
        release_frames(&frames);
    }
    PyBuffer_Release(&dark);
    PyBuffer_Release(&bright);
    if (!fits)
        return NULL;
    Py_RETURN_NONE;
}

/* Writes which pixels of `inside` are `least` bright at least and change by `most`; returns how many are. */
FOR_EACH_PROCESSOR
static int32_t mark_still(const uint8_t *restrict dark, const uint8_t *restrict bright, const uint8_t *restrict inside,
                          Py_ssize_t count, uint8_t least, uint8_t most, uint8_t *restrict still)
{
    int32_t many = 0;
    for (Py_ssize_t x = 0; x < count; x++) {
        uint8_t change = (uint8_t)(bright[x] - dark[x]);
        still[x] = (dark[x] >= least) & (change <= most) & inside[x];
    }
    for (Py_ssize_t x = 0; x < count; x++)
        many += still[x];
    return many;
}

static void still_rows(const Frames *frames, const uint8_t *inside, Py_ssize_t rows, Py_ssize_t columns, int least, int most,
                       uint8_t *still, int32_t *counts)
{
    uint8_t dark[CHUNK], bright[CHUNK];
    for (Py_ssize_t y = 0, at = 0; y < rows; y++)
        for (Py_ssize_t end = at + columns, count; at < end; at += count) {
            count = end - at < CHUNK ? end - at : CHUNK;
            find_extremes(frames, at, count, dark, bright);
            counts[y] += mark_still(dark, bright, inside + at, count, (uint8_t)least, (uint8_t)most, still + at);
        }
}

static PyObject *find_still(PyObject *self, PyObject *arguments)
{
    PyObject *sequence;
    Py_buffer inside, still, counts;
    Frames frames;
    int least, most, fits = 0;
    if (!PyArg_ParseTuple(arguments, "Oy*iiw*w*", &sequence, &inside, &least, &most, &still, &counts))
        return NULL;
    Py_ssize_t rows = counts.len / 4, columns = rows > 0 ? inside.len / rows : 0;
    if (rows * columns != inside.len || still.len != inside.len || (least | most) < 0 || (least | most) > 255)
        PyErr_SetString(PyExc_ValueError, "shapes do not fit each other");
    else if (take_frames(sequence, &frames, inside.len)) {
        still_rows(&frames, inside.buf, rows, columns, least, most, still.buf, counts.buf);
        release_frames(&frames);
        fits = 1;
    }
    PyBuffer_Release(&inside);
    PyBuffer_Release(&still);
    PyBuffer_Release(&counts);
    if (!fits)
        return NULL;
    Py_RETURN_NONE;
}

/* Of pixels and of those a row above: their sums over the frames, those of their squares, and those of their products. */
typedef struct {
    int32_t low[LANES], high[LANES], lows[LANES], highs[LANES], both[LANES];
} Sums;

FOR_EACH_PROCESSOR
static void add_frame(Sums *restrict sums, const uint8_t *restrict row, const uint8_t *restrict above, Py_ssize_t count)
{
    for (Py_ssize_t x = 0; x < count; x++) {
        uint16_t low = row[x], high = above[x];
        sums->low[x] += low;
        sums->high[x] += high;
        sums->lows[x] += (uint16_t)(low * low);
        sums->highs[x] += (uint16_t)(high * high);
        sums->both[x] += (uint16_t)(low * high);
    }
}

/* Adds up, over the pixels that count, what they, those above and the two together vary by, times `frames` squared. */
FOR_EACH_PROCESSOR
static void add_totals(const Sums *restrict sums, int32_t frames, const uint8_t *restrict inside,
                       const uint8_t *restrict above, Py_ssize_t count, int64_t *restrict totals)
{
    int64_t low = 0, high = 0, both = 0;
    for (Py_ssize_t x = 0; x < count; x++) {
        int32_t counts = inside[x] & above[x];
        low += counts * (frames * sums->lows[x] - sums->low[x] * sums->low[x]);
        high += counts * (frames * sums->highs[x] - sums->high[x] * sums->high[x]);
        both += counts * (frames * sums->both[x] - sums->low[x] * sums->high[x]);
    }
    totals[0] += low;
    totals[1] += high;
    totals[2] += both;
}

static PyObject *sum_products(PyObject *self, PyObject *arguments)
{
    PyObject *sequence;
    Py_buffer inside, totals;
    Frames frames;
    Py_ssize_t columns;
    int fits = 0;
    if (!PyArg_ParseTuple(arguments, "Ony*w*", &sequence, &columns, &inside, &totals))
        return NULL;
    if (columns < 1 || inside.len % columns != 0 || totals.len != 3 * sizeof(int64_t))
        PyErr_SetString(PyExc_ValueError, "shapes do not fit each other");
    else if (take_frames(sequence, &frames, inside.len)) {
        fits = frames.count <= MOST_FRAMES;
        for (Py_ssize_t at = columns, count; fits && at < inside.len; at += count) {
            count = inside.len - at < LANES ? inside.len - at : LANES;
            Sums sums = {{0}};
            for (Py_ssize_t i = 0; i < frames.count; i++) {
                const uint8_t *row = (const uint8_t *)frames.frame[i].buf + at;
                add_frame(&sums, row, row - columns, count);
            }
            const uint8_t *row = (const uint8_t *)inside.buf + at;
            add_totals(&sums, (int32_t)frames.count, row, row - columns, count, totals.buf);
        }
        if (!fits)
            PyErr_SetString(PyExc_ValueError, "shapes do not fit each other");
        release_frames(&frames);
    }
    PyBuffer_Release(&inside);
    PyBuffer_Release(&totals);
    if (!fits)
        return NULL;
    Py_RETURN_NONE;
}

/* --- coloured pixels ------------------------------------------------------------------------------------------- */

/* Adds the pixels that are `inside` to counts, by level of brightness: first all, then those far from grey. */
static int count_coloured(const uint8_t *rgb, const uint8_t *inside, Py_ssize_t pixels, int far, int32_t counts[2][16])
{
    int widest = 0;
    for (Py_ssize_t i = 0; i < pixels; i++, rgb += 3) {
        if (!inside[i])
            continue;
        int red = rgb[0], green = rgb[1], blue = rgb[2];
        if (red == green && green == blue) {
            counts[0][red / 16]++;
            continue;
        }
        int brightness = 299 * red + 587 * green + 114 * blue, level = brightness / 16000;
        int lowest = red < green ? red : green, highest = red < green ? green : red;
        lowest = blue < lowest ? blue : lowest;
        highest = blue > highest ? blue : highest;
        widest = highest - lowest > widest ? highest - lowest : widest;
        int by_red = 1000 * red - brightness, by_blue = 1000 * blue - brightness;
        counts[0][level]++;
        counts[1][level] += by_red > far || by_red < -far || by_blue > far || by_blue < -far;
    }
    return widest;
}

static PyObject *count_chroma(PyObject *self, PyObject *arguments)
{
    Py_buffer rgb, inside, counts;
    int far, widest = -1;
    if (!PyArg_ParseTuple(arguments, "y*y*iw*", &rgb, &inside, &far, &counts))
        return NULL;
    if (rgb.len != 3 * inside.len || counts.len != 2 * 16 * sizeof(int32_t))
        PyErr_SetString(PyExc_ValueError, "shapes do not fit each other");
    else
        widest = count_coloured(rgb.buf, inside.buf, inside.len, far, counts.buf);
    PyBuffer_Release(&rgb);
    PyBuffer_Release(&inside);
    PyBuffer_Release(&counts);
    return widest < 0 ? NULL : PyLong_FromLong(widest);
}

/* --- the ends of rows, and their convex hull ---------------------------------------------------------------------- */

static PyObject *row_ends(PyObject *self, PyObject *arguments)
{
    Py_buffer mask, starts, ends;
    if (!PyArg_ParseTuple(arguments, "y*w*w*", &mask, &starts, &ends))
        return NULL;
    Py_ssize_t rows = starts.len / 8, columns = rows > 0 ? mask.len / rows : 0;
    int fits = rows * columns == mask.len && ends.len == starts.len && starts.len % 8 == 0;
    for (Py_ssize_t y = 0; fits && y < rows; y++) {
        const uint8_t *row = (const uint8_t *)mask.buf + y * columns, *first = memchr(row, 1, columns);
        int64_t end = columns - 1;
        while (first != NULL && row[end] == 0)
            end--;
        ((int64_t *)starts.buf)[y] = first == NULL ? -1 : first - row;
        ((int64_t *)ends.buf)[y] = first == NULL ? -1 : end;
    }
    PyBuffer_Release(&mask);
    PyBuffer_Release(&starts);
    PyBuffer_Release(&ends);
    if (!fits) {
        PyErr_SetString(PyExc_ValueError, "shapes do not fit each other");
        return NULL;
    }
    Py_RETURN_NONE;
}

/* Adds a point to the chain of `count` that bulges to smaller values of way * x; returns how many points it has then. */
static Py_ssize_t add_to_chain(double (*chain)[2], Py_ssize_t count, double x, double y, double way)
{
    while (count > 1) {
        const double *last = chain[count - 1], *first = chain[count - 2];
        double bulge = way * ((x - first[0]) * (last[1] - first[1]) - (last[0] - first[0]) * (y - first[1]));
        if (bulge > 1e-6) /* MIN_BULGE of outline.py */
            break;
        count--;
    }
    chain[count][0] = x;
    chain[count][1] = y;
    return count + 1;
}

/* Returns how many points the side has that begins (way 1) or ends (way -1) the rows at `at`. */
static Py_ssize_t find_chain(double (*chain)[2], const double *rows, const double *at, Py_ssize_t length, double way)
{
    Py_ssize_t count = 0;
    for (Py_ssize_t i = 0; i < length; i++) {
        double x = at[i] - 0.5 * way;
        int touches = i > 0 && rows[i] - rows[i - 1] == 1;
        if (!touches || way * at[i] < way * at[i - 1])
            count = add_to_chain(chain, count, x, rows[i] - 0.5, way);
        touches = i + 1 < length && rows[i + 1] - rows[i] == 1;
        if (!touches || way * at[i] <= way * at[i + 1])
            count = add_to_chain(chain, count, x, rows[i] + 0.5, way);
    }
    return count;
}

static PyObject *hull(PyObject *self, PyObject *arguments)
{
    Py_buffer view[4];
    Py_ssize_t found = -1;
    if (!PyArg_ParseTuple(arguments, "y*y*y*w*", view, view + 1, view + 2, view + 3))
        return NULL;
    Py_ssize_t length = view[0].len / 8;
    if (length < 1 || view[1].len != view[0].len || view[2].len != view[0].len || view[3].len != length * 64)
        PyErr_SetString(PyExc_ValueError, "shapes do not fit each other");
    else {
        double (*points)[2] = view[3].buf; /* the left side from above, then the right side */
        found = find_chain(points, view[0].buf, view[1].buf, length, 1);
        Py_ssize_t right = find_chain(points + found, view[0].buf, view[2].buf, length, -1);
        for (Py_ssize_t i = 0; i < found / 2; i++) { /* the left side from below: the hull then goes round */
            double x = points[i][0], y = points[i][1];
            memcpy(points[i], points[found - 1 - i], sizeof points[i]);
            points[found - 1 - i][0] = x;
            points[found - 1 - i][1] = y;
        }
        found += right;
    }
    for (int i = 0; i < 4; i++)
        PyBuffer_Release(view + i);
    return found < 0 ? NULL : PyLong_FromSsize_t(found);
}

static PyMethodDef methods[] = {
    {"hull", hull, METH_VARARGS,
     "hull(rows, starts, ends, points) -> count\n\n"
     "Write into `points` (float64 (4 * rows, 2)) the convex hull, x and y, of the pixels that start and end each of\n"
     "`rows` (float64, rising). Raises ValueError where the shapes do not fit."},
    {"row_ends", row_ends, METH_VARARGS,
     "row_ends(mask, starts, ends)\n\n"
     "Write into `starts` and `ends` (int64 (rows,)) the first and the last column of `mask` (uint8 of 0 and 1) that is lit\n"
     "in each row, -1 where none is. Raises ValueError where the shapes do not fit."},
    {"over_squares", over_squares, METH_VARARGS,
     "over_squares(picture, columns, side, is_largest, goes_on, out)\n\n"
     "Write into `out` (uint8) the smallest, or the largest, value of `picture` (uint8, `columns` wide) in the square\n"
     "of `side` (odd) pixels about each; beyond its border the picture is 0, or `goes_on` as at the border. Raises\n"
     "ValueError where the shapes do not fit."},
    {"count_chroma", count_chroma, METH_VARARGS,
     "count_chroma(rgb, inside, far, counts) -> widest\n\n"
     "Add to `counts` (int32 (2, 16)) how many pixels of `rgb` (uint8) are `inside` (uint8 of 0 and 1) at each of 16\n"
     "levels of brightness, and how many of them have a red or a blue by more than `far` thousandths off their\n"
     "brightness. Returns the widest range between the three colours of a pixel. Raises ValueError where the shapes\n"
     "do not fit."},
    {"count_labels", count_labels, METH_VARARGS,
     "count_labels(labels, mask, counts)\n\n"
     "Add to `counts` (int64) how many pixels of `mask` (uint8 of 0 and 1) carry each of `labels` (int32). Raises\n"
     "ValueError where the shapes do not fit, or a label has no place."},
    {"find_boxes", find_boxes, METH_VARARGS,
     "find_boxes(labels, columns, boxes)\n\n"
     "Write into `boxes` (int32 (labels, 4)) the first row, the one after the last, the first column and the one after\n"
     "the last of the pixels that carry each of `labels` (int32, `columns` wide) from 1; zeros where none does. Raises\n"
     "ValueError where the shapes do not fit, or a label has no box."},
    {"extremes", extremes, METH_VARARGS,
     "extremes(frames, dark, bright)\n\n"
     "Write into `dark` and `bright` (uint8) the smallest and the largest value of each pixel in `frames` (a sequence of\n"
     "uint8). Raises ValueError where the shapes do not fit."},
    {"find_still", find_still, METH_VARARGS,
     "find_still(frames, inside, least, most, still, counts)\n\n"
     "Write into `still` (uint8 of 0 and 1) which pixels of `inside` (uint8 of 0 and 1) are never darker than `least` in\n"
     "`frames` (a sequence of uint8) and change by `most` levels at most; add to `counts` (int32 (rows,))\n"
     "how many of each row are so. Raises ValueError where the shapes do not fit."},
    {"sum_products", sum_products, METH_VARARGS,
     "sum_products(frames, columns, inside, totals)\n\n"
     "Add to `totals` (int64 (3,)) the products of what `frames` (a sequence of uint8, `columns` wide) differ from their\n"
     "mean by, times the square of how many they are: of each pixel of `inside` (uint8 of 0 and 1) below another one with\n"
     "itself, of the other one with itself, and of the two. Raises ValueError where the shapes do not fit, or where there\n"
     "are more than 180 frames."},
    {"label", label, METH_VARARGS,
     "label(mask, columns, corners, labels) -> count\n\n"
     "Write into `labels` (int32) the number, from 1, of the connected part of `mask` (uint8 of 0 and 1, `columns`\n"
     "wide) that each pixel belongs to; parts that touch at `corners` only are one where that is true. Numbers go by\n"
     "each part's first pixel. Raises ValueError where the shapes do not fit."},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_pictures", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__pictures(void) { return PyModule_Create(&module); }
