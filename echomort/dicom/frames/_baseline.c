/* The luma of a baseline JPEG, how far from grey its chroma may be, and a small picture in colour, from one pass over
   its bytes.

   All are the same bytes as libjpeg-turbo's (its accurate integer transform, and the smooth upsampling). What is unusual
   in any way (progressive, several scans, RGB, a byte too many or too few) is not decoded here: the library then
   decides. Numbers of clauses are those of ITU-T T.81. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030b0000
#include <Python.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../eight.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "eight pixels are written as two little-endian numbers: on this processor the library decodes"
#endif

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__GLIBC__)
#define FOR_EACH_PROCESSOR __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define FOR_EACH_PROCESSOR
#endif
#ifdef __GNUC__
/* What a function for each processor calls is for any processor, and slow: GCC leaves out much of it otherwise. */
#define INLINE inline __attribute__((always_inline))
#else
#define INLINE inline
#endif

/* --- the bits of a scan ---------------------------------------------------------------------------------------- */

/* The next bits, the first on the left; `count` of them are read from the bytes before `next`. */
typedef struct {
    uint64_t bits;
    int count;
    const uint8_t *next;
} Bits;

/* Makes sure of 56 bits. The bytes of a scan are followed by SPARE ones. */
static INLINE void refill(Bits *from)
{
    uint64_t more = 0;
    for (int i = 0; i < 8; i++)
        more = more << 8 | from->next[i];
    from->bits |= more >> from->count;
    from->next += (63 - from->count) >> 3;
    from->count |= 56;
}

static INLINE void pass(Bits *from, int count)
{
    from->bits <<= count;
    from->count -= count;
}

/* What `size` bits, 1 to 15, stand for: the smaller half for negative values (F.2.2.1). */
static INLINE int extend(int value, int size)
{
    return value - (((1 << size) - 1) & ((value >> (size - 1)) - 1));
}

static INLINE int read_value(Bits *from, int size)
{
    int value = (int)(from->bits >> (64 - size));
    pass(from, size);
    return extend(value, size);
}

/* --- Huffman codes --------------------------------------------------------------------------------------------- */

#define AHEAD 10  /* bits that are looked up at once */
#define PASSED 12 /* bits of which all codes are passed at once */
#define AT_ONCE 3 /* codes read from 56 bits: two of AHEAD bits and one of 31, the longest with its value */
#define END 63    /* run of a code that ends its block */
#define SPARE 512 /* bytes after a scan: a block takes 64 codes of 31 bits at most, and 8 bytes are read at once */

/* `ready`: by the next AHEAD bits, a run of zeros, the value after it and how many bits the two take; 0 where they take
   more. `passing`: by the next PASSED bits, see below, once it is asked for. `symbol`: a code's symbol and length, 0
   where it is longer. `zero`: the code of symbol 0, and its length. Of longer codes: the first 16 bits after those of
   each length, and the place of the length's first symbol less its first code. */
typedef struct {
    int32_t ready[1 << AHEAD];
    uint16_t symbol[1 << AHEAD];
    uint16_t passing[1 << PASSED];
    uint32_t zero, zero_length;
    uint32_t after[18];
    int32_t place[17];
    uint8_t symbols[256];
    int is_there, is_passing;
} Codes;

static void make_ready(Codes *codes)
{
    for (int32_t ahead = 0; ahead < 1 << AHEAD; ahead++) {
        int length = codes->symbol[ahead] >> 8, run = codes->symbol[ahead] >> 4 & 15, size = codes->symbol[ahead] & 15;
        int32_t value = 0;
        codes->ready[ahead] = 0;
        if (length == 0 || length + size > AHEAD || (size == 0 && run != 0 && run != 15))
            continue;
        if (size > 0)
            value = extend(ahead >> (AHEAD - length - size) & ((1 << size) - 1), size);
        run = size == 0 && run == 0 ? END : run;
        codes->ready[ahead] = value * 65536 + run * 256 + length + size;
    }
}

/* Writes by the next PASSED bits how many of them the codes and values take that fit in them, up to the end of a block,
   how many coefficients these stand for, and whether the block ends. */
static void make_passing(Codes *codes)
{
    for (int32_t ahead = 0; ahead < 1 << PASSED; ahead++) {
        int bits = 0, coefficients = 0, ends = 0;
        while (!ends) {
            int symbol = codes->symbol[(ahead << bits & ((1 << PASSED) - 1)) >> (PASSED - AHEAD)];
            int length = symbol >> 8, run = symbol >> 4 & 15, size = symbol & 15, more = bits + length + size;
            if (length == 0 || more > PASSED || (size == 0 && run != 0 && run != 15) || coefficients + run > 62)
                break;
            bits = more;
            ends = run == 0 && size == 0;
            coefficients += ends ? 0 : run + 1;
        }
        codes->passing[ahead] = (uint16_t)(bits | coefficients << 4 | ends << 10);
    }
    codes->is_passing = 1;
}

/* Reads a table of codes (B.2.4.2, C.2) of at most `size` bytes; returns how many it took, 0 where it is none. */
static Py_ssize_t read_codes(Codes *codes, const uint8_t *table, Py_ssize_t size)
{
    uint32_t code = 0, count = 0;
    if (size < 16)
        return 0;
    memset(codes->symbol, 0, sizeof codes->symbol);
    memset(codes->symbols, 0, sizeof codes->symbols);
    codes->zero_length = 0;
    codes->is_passing = 0;
    for (int length = 1; length <= 16; length++) {
        uint32_t many = table[length - 1];
        codes->place[length] = (int32_t)count - (int32_t)code;
        if (16 + (Py_ssize_t)(count + many) > size || count + many > 256 || (many > 0 && code + many >= 1u << length))
            return 0; /* the code that is all ones is none (C.2) */
        for (uint32_t i = 0; i < many && length <= AHEAD; i++) {
            uint16_t symbol = (uint16_t)(length << 8 | table[16 + count + i]);
            for (uint32_t ahead = (code + i) << (AHEAD - length); ahead < (code + i + 1) << (AHEAD - length); ahead++)
                codes->symbol[ahead] = symbol;
            if (table[16 + count + i] == 0)
                codes->zero = code + i, codes->zero_length = (uint32_t)length;
        }
        code += many;
        count += many;
        codes->after[length] = code << (16 - length);
        code <<= 1;
    }
    codes->after[17] = UINT32_MAX;
    memcpy(codes->symbols, table + 16, count);
    codes->is_there = 1;
    return 16 + (Py_ssize_t)count;
}

/* Reads one symbol, -1 where the bits are no code. */
static INLINE int read_symbol(Bits *from, const Codes *codes)
{
    int symbol = codes->symbol[from->bits >> (64 - AHEAD)], length = AHEAD + 1;
    if (symbol != 0) {
        pass(from, symbol >> 8);
        return symbol & 255;
    }
    uint32_t code = (uint32_t)(from->bits >> 48);
    while (code >= codes->after[length])
        length++;
    if (length > 16)
        return -1;
    pass(from, length);
    return codes->symbols[((int32_t)(code >> (16 - length)) + codes->place[length]) & 255];
}

/* Reads a run of zeros and the value after it (F.2.2.2); returns the run, END after a block's last value, -1 where the
   bits are no code. What takes more than AHEAD bits leaves 56 of them. */
static INLINE int read_run(Bits *from, const Codes *codes, int *value)
{
    int32_t ready = codes->ready[from->bits >> (64 - AHEAD)];
    if (ready != 0) {
        *value = ready >> 16;
        pass(from, ready & 255);
        return ready >> 8 & 255;
    }
    int symbol = read_symbol(from, codes);
    *value = 0;
    if (symbol <= 0)
        return symbol < 0 ? -1 : END;
    if ((symbol & 15) > 0)
        *value = read_value(from, symbol & 15);
    else if (symbol != 0xF0)
        return -1;
    refill(from);
    return symbol >> 4;
}

/* --- the inverse transform ------------------------------------------------------------------------------------- */

/* A block's coefficients, row after row of the frequencies. */
typedef union {
    int16_t each[64];
    EightShort row[8];
} Coefficients;

/* Where sixteen coefficients, two columns of them, add up to `MAX_SUM` at most, no sum leaves 16 bits in the library, nor
   32 bits here. They do where all 64 do, or where the squares of all add up to `MAX_SQUARES` at most: those of pixels do
   to 1024 * 1024, and rounding adds little. */
#define MAX_SUM 5800
#define MAX_SQUARES (MAX_SUM / 4 * (MAX_SUM / 4))

/* Whether the transforms of a block are exact whose coefficients' sizes add up to `sum`. */
static __attribute__((noinline)) int is_exact(const Coefficients *of, int32_t sum)
{
    int32_t squares = 0;
    for (int i = 0; i < 64 && sum <= INT16_MAX && squares <= MAX_SQUARES; i++)
        squares += of->each[i] * of->each[i];
    return sum <= INT16_MAX && squares <= MAX_SQUARES;
}

/* One pass of the inverse cosine transform of Loeffler, Ligtenberg and Moschytz (1989), constants in 13 bits, as in the
   IJG's jidctint; the results are shifted right by `shift`, rounded. */
static INLINE void transform(EightWhole v[8], int shift)
{
    EightWhole half = (EightWhole){} + (1 << (shift - 1));
    EightWhole z1 = (v[2] + v[6]) * 4433;
    EightWhole even2 = z1 - v[6] * 15137, even3 = z1 + v[2] * 6270;
    EightWhole even0 = ((v[0] + v[4]) << 13) + half, even1 = ((v[0] - v[4]) << 13) + half;
    EightWhole a = even0 + even3, d = even0 - even3, b = even1 + even2, c = even1 - even2;
    EightWhole z5 = (v[7] + v[3] + v[5] + v[1]) * 9633;
    EightWhole z3 = z5 - (v[7] + v[3]) * 16069, z4 = z5 - (v[5] + v[1]) * 3196;
    EightWhole y1 = (v[7] + v[1]) * 7373, y2 = (v[5] + v[3]) * 20995;
    EightWhole odd0 = v[7] * 2446 - y1 + z3, odd1 = v[5] * 16819 - y2 + z4;
    EightWhole odd2 = v[3] * 25172 - y2 + z3, odd3 = v[1] * 12299 - y1 + z4;
    v[0] = (a + odd3) >> shift;
    v[7] = (a - odd3) >> shift;
    v[1] = (b + odd2) >> shift;
    v[6] = (b - odd2) >> shift;
    v[2] = (c + odd1) >> shift;
    v[5] = (c - odd1) >> shift;
    v[3] = (d + odd0) >> shift;
    v[4] = (d - odd0) >> shift;
}

/* A level as a byte: 0 at least, 255 at most. */
static INLINE uint8_t to_byte(int32_t level) { return (uint8_t)(level < 0 ? 0 : level > 255 ? 255 : level); }

/* Levels about grey as bytes. */
static INLINE void to_bytes(EightWhole *level)
{
    *level += 128;
    *level &= ~(*level >> 31);
    *level = (*level | (255 - *level) >> 31) & 255;
}

/* Writes the pixels of a block of coefficients. */
static INLINE void write_block(const Coefficients *of, uint8_t *out, Py_ssize_t columns)
{
    EightWhole v[8], left = {0}, right = {0};
    for (int i = 0; i < 8; i++)
        v[i] = __builtin_convertvector(of->row[i], EightWhole);
    transform(v, 11);
    TRANSPOSE(v);
    transform(v, 18);
    for (int i = 0; i < 8; i++)
        to_bytes(v + i);
    for (int i = 0; i < 4; i++) { /* four columns of a row lie side by side in 32 bits */
        left |= v[i] << 8 * i;
        right |= v[4 + i] << 8 * i;
    }
    for (int i = 0; i < 8; i++) {
        int32_t row[2] = {left[i], right[i]};
        memcpy(out + i * columns, row, sizeof row);
    }
}

/* Writes a block that is all of one level. */
static INLINE void write_level(int first, uint8_t *out, Py_ssize_t columns)
{
    int level = to_byte(((first + 4) >> 3) + 128);
    for (int i = 0; i < 8; i++)
        memset(out + i * columns, level, 8);
}

/* --- the small picture ----------------------------------------------------------------------------------------- */

#define GREY 128 /* chroma of grey */

/* A fourth of a picture's rows and columns: two by two pixels of each block, `columns` of them in a row of a plane. The
   planes are NULL where no small picture is asked for, or none can be made; a row of chroma is `doubled` where it has
   half the columns. All lie in one piece of memory. */
typedef struct {
    uint8_t *memory, *planes[3], *doubled[3];
    Py_ssize_t columns;
} Small;

/* The weights of the odd frequencies in the halves of a block, in 13 bits, as in the IJG's jidctred: the even ones but
   the first cancel out. */
#define HALVES {29692, -10426, 6967, -5906, 29692, -10426, 6967, -5906}

/* Writes the means of the quarters of a block, nearly, at `out` and in the row below; `last` is the place of its last
   coefficient. */
static INLINE void write_quarters(const Coefficients *of, int last, uint8_t *out, Py_ssize_t columns)
{
    EightWhole halves = HALVES, odd = {0}, first = __builtin_convertvector(of->row[0], EightWhole) * 32768;
    if (last == 0) {
        int level = to_byte(((of->each[0] + 4) >> 3) + 128);
        memset(out, level, 2);
        memset(out + columns, level, 2);
        return;
    }
    for (int i = 0; i < 4; i++)
        odd += __builtin_convertvector(of->row[2 * i + 1], EightWhole) * halves[i];
    EightWhole above = (first + odd + (1 << 12)) >> 13, below = (first - odd + (1 << 12)) >> 13;
    EightWhole change = PICK(above, below, 1, 3, 5, 7, 9, 11, 13, 15) * halves;
    change += PICK(change, change, 1, 0, 3, 2, 5, 4, 7, 6);
    int32_t changes[2] = {change[0] + change[2], change[4] + change[6]}, means[2] = {above[0], below[0]};
    for (int y = 0; y < 2; y++, out += columns) {
        out[0] = to_byte(((means[y] * 32768 + changes[y] + (1 << 19)) >> 20) + 128);
        out[1] = to_byte(((means[y] * 32768 - changes[y] + (1 << 19)) >> 20) + 128);
    }
}

/* Doubles a row of `count` samples, smoothly: three parts of the nearer one and one of the farther. */
static INLINE void double_row(const uint8_t *restrict row, Py_ssize_t count, uint8_t *restrict out)
{
    for (Py_ssize_t x = 0; x < count; x++)
        out[2 * x] = out[2 * x + 1] = row[x];
    for (Py_ssize_t x = 1; count > 2 && x < count; x++) { /* the library doubles shorter rows plainly */
        out[2 * x - 1] = (uint8_t)((3 * row[x - 1] + row[x] + 2) >> 2);
        out[2 * x] = (uint8_t)((3 * row[x] + row[x - 1] + 1) >> 2);
    }
}

/* Writes a row of pixels as red, green and blue (ITU-T T.871, in 16 bits). */
static INLINE void
write_colours(const uint8_t *luma, const uint8_t *blue, const uint8_t *red, Py_ssize_t count, uint8_t *restrict out)
{
    for (Py_ssize_t x = 0; x < count; x++, out += 3) {
        int32_t y = luma[x], u = blue[x] - 128, v = red[x] - 128;
        out[0] = to_byte(y + ((91881 * v + 32768) >> 16));
        out[1] = to_byte(y + ((-22554 * u - 46802 * v + 32768) >> 16));
        out[2] = to_byte(y + ((116130 * u + 32768) >> 16));
    }
}

/* --- the picture ----------------------------------------------------------------------------------------------- */

static const uint8_t ZIGZAG[64] = {0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,  12, 19, 26, 33, 40, 48,
                                   41, 34, 27, 20, 13, 6,  7,  14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23,
                                   30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};

typedef struct {
    int id, table; /* its identifier, and its table of steps */
    const int32_t *steps;
    const Codes *first, *others;
    int last; /* the first coefficient of the block before */
} Component;

#define MAX_UNCHANGED 56 /* bits that `refill` makes sure of */

/* The bits of blocks in succession none of which changes anything: each has its component's last level, and is flat.
   `count` is 0 where there is no such short sequence. */
typedef struct {
    uint64_t bits;
    int count;
} Unchanged;

typedef struct {
    const uint8_t *data;
    Py_ssize_t size, position;
    Py_ssize_t rows, columns;
    uint8_t *luma, *off_grey;
    const uint8_t *shown; /* the blocks of luma that are asked for, and nothing else is; NULL where all is */
    Small small;
    int count, across, down, interval; /* components, blocks of luma in a unit (A.2.3), and units between restarts */
    Component component[3];
    Unchanged chroma, unit; /* the chroma of a unit, and all of it */
    int32_t steps[4][64]; /* of quantization, in zigzag order */
    int has_steps[4];
    Codes codes[2][4];
} Picture;

#define MAX_FIRST 2047 /* of 11 bits (F.1.2.1): its product with a step of quantization stays within 32 bits */

/* Reads the first coefficient of a block (F.2.2.1); returns whether it is one that pixels have. */
static INLINE int read_first(Bits *from, Component *component)
{
    refill(from);
    int size = read_symbol(from, component->first);
    if (size < 0 || size > 11)
        return 0;
    component->last += size > 0 ? read_value(from, size) : 0;
    return abs(component->last) <= MAX_FIRST;
}

/* Reads the other coefficients of a block, into `of` unless that is NULL, and the sum of their sizes; returns the place of
   the last one, -1 where the bits are wrong. */
static INLINE int read_others(Bits *from, const Component *component, Coefficients *of, int32_t *sum)
{
    Bits bits = *from; /* the copy is kept in registers */
    int32_t last = 0, size = 0, value;
    for (int k = 1, read = 0; k < 64; k++) {
        if (read++ % AT_ONCE == 0)
            refill(&bits);
        int run = read_run(&bits, component->others, &value);
        if (run == END)
            break;
        k += run;
        if (run < 0 || k > 63)
            return -1;
        int32_t coefficient = value * component->steps[k];
        size += abs(coefficient);
        if (of != NULL)
            of->each[ZIGZAG[k]] = (int16_t)coefficient;
        last = k;
    }
    *sum = size;
    *from = bits;
    return last;
}

/* Passes a block but for its first coefficient; returns 0, -1 where the bits are wrong. */
static INLINE int pass_block(Bits *from, Component *component)
{
    if (!read_first(from, component))
        return -1;
    Bits bits = *from; /* the copy is kept in registers */
    for (int k = 0, read = 0, value; k < 63;) {
        if (read++ % AT_ONCE == 0)
            refill(&bits);
        int passing = component->others->passing[bits.bits >> (64 - PASSED)], after = k + (passing >> 4 & 63);
        if (passing != 0 && after < 63) {
            pass(&bits, passing & 15);
            k = after;
            if (passing >> 10)
                break;
            continue;
        }
        int run = read_run(&bits, component->others, &value);
        if (run == END)
            break;
        k += run + 1;
        if (run < 0 || k > 63)
            return -1;
    }
    *from = bits;
    return 0;
}

/* The place of the block at row y, column x, both 0 or more, among all: shifts take less time than signed divisions. */
static INLINE Py_ssize_t block_at(const Picture *picture, Py_ssize_t y, Py_ssize_t x)
{
    return (y >> 3) * ((picture->columns + 7) >> 3) + (x >> 3);
}

/* Whether the block of luma at row y, column x is asked for. */
static INLINE int is_shown(const Picture *picture, Py_ssize_t y, Py_ssize_t x)
{
    return picture->shown == NULL ||
           (y < picture->rows && x < picture->columns && picture->shown[block_at(picture, y, x)]);
}

/* Reads a block of luma, and the sum of its coefficients' sizes; returns the place of the last one, -1 where the bits are
   wrong. */
static INLINE int read_luma(Bits *from, Component *component, Coefficients *of, int32_t *sum)
{
    if (!read_first(from, component))
        return -1;
    int32_t first = component->last * component->steps[0];
    of->each[0] = (int16_t)first;
    int last = read_others(from, component, of, sum);
    *sum += abs(first);
    return last;
}

/* Reads a block of chroma, into `of` unless that is NULL; returns by how many eighths of a level any of its samples may
   be off grey at most, -1 where the bits are wrong. The first coefficient is worth one, another two at most (A.3.3). */
static INLINE int32_t read_chroma(Bits *from, Component *component, Coefficients *of)
{
    int32_t sum;
    if (!read_first(from, component))
        return -1;
    int32_t first = component->last * component->steps[0];
    if (of != NULL)
        of->each[0] = (int16_t)first;
    return read_others(from, component, of, &sum) < 0 ? -1 : abs(first) + 2 * sum;
}

/* Writes a block of luma at row y, column x; what lies beyond the picture is cut. */
static INLINE void place_block(Picture *picture, const Coefficients *of, int last, Py_ssize_t y, Py_ssize_t x)
{
    uint8_t whole[64], *out = picture->luma + y * picture->columns + x;
    int is_inside = y + 8 <= picture->rows && x + 8 <= picture->columns;
    uint8_t *into = is_inside ? out : whole;
    Py_ssize_t columns = is_inside ? picture->columns : 8;
    if (last == 0)
        write_level(of->each[0], into, columns);
    else
        write_block(of, into, columns);
    for (Py_ssize_t i = 0; !is_inside && i < 8 && y + i < picture->rows && x < picture->columns; i++)
        memcpy(out + i * picture->columns, whole + 8 * i, x + 8 <= picture->columns ? 8 : picture->columns - x);
}

/* Reads the chroma of a unit, and writes it into the small picture at row y, column x where one is asked for; returns by
   how many eighths of a level it may be off grey, -1 where the bits are wrong. */
static INLINE int32_t place_chroma(Picture *picture, Bits *from, Coefficients *of, int place, Py_ssize_t y, Py_ssize_t x)
{
    Small *small = &picture->small;
    if (picture->shown != NULL)
        return pass_block(from, picture->component + place);
    if (small->planes[0] == NULL)
        return read_chroma(from, picture->component + place, NULL);
    int32_t off_grey = read_chroma(from, picture->component + place, of), is_flat = off_grey == abs(of->each[0]);
    if (off_grey > MAX_SUM && !is_exact(of, off_grey))
        small->planes[0] = NULL;
    else if (off_grey > 0)
        write_quarters(of, !is_flat, small->planes[place] + y * small->columns + x, small->columns);
    if (!is_flat)
        *of = (Coefficients){.row = {{0}}};
    return off_grey;
}

/* Passes `blocks` where they come next, and chroma is grey so far; returns whether they did. */
static INLINE int pass_unchanged(Bits *from, const Picture *picture, const Unchanged *blocks)
{
    if (blocks->count == 0)
        return 0;
    refill(from);
    if (from->bits >> (64 - blocks->count) != blocks->bits || (picture->component[1].last | picture->component[2].last) != 0)
        return 0;
    pass(from, blocks->count);
    return 1;
}

/* Reads the units first..end from `bytes`, of which `size` are the scan's; returns whether they are what it holds. */
FOR_EACH_PROCESSOR
static int read_units(Picture *picture, const uint8_t *bytes, Py_ssize_t size, Py_ssize_t first, Py_ssize_t end)
{
    Py_ssize_t wide = 8 * picture->across, high = 8 * picture->down, units = (picture->columns + wide - 1) / wide;
    Py_ssize_t down = first / units, along = first % units;
    Bits from = {0, 0, bytes};
    Coefficients of = {.row = {{0}}};
    for (Py_ssize_t unit = first; unit < end; unit++) {
        Py_ssize_t top = down * high, left = along * wide;
        int is_unchanged = pass_unchanged(&from, picture, &picture->unit);
        if (is_unchanged)
            of.each[0] = (int16_t)(picture->component[0].last * picture->component[0].steps[0]);
        for (Py_ssize_t y = top; y < top + high; y += 8)
            for (Py_ssize_t x = left; x < left + wide; x += 8) {
                int32_t sum = 0;
                int shown = is_shown(picture, y, x), last = 0;
                if (!is_unchanged)
                    last = shown ? read_luma(&from, picture->component, &of, &sum) : pass_block(&from, picture->component);
                if (last < 0 || from.next > bytes + size + 8)
                    return 0;
                if (sum > MAX_SUM) { /* rare: asked for a copy, else all other blocks take longer */
                    Coefficients copy = of;
                    if (!is_exact(&copy, sum))
                        return 0;
                }
                if (shown)
                    place_block(picture, &of, last, y, x);
                if (picture->small.planes[0] != NULL)
                    write_quarters(&of, last, picture->small.planes[0] + (y >> 2) * picture->small.columns + (x >> 2),
                                   picture->small.columns);
                for (int i = 0; last > 0 && i < 8; i++)
                    of.row[i] = (EightShort){0};
            }
        int32_t off_grey = 0;
        is_unchanged = is_unchanged || pass_unchanged(&from, picture, &picture->chroma);
        for (int i = 1; i < picture->count && !is_unchanged; i++) {
            int32_t more = place_chroma(picture, &from, &of, i, 2 * down, 2 * along);
            if (more < 0 || from.next > bytes + size + 8)
                return 0;
            off_grey = more > off_grey ? more : off_grey;
        }
        off_grey = off_grey > 8 * 255 ? 255 : (off_grey + 7) / 8;
        for (Py_ssize_t y = top; off_grey > 0 && y < top + high && y < picture->rows; y += 8)
            for (Py_ssize_t x = left; x < left + wide && x < picture->columns; x += 8)
                picture->off_grey[block_at(picture, y, x)] = (uint8_t)off_grey;
        if (++along == units)
            along = 0, down++;
    }
    Py_ssize_t over = 8 * size - (8 * (from.next - bytes) - from.count);
    int is_filled = picture->interval == 0 && size > 0 && bytes[size - 1] == 255; /* some writers fill a byte more */
    return over >= 0 && over < (is_filled ? 16 : 8);
}

/* Copies the scan's bytes up to the next marker, without the zero after each 255 (B.1.1.5); returns how many. */
static Py_ssize_t copy_scan(Picture *picture, uint8_t *into)
{
    const uint8_t *at = picture->data + picture->position, *end = picture->data + picture->size;
    uint8_t *out = into;
    while (at < end) {
        const uint8_t *fill = memchr(at, 255, end - at);
        Py_ssize_t plain = (fill == NULL ? end : fill) - at;
        memcpy(out, at, plain);
        out += plain;
        at += plain;
        if (end - at < 2 || at[1] != 0)
            break;
        *out++ = 255;
        at += 2;
    }
    picture->position = at - picture->data;
    memset(out, 0, SPARE);
    return out - into;
}

/* Reads the one scan, from restart to restart (E.2.4), up to the end marker; returns whether all is as it should be. */
static int read_scan(Picture *picture, uint8_t *bytes)
{
    Py_ssize_t wide = 8 * picture->across, high = 8 * picture->down;
    Py_ssize_t units = ((picture->columns + wide - 1) / wide) * ((picture->rows + high - 1) / high);
    Py_ssize_t interval = picture->interval ? picture->interval : units;
    for (Py_ssize_t first = 0, restarts = 0; first < units; first += interval, restarts++) {
        Py_ssize_t size = copy_scan(picture, bytes), end = first + interval < units ? first + interval : units;
        for (int i = 0; i < picture->count; i++)
            picture->component[i].last = 0;
        if (!read_units(picture, bytes, size, first, end) || picture->size - picture->position < 2)
            return 0;
        int marker = picture->data[picture->position + 1];
        if (marker != (end == units ? 0xD9 : 0xD0 + restarts % 8))
            return 0;
        picture->position += 2;
    }
    return 1;
}

/* Makes room for the small picture, where its chroma is as high as luma; returns whether there is memory for it. */
static int begin_small(Picture *picture)
{
    Small *small = &picture->small;
    Py_ssize_t wide = 8 * picture->across, units = (picture->columns + wide - 1) / wide, lines = (picture->rows + 7) / 8;
    if (picture->count != 3 || picture->across > 2 || picture->down > 1)
        return 1;
    small->columns = 2 * picture->across * units;
    Py_ssize_t plane = 2 * lines * small->columns;
    small->memory = PyMem_Malloc(3 * (plane + small->columns));
    if (small->memory == NULL)
        return 0;
    memset(small->memory, GREY, 3 * plane);
    for (int i = 0; i < 3; i++) {
        small->planes[i] = small->memory + i * plane;
        small->doubled[i] = small->memory + 3 * plane + i * small->columns;
    }
    return 1;
}

/* Writes the small picture into `out`. */
FOR_EACH_PROCESSOR
static void write_small(const Picture *picture, uint8_t *out)
{
    Py_ssize_t rows = (picture->rows + 3) / 4, columns = (picture->columns + 3) / 4;
    Py_ssize_t samples = picture->across == 2 ? (columns + 1) / 2 : columns;
    for (Py_ssize_t y = 0; y < rows; y++, out += 3 * columns) {
        uint8_t *row[3];
        for (int i = 0; i < 3; i++)
            row[i] = picture->small.planes[i] + y * picture->small.columns;
        Py_ssize_t first = 0, end = samples; /* of the samples that are not grey */
        while (first < end && row[1][first] == GREY && row[2][first] == GREY)
            first++;
        while (first < end && row[1][end - 1] == GREY && row[2][end - 1] == GREY)
            end--;
        for (Py_ssize_t x = 0; x < columns; x++)
            out[3 * x] = out[3 * x + 1] = out[3 * x + 2] = row[0][x];
        if (first == end)
            continue;
        for (int i = 1; i < 3 && picture->across == 2; i++) {
            double_row(row[i], samples, picture->small.doubled[i]);
            row[i] = picture->small.doubled[i];
        }
        first = first > 0 ? picture->across * first - 1 : 0; /* its colour reaches half a sample farther */
        end = picture->across * end + 1 < columns ? picture->across * end + 1 : columns;
        write_colours(row[0] + first, row[1] + first, row[2] + first, end - first, out + 3 * first);
    }
}

/* --- the segments before the scan ------------------------------------------------------------------------------ */

/* Quantization tables (B.2.4.1), of 8 bits. */
static int read_steps(Picture *picture, const uint8_t *segment, Py_ssize_t size)
{
    for (; size >= 65; segment += 65, size -= 65) {
        if (segment[0] > 3 || memchr(segment + 1, 0, 64) != NULL)
            return 0;
        for (int k = 0; k < 64; k++)
            picture->steps[segment[0]][k] = segment[1 + k];
        picture->has_steps[segment[0]] = 1;
    }
    return size == 0;
}

/* Huffman tables (B.2.4.2). */
static int read_tables(Picture *picture, const uint8_t *segment, Py_ssize_t size)
{
    while (size > 0) {
        int kind = segment[0] >> 4, place = segment[0] & 15;
        Py_ssize_t taken = kind > 1 || place > 3 ? 0 : read_codes(&picture->codes[kind][place], segment + 1, size - 1);
        if (taken == 0)
            return 0;
        if (kind == 1)
            make_ready(&picture->codes[kind][place]);
        for (Py_ssize_t i = 16; kind == 0 && i < taken; i++)
            if (segment[1 + i] > 15)
                return 0;
        segment += 1 + taken;
        size -= 1 + taken;
    }
    return 1;
}

/* The frame header (B.2.2): 8 bits, the size asked for, luma alone or with two of chroma, of one block in each unit. */
static int read_frame(Picture *picture, const uint8_t *segment, Py_ssize_t size)
{
    if (picture->count || size < 6 || segment[0] != 8 || (segment[1] << 8 | segment[2]) != picture->rows ||
        (segment[3] << 8 | segment[4]) != picture->columns || (segment[5] != 1 && segment[5] != 3) ||
        size != 6 + 3 * segment[5])
        return 0;
    picture->count = segment[5];
    int across = segment[7] >> 4, down = segment[7] & 15;
    int fits = across > 0 && down > 0 && across * down <= 4 && across != 3 && down != 3;
    picture->across = picture->count == 1 ? 1 : across; /* luma alone is not interleaved (A.2.2) */
    picture->down = picture->count == 1 ? 1 : down;
    for (int i = 0; i < picture->count; i++) {
        const uint8_t *told = segment + 6 + 3 * i;
        picture->component[i].id = told[0];
        picture->component[i].table = told[2];
        fits = fits && told[2] <= 3 && (i == 0 || told[1] == 0x11);
    }
    int is_rgb = picture->count == 3 && segment[6] == 'R' && segment[9] == 'G' && segment[12] == 'B';
    return fits && !is_rgb;
}

/* The scan header (B.2.3): all components in one scan. */
static int read_scan_header(Picture *picture, const uint8_t *segment, Py_ssize_t size)
{
    if (!picture->count || size != 4 + 2 * picture->count || segment[0] != picture->count || segment[size - 3] != 0 ||
        segment[size - 2] != 63 || segment[size - 1] != 0)
        return 0;
    for (int i = 0; i < picture->count; i++) {
        const uint8_t *told = segment + 1 + 2 * i;
        Component *component = picture->component + i;
        if (told[0] != component->id || told[1] >> 4 > 3 || (told[1] & 15) > 3)
            return 0;
        component->first = &picture->codes[0][told[1] >> 4];
        component->others = &picture->codes[1][told[1] & 15];
        component->steps = picture->steps[component->table];
        if (!component->first->is_there || !component->others->is_there || !picture->has_steps[component->table])
            return 0;
    }
    return 1;
}

/* Puts after `blocks` one of a component whose bits say that nothing changes. */
static void add_unchanged(Unchanged *blocks, const Component *component)
{
    const Codes *codes[2] = {component->first, component->others};
    for (int i = 0; i < 2; i++) {
        blocks->bits = blocks->bits << codes[i]->zero_length | codes[i]->zero;
        blocks->count += codes[i]->zero_length > 0 ? (int)codes[i]->zero_length : MAX_UNCHANGED + 1;
    }
}

/* Finds out with which bits a unit, and its chroma, changes nothing. */
static void find_unchanged(Picture *picture)
{
    for (int i = 0; i < picture->across * picture->down; i++)
        add_unchanged(&picture->unit, picture->component);
    for (int i = 1; i < picture->count; i++) {
        add_unchanged(&picture->unit, picture->component + i);
        add_unchanged(&picture->chroma, picture->component + i);
    }
    if (picture->unit.count > MAX_UNCHANGED)
        picture->unit.count = 0;
    if (picture->chroma.count > MAX_UNCHANGED)
        picture->chroma.count = 0;
}

/* Reads the segments up to the scan (B.2); returns whether a picture of the usual kind begins there. */
static int read_segments(Picture *picture)
{
    const uint8_t *data = picture->data;
    if (picture->size < 2 || data[0] != 0xFF || data[1] != 0xD8)
        return 0;
    for (Py_ssize_t at = 2; at + 4 <= picture->size;) {
        int marker = data[at + 1], is_known = data[at] == 0xFF;
        Py_ssize_t size = (data[at + 2] << 8 | data[at + 3]) - 2;
        const uint8_t *segment = data + at + 4;
        at += 4 + size;
        if (!is_known || size < 0 || at > picture->size)
            return 0;
        if (marker == 0xDB)
            is_known = read_steps(picture, segment, size);
        else if (marker == 0xC4)
            is_known = read_tables(picture, segment, size);
        else if (marker == 0xC0 || marker == 0xC1)
            is_known = read_frame(picture, segment, size);
        else if (marker == 0xDD)
            is_known = size == 2 && (picture->interval = segment[0] << 8 | segment[1], 1);
        else if (marker == 0xE0 && size >= 14 && memcmp(segment, "JFIF", 5) == 0)
            is_known = segment[5] == 1; /* its version */
        else if (marker == 0xEE) /* Adobe's: 0 where the components are not luma and chroma */
            is_known = size >= 12 && memcmp(segment, "Adobe", 5) == 0 && segment[11] == 1;
        else if (marker == 0xDA) {
            picture->position = at;
            if (!read_scan_header(picture, segment, size))
                return 0;
            find_unchanged(picture);
            return 1;
        } else
            is_known = (marker >= 0xE0 && marker <= 0xEF) || marker == 0xFE;
        if (!is_known)
            return 0;
    }
    return 0;
}

#define MAX_HEADER 4096 /* bytes before a scan that are kept: the tables that ITU-T T.81 suggests take 600 */

/* The picture decoded last, and the bytes before its scan: the frames of a loop mostly begin with the same ones, and to
   read them takes a twelfth of a small frame's time. Callers hold the interpreter's lock. */
static Picture kept;
static uint8_t header[MAX_HEADER];
static Py_ssize_t header_size = 0;

/* Makes `picture` ready for its scan; returns whether it is one of the usual kind. */
static int begin_picture(Picture *picture, const uint8_t *data, Py_ssize_t size, Py_ssize_t rows, Py_ssize_t columns)
{
    int is_known = header_size > 0 && picture->rows == rows && picture->columns == columns && size > header_size &&
                   memcmp(data, header, header_size) == 0;
    if (!is_known) {
        header_size = 0;
        memset(picture, 0, offsetof(Picture, codes));
        for (int i = 0; i < 8; i++)
            picture->codes[i / 4][i % 4].is_there = 0;
        picture->rows = rows, picture->columns = columns;
    }
    picture->data = data, picture->size = size, picture->small = (Small){0};
    if (is_known)
        picture->position = header_size;
    else if (!read_segments(picture))
        return 0;
    if (!is_known && picture->position <= MAX_HEADER) {
        header_size = picture->position;
        memcpy(header, data, header_size);
    }
    return 1;
}

static PyObject *decode(PyObject *self, PyObject *arguments)
{
    Py_buffer data, luma, off_grey, small, shown;
    Py_ssize_t columns;
    if (!PyArg_ParseTuple(arguments, "y*nw*w*w*y*", &data, &columns, &luma, &off_grey, &small, &shown))
        return NULL;
    int written = -1;
    Py_ssize_t rows = columns > 0 ? luma.len / columns : 0;
    uint8_t *bytes = PyMem_Malloc(data.len + SPARE);
    Py_ssize_t blocks = (rows + 7) / 8 * ((columns + 7) / 8), quarters = (rows + 3) / 4 * ((columns + 3) / 4);
    if (rows <= 0 || rows * columns != luma.len || (small.len != 0 && 3 * quarters != small.len) ||
        (shown.len == 0 ? off_grey.len != blocks : shown.len != blocks || off_grey.len != 0 || small.len != 0))
        PyErr_SetString(PyExc_ValueError, "shapes do not fit each other");
    else if (bytes == NULL)
        PyErr_NoMemory();
    else {
        memset(off_grey.buf, 0, off_grey.len);
        int is_usual = begin_picture(&kept, data.buf, data.len, rows, columns);
        kept.luma = luma.buf, kept.off_grey = off_grey.buf, kept.shown = shown.len != 0 ? shown.buf : NULL;
        for (int i = 0; is_usual && kept.shown != NULL && i < 4; i++)
            if (kept.codes[1][i].is_there && !kept.codes[1][i].is_passing)
                make_passing(&kept.codes[1][i]);
        if (is_usual && small.len != 0 && !begin_small(&kept))
            PyErr_NoMemory();
        else
            written = is_usual && read_scan(&kept, bytes);
        if (written == 1 && kept.small.planes[0] != NULL) {
            write_small(&kept, small.buf);
            written = 2;
        }
        PyMem_Free(kept.small.memory);
    }
    PyMem_Free(bytes);
    PyBuffer_Release(&data);
    PyBuffer_Release(&luma);
    PyBuffer_Release(&off_grey);
    PyBuffer_Release(&small);
    PyBuffer_Release(&shown);
    return written < 0 ? NULL : PyLong_FromLong(written);
}

static PyMethodDef methods[] = {
    {"decode", decode, METH_VARARGS,
     "decode(data, columns, luma, off_grey, small, shown) -> int\n\n"
     "Write into `luma` (uint8, `columns` wide) the luma of the baseline JPEG that is `data`, into `off_grey` (uint8, a\n"
     "value for each block of 8x8 pixels) by how many levels any sample of its chroma may be off grey at most, and into\n"
     "`small` (uint8) a fourth of its rows and columns as red, green and blue, unless that is of size 0. Where `shown`\n"
     "(uint8, a value for each block) is not of size 0, luma alone is written, not in the blocks of value 0, and the\n"
     "other two must be of size 0. Returns 2 where all is written, 1 where a small picture was not asked for or can't be\n"
     "made here, and 0 where what is written is of no use: the picture has another size or is anything but a whole, usual\n"
     "baseline JPEG. Raises ValueError where the shapes do not fit."},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_baseline", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__baseline(void) { return PyModule_Create(&module); }
