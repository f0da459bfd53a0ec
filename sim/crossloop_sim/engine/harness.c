/* The loop around one compiled design: feeds bytes and samples, watches pins, and stops only when somebody must answer.

   Included after a model (see adapters.py), which defines cl_model, cl_model_reset, cl_model_step (one rising edge),
   set_PORT(model, value), get_PORT(model, word) and the macros CL_WORDS, CL_SAMPLE..., CL_LEVEL_*, CL_CONVERSION_*.
   Valid C11 and C++17. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
#define CL_API extern "C" __attribute__((visibility("default")))
#else
#define CL_API __attribute__((visibility("default")))
#endif
#define CL_RARE(condition) __builtin_expect(!!(condition), 0)
#define CL_BITS(word, offset, width) ((word) >> (offset) & (((uint64_t)1 << (width)) - 1))

enum { CL_RUN, CL_TRIP, CL_TILE, CL_STATES, CL_LEVEL, CL_GATES, CL_CONVERSION, CL_SAMPLE }; /* crossloop_sim.events.Kind */
enum { CL_BUDGET, CL_CONVERT, CL_FRAME, CL_EVENTS_FULL, CL_BYTES_FULL, CL_IDLE };         /* simulation.Reason */
enum { CL_RECORD = 4 + 8 * CL_WORDS, CL_PER_CYCLE = 8 };

typedef struct {
    /* Shared with Python, same order as simulation._Shared. */
    uint64_t cycle;          /* rising edges since reset */
    uint64_t *events;        /* records of CL_RECORD words */
    uint64_t events_room;    /* records that fit */
    uint64_t events_count;
    uint8_t *sent;           /* bytes that the design sent */
    uint64_t sent_room;
    uint64_t sent_count;
    const uint8_t *queue;    /* bytes for the design */
    uint64_t queue_count;
    uint64_t queue_next;
    const uint64_t *samples; /* sample payloads for the design */
    uint64_t samples_count;
    uint64_t samples_next;
    uint64_t emergency_stop;
    uint64_t compliance;
    uint64_t divisor;        /* UART: clock cycles per bit */
    uint64_t quiet;          /* cycles since something last happened at any pin */
    uint64_t framing_errors; /* UART: bytes of the design without a stop bit */
    uint64_t *probes;        /* a probe's changes: cycle and CL_PROBE words each */
    uint64_t probes_room;
    uint64_t probes_count;
} cl_shared;

typedef struct {
    cl_shared shared;
    cl_model *model;
    uint64_t frame_due;      /* a frame ended in a cycle that stopped for something else */
    uint64_t running, tripped, tile;
    uint64_t states[8][CL_WORDS], gates[4][CL_WORDS];
#ifdef CL_PROBE
    uint64_t probe[CL_PROBE];
#endif
#ifdef CL_UART
    uint64_t out_shift, out_bits, out_wait;   /* towards the design: bits left, cycles left of this bit */
    uint64_t in_shift, in_bits, in_wait, in_busy;
#endif
} cl_context;

static inline uint64_t *cl_event(cl_shared *s, uint64_t kind, uint64_t a, uint64_t b) {
    uint64_t *record = s->events + CL_RECORD * s->events_count++;
    memset(record, 0, CL_RECORD * sizeof *record);
    record[0] = s->cycle; record[1] = kind; record[2] = a; record[3] = b;
    s->quiet = 0;
    return record + 4;
}

/* Compare a group of pins with its last value, word by word; nonzero when something changed. */
#define CL_WATCH(port, last) do { for (int w = 0; w < CL_WORDS; w++) changed |= (last)[w] ^ get_##port(model, w); } while (0)
#define CL_TAKE(port, last) do { for (int w = 0; w < CL_WORDS; w++) words[w] = (last)[w] = get_##port(model, w); words += CL_WORDS; } while (0)

/* The gates as they are in one tap of the cycle: `off` is a mask of those that are not on in it. */
#define CL_WATCH_TAP(port, last) do { for (int w = 0; w < CL_WORDS; w++) changed |= (last)[w] ^ (get_##port(model, w) & ~off); } while (0)
#define CL_TAKE_TAP(port, last) do { for (int w = 0; w < CL_WORDS; w++) words[w] = (last)[w] = get_##port(model, w) & ~off; words += CL_WORDS; } while (0)

#ifdef CL_GATE_HALVES
enum { CL_TAPS = 2 };
#define CL_OFF(model, tap) (0 - ((tap) ? get_gates_early(model, 0) : get_gates_late(model, 0)))
#define CL_HALVED(model) (get_gates_early(model, 0) | get_gates_late(model, 0))
#else
enum { CL_TAPS = 1 };
#define CL_OFF(model, tap) ((uint64_t)0)
#define CL_HALVED(model) ((uint64_t)0)
#endif

#ifdef CL_GATE_LINES
#define CL_WATCH_GATE_LINE_TAP(port, last) CL_WATCH_TAP(port, last)
#define CL_TAKE_GATE_LINE_TAP(port, last) CL_TAKE_TAP(port, last)
#define CL_WATCH_GATE_LINE(port, last) CL_WATCH(port, last)
#define CL_TAKE_GATE_LINE(port, last) CL_TAKE(port, last)
#else
#define CL_WATCH_GATE_LINE_TAP(port, last) do { } while (0)
#define CL_TAKE_GATE_LINE_TAP(port, last) do { words += CL_WORDS; } while (0)
#define CL_WATCH_GATE_LINE(port, last) do { } while (0)
#define CL_TAKE_GATE_LINE(port, last) do { words += CL_WORDS; } while (0)
#endif
#ifdef CL_NUDGE_LINES
#define CL_WATCH_NUDGE_LINE_TAP(port, last) CL_WATCH_TAP(port, last)
#define CL_TAKE_NUDGE_LINE_TAP(port, last) CL_TAKE_TAP(port, last)
#define CL_WATCH_NUDGE_LINE(port, last) CL_WATCH(port, last)
#define CL_TAKE_NUDGE_LINE(port, last) CL_TAKE(port, last)
#else
#define CL_WATCH_NUDGE_LINE_TAP(port, last) do { } while (0)
#define CL_TAKE_NUDGE_LINE_TAP(port, last) do { words += CL_WORDS; } while (0)
#define CL_WATCH_NUDGE_LINE(port, last) do { } while (0)
#define CL_TAKE_NUDGE_LINE(port, last) do { words += CL_WORDS; } while (0)
#endif

static inline int cl_watch(cl_context *c) {
    cl_model *model = c->model;
    cl_shared *s = &c->shared;
    int asked = 0;
    uint64_t changed = (get_running(model, 0) ^ c->running) | (get_tripped(model, 0) ^ c->tripped);
    changed |= (get_tile(model, 0) ^ c->tile) | CL_HALVED(model);
    changed |= get_level__valid(model, 0) | get_conversion__valid(model, 0);
    CL_WATCH(row_states_low, c->states[0]);
    CL_WATCH(row_states_high, c->states[1]);
    CL_WATCH(column_states_low, c->states[2]);
    CL_WATCH(column_states_high, c->states[3]);
    CL_WATCH(row_gates, c->gates[0]);
    CL_WATCH(column_gates, c->gates[1]);
    CL_WATCH_GATE_LINE(gate_line_states_low, c->states[4]);
    CL_WATCH_GATE_LINE(gate_line_states_high, c->states[5]);
    CL_WATCH_NUDGE_LINE(nudge_line_states_low, c->states[6]);
    CL_WATCH_NUDGE_LINE(nudge_line_states_high, c->states[7]);
    CL_WATCH_GATE_LINE(gate_line_gates, c->gates[2]);
    CL_WATCH_NUDGE_LINE(nudge_line_gates, c->gates[3]);
#ifdef CL_ARRAY_INSIDE
    changed |= get_samples__valid(model, 0);
#endif
    if (!CL_RARE(changed)) return 0;

    uint64_t *words;
    if (get_running(model, 0) != c->running) cl_event(s, CL_RUN, c->running = get_running(model, 0), 0);
    if (get_tripped(model, 0) != c->tripped) cl_event(s, CL_TRIP, c->tripped = get_tripped(model, 0), 0);
    if (get_tile(model, 0) != c->tile) cl_event(s, CL_TILE, c->tile = get_tile(model, 0), 0);
    changed = 0;
    CL_WATCH(row_states_low, c->states[0]);
    CL_WATCH(row_states_high, c->states[1]);
    CL_WATCH(column_states_low, c->states[2]);
    CL_WATCH(column_states_high, c->states[3]);
    CL_WATCH_GATE_LINE(gate_line_states_low, c->states[4]);
    CL_WATCH_GATE_LINE(gate_line_states_high, c->states[5]);
    CL_WATCH_NUDGE_LINE(nudge_line_states_low, c->states[6]);
    CL_WATCH_NUDGE_LINE(nudge_line_states_high, c->states[7]);
    if (changed) {
        words = cl_event(s, CL_STATES, 0, 0);
        CL_TAKE(row_states_low, c->states[0]);
        CL_TAKE(row_states_high, c->states[1]);
        CL_TAKE(column_states_low, c->states[2]);
        CL_TAKE(column_states_high, c->states[3]);
        CL_TAKE_GATE_LINE(gate_line_states_low, c->states[4]);
        CL_TAKE_GATE_LINE(gate_line_states_high, c->states[5]);
        CL_TAKE_NUDGE_LINE(nudge_line_states_low, c->states[6]);
        CL_TAKE_NUDGE_LINE(nudge_line_states_high, c->states[7]);
    }
    if (get_level__valid(model, 0)) {
        uint64_t word = get_level__payload(model, 0);
        uint64_t code = CL_BITS(word, CL_LEVEL_CODE, CL_LEVEL_CODE_WIDTH), sign = (uint64_t)1 << (CL_LEVEL_CODE_WIDTH - 1);
        words = cl_event(s, CL_LEVEL, CL_BITS(word, CL_LEVEL_FAMILY, CL_LEVEL_FAMILY_WIDTH), CL_BITS(word, CL_LEVEL_LINE, CL_LEVEL_LINE_WIDTH));
        words[0] = (code ^ sign) - sign;
    }
    for (uint64_t tap = 0; tap < CL_TAPS; tap++) {
        const uint64_t off = CL_OFF(model, tap);
        changed = 0;
        CL_WATCH_TAP(row_gates, c->gates[0]);
        CL_WATCH_TAP(column_gates, c->gates[1]);
        CL_WATCH_GATE_LINE_TAP(gate_line_gates, c->gates[2]);
        CL_WATCH_NUDGE_LINE_TAP(nudge_line_gates, c->gates[3]);
        if (!changed) continue;
        words = cl_event(s, CL_GATES, tap, 0);
        CL_TAKE_TAP(row_gates, c->gates[0]);
        CL_TAKE_TAP(column_gates, c->gates[1]);
        CL_TAKE_GATE_LINE_TAP(gate_line_gates, c->gates[2]);
        CL_TAKE_NUDGE_LINE_TAP(nudge_line_gates, c->gates[3]);
    }
    if (get_conversion__valid(model, 0)) {
        uint64_t word = get_conversion__payload(model, 0);
        words = cl_event(s, CL_CONVERSION, CL_BITS(word, CL_CONVERSION_FAMILY, 1),
                         CL_BITS(word, CL_CONVERSION_COUNT, CL_CONVERSION_COUNT_WIDTH));
        words[0] = CL_BITS(word, CL_CONVERSION_RANGE, CL_CONVERSION_RANGE_WIDTH);
        words[1] = CL_BITS(word, CL_CONVERSION_PAIR, 1);
        words[2] = CL_BITS(word, CL_CONVERSION_VOLTAGE, 1);
#ifndef CL_ARRAY_INSIDE
        asked = 1;
#endif
    }
#ifdef CL_ARRAY_INSIDE
    if (get_samples__valid(model, 0)) cl_event(s, CL_SAMPLE, 0, 0)[0] = get_samples__payload(model, 0);
#endif
    return asked;
}

#ifdef CL_PROBE
/* Note the probe if it has changed since it was noted last. */
static inline void cl_probe(cl_context *c) {
    cl_shared *s = &c->shared;
    uint64_t *last = s->probes + (CL_PROBE + 1) * s->probes_count, changed = !s->probes_count;
    for (int w = 0; w < CL_PROBE && !changed; w++) changed = c->probe[w] ^ get_probe(c->model, w);
    if (!changed) return;
    *last++ = s->cycle;
    for (int w = 0; w < CL_PROBE; w++) *last++ = c->probe[w] = get_probe(c->model, w);
    s->probes_count++;
}
#endif

/* One byte from the design; nonzero when it ends a frame and nothing more is to be sent. */
static inline int cl_sent(cl_shared *s, uint8_t octet) {
    s->sent[s->sent_count++] = octet;
    s->quiet = 0;
    return octet == 0 && s->queue_next == s->queue_count;
}

#ifdef CL_UART
/* One cycle of a soft UART (8N1): returns as cl_sent. */
static inline void cl_uart_drive(cl_context *c) {
    cl_shared *s = &c->shared;
    if (!c->out_wait) {
        if (!c->out_bits && s->queue_next < s->queue_count) {
            c->out_shift = (uint64_t)s->queue[s->queue_next++] << 1 | 0x200;
            c->out_bits = 10;
        }
        if (c->out_bits) {
            set_uart_rx(c->model, c->out_shift & 1);
            c->out_shift >>= 1;
            c->out_bits--;
            c->out_wait = s->divisor;
            s->quiet = 0;
        }
    }
    if (c->out_wait) c->out_wait--;
}

static inline int cl_uart_listen(cl_context *c) {
    cl_shared *s = &c->shared;
    uint64_t line = get_uart_tx(c->model, 0);
    if (!c->in_busy) {
        if (line) return 0;
        c->in_busy = 1; c->in_bits = 0; c->in_shift = 0;
        c->in_wait = 1 + s->divisor + s->divisor / 2;   /* to the middle of the first data bit */
    }
    s->quiet = 0;
    if (--c->in_wait) return 0;
    c->in_wait = s->divisor;
    if (c->in_bits < 8) {
        c->in_shift |= line << c->in_bits++;
        return 0;
    }
    c->in_busy = 0;
    if (!line) { s->framing_errors++; return 0; }
    return cl_sent(s, (uint8_t)c->in_shift);
}
#endif

CL_API int cl_run(cl_context *c, uint64_t max_cycles, uint64_t idle_cycles, uint64_t stop_on_frame) {
    cl_model *model = c->model;
    cl_shared *s = &c->shared;
    const uint64_t end = s->cycle + max_cycles < s->cycle ? UINT64_MAX : s->cycle + max_cycles;
    set_emergency_stop(model, s->emergency_stop);
#ifdef CL_COMPLIANCE
    set_compliance(model, s->compliance);
#endif
    while (s->cycle < end) {
        if (CL_RARE(s->events_count + CL_PER_CYCLE > s->events_room)) return CL_EVENTS_FULL;
        if (CL_RARE(s->sent_count >= s->sent_room)) return CL_BYTES_FULL;
#ifdef CL_PROBE
        if (CL_RARE(s->probes_count >= s->probes_room)) return CL_EVENTS_FULL;
#endif
        if (CL_RARE(c->frame_due)) {
            c->frame_due = 0;
            if (stop_on_frame && s->queue_next == s->queue_count) return CL_FRAME;
        }
#ifdef CL_UART
        cl_uart_drive(c);
#else
        const int octet_due = s->queue_next < s->queue_count;
        set_rx__valid(model, octet_due);
        if (octet_due) {
            set_rx__payload(model, s->queue[s->queue_next]);
            s->quiet = 0;
            s->queue_next += get_rx__ready(model, 0);
        }
#endif
#ifndef CL_ARRAY_INSIDE
        const int sample_due = s->samples_next < s->samples_count;
        set_samples__valid(model, sample_due);
        if (sample_due) {
            set_samples__payload(model, s->samples[s->samples_next]);
            s->samples_next += get_samples__ready(model, 0);
            s->quiet = 0;
        }
#endif
        cl_model_step(model);
        s->cycle++;
        s->quiet++;
#ifdef CL_PROBE
        cl_probe(c);
#endif
#ifdef CL_UART
        c->frame_due = cl_uart_listen(c);
#else
        if (CL_RARE(get_tx__valid(model, 0))) c->frame_due = cl_sent(s, (uint8_t)get_tx__payload(model, 0));
#endif
        if (CL_RARE(cl_watch(c))) return CL_CONVERT;
        if (CL_RARE(s->quiet >= idle_cycles)) return CL_IDLE;
    }
    if (c->frame_due && stop_on_frame && s->queue_next == s->queue_count) {
        c->frame_due = 0;
        return CL_FRAME;
    }
    return CL_BUDGET;
}

/* Power-on state. The buffers stay where they are. */
CL_API void cl_reset(cl_context *c) {
    cl_shared shared = c->shared;
    cl_model *model = c->model;
    memset(c, 0, sizeof *c);
    c->model = model;
    c->shared.events = shared.events; c->shared.events_room = shared.events_room;
    c->shared.sent = shared.sent; c->shared.sent_room = shared.sent_room;
    c->shared.divisor = shared.divisor;
    c->shared.probes = shared.probes; c->shared.probes_room = shared.probes_room;
    cl_model_reset(model);
#ifdef CL_UART
    set_uart_rx(model, 1);
#else
    set_tx__ready(model, 1);
#endif
    /* What the pins show at power-on is no change. */
    c->running = get_running(model, 0);
    c->tripped = get_tripped(model, 0);
    c->tile = get_tile(model, 0);
    for (int w = 0; w < CL_WORDS; w++) {
        c->states[0][w] = get_row_states_low(model, w);
        c->states[1][w] = get_row_states_high(model, w);
        c->states[2][w] = get_column_states_low(model, w);
        c->states[3][w] = get_column_states_high(model, w);
        c->gates[0][w] = get_row_gates(model, w);
        c->gates[1][w] = get_column_gates(model, w);
#ifdef CL_GATE_LINES
        c->states[4][w] = get_gate_line_states_low(model, w);
        c->states[5][w] = get_gate_line_states_high(model, w);
        c->gates[2][w] = get_gate_line_gates(model, w);
#endif
#ifdef CL_NUDGE_LINES
        c->states[6][w] = get_nudge_line_states_low(model, w);
        c->states[7][w] = get_nudge_line_states_high(model, w);
        c->gates[3][w] = get_nudge_line_gates(model, w);
#endif
    }
}

CL_API cl_context *cl_create(void) {
    cl_context *c = (cl_context *)calloc(1, sizeof *c);
    if (!c) return NULL;
    c->model = cl_model_create();
    if (!c->model) { free(c); return NULL; }
    return c;
}

CL_API void cl_destroy(cl_context *c) {
    cl_model_destroy(c->model);
    free(c);
}

CL_API uint64_t cl_record_words(void) { return CL_RECORD; }
