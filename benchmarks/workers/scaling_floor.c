/* The network of Vogels & Abbott (2005) with fixed in-degrees in plain code: one thread, 32 bits, exponential Euler.

       floor NEURONS EXCITATORY STEPS SEED FILE

   Prints the seconds of building and of running, writes to FILE how many neurons spike in each step and then which (int32),
   and ends when its input does, so that its memory can be looked at. The model comes as macros: COBA (1: conductances
   relative to the leak, 0: currents as the mV that they amount to), K_E, K_I (in-degrees), DT, TAU, TAU_E, TAU_I, V_REST, V_TH,
   V_RESET, W_E, W_I, HELD (steps that V stays after that of the spike), and for COBA E_E, E_I, and V_START, G_E_START,
   G_I_START (mean and standard deviation, separated by a comma). */

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { AHEAD = 2 }; /* spikes */

static uint64_t counter;

static uint64_t draw(void) { /* splitmix64 */
    uint64_t x = counter += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static int below(int n) { return (draw() >> 32) * n >> 32; }

static float uniform(void) { return (draw() >> 40) * 0x1p-24f; }

static inline float normal(float mean, float deviation) {
    float radius = sqrtf(-2 * logf(1 - uniform()));
    return mean + deviation * radius * cosf(6.2831853f * uniform());
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

static void *array(size_t n, size_t size) {
    void *memory = calloc(n, size);
    if (!memory) exit(3);
    return memory;
}

/* Targets of each source, ascending. Sources are drawn twice: to count them and to fill the rows. */
static int *connect(int n, int n_exc, int64_t *start, uint64_t seed) {
    int *targets = array((size_t)n * (K_E + K_I), sizeof *targets);
    for (int fill = 0; fill < 2; fill++) {
        counter = seed;
        for (int target = 0; target < n; target++)
            for (int k = 0; k < K_E + K_I; k++) {
                int source = k < K_E ? below(n_exc) : n_exc + below(n - n_exc);
                int64_t place = start[source + 1]++;
                if (fill) targets[place] = target;
            }
        if (fill) break;
        int64_t sum = 0; /* behind each source stands the first place of its row; once filled, that of the next row */
        for (int i = 1; i <= n; i++) {
            int64_t count = start[i];
            start[i] = sum;
            sum += count;
        }
    }
    return targets;
}

static void update(int n, float *restrict V, float *restrict ge, float *restrict gi, int *restrict held, char *restrict spiked) {
    const float keep_e = expf(-DT / TAU_E), keep_i = expf(-DT / TAU_I);
    for (int i = 0; i < n; i++) {
#if COBA
        float leak = 1 + ge[i] + gi[i], limit = (V_REST + ge[i] * E_E + gi[i] * E_I) / leak, keep = expf(-DT / TAU * leak);
#else
        float limit = V_REST + ge[i] + gi[i], keep = expf(-DT / TAU);
#endif
        float moved = held[i] ? V[i] : limit + (V[i] - limit) * keep;
        int spike = moved >= V_TH;
        V[i] = spike ? V_RESET : moved;
        held[i] = spike ? HELD : held[i] - (held[i] > 0);
        spiked[i] = spike;
        ge[i] *= keep_e;
        gi[i] *= keep_i;
    }
}

/* Which neurons spiked; returns how many. */
static int collect(int n, const char *spiked, int *list) {
    int found = 0;
    for (int i = 0; i < n; i += 8) {
        uint64_t eight;
        memcpy(&eight, spiked + i, 8);
        for (; eight; eight &= eight - 1) list[found++] = i + __builtin_ctzll(eight) / 8;
    }
    return found;
}

/* Ask for the row of a spike that is to be delivered soon. */
static void fetch(const int *targets, const int64_t *row) {
    for (int64_t j = row[0]; j < row[1]; j += 16) __builtin_prefetch(targets + j);
}

int main(int argc, char **argv) {
    if (argc != 6) return 2;
    int n = atoi(argv[1]), n_exc = atoi(argv[2]), steps = atoi(argv[3]);
    double begin = now();
    int64_t *start = array(n + 1, sizeof *start);
    int *targets = connect(n, n_exc, start, atoll(argv[4]));
    float *V = array(n, sizeof *V), *ge = array(n, sizeof *ge), *gi = array(n, sizeof *gi);
    int *held = array(n, sizeof *held), *counts = array(steps, sizeof *counts), *record = NULL;
    char *spiked = array(n + 8, 1);
    for (int i = 0; i < n; i++) {
#if COBA
        V[i] = normal(V_START), ge[i] = normal(G_E_START), gi[i] = normal(G_I_START);
#else
        V[i] = V_RESET + uniform() * (V_TH - V_RESET);
#endif
    }
    double built = now();
    size_t total = 0, room = 0;
    for (int step = 0; step < steps; step++) {
        update(n, V, ge, gi, held, spiked);
        if (room < total + n && !(record = realloc(record, (room = 2 * (total + n)) * sizeof *record))) return 3;
        int *list = record + total, found = collect(n, spiked, list);
        for (int k = 0; k < found; k++) {
            if (k + AHEAD < found) fetch(targets, start + list[k + AHEAD]);
            float *g = list[k] < n_exc ? ge : gi, w = list[k] < n_exc ? W_E : W_I;
            for (int64_t j = start[list[k]]; j < start[list[k] + 1]; j++) g[targets[j]] += w;
        }
        counts[step] = found;
        total += found;
    }
    double ended = now();
    FILE *file = fopen(argv[5], "wb");
    if (!file) return 4;
    fwrite(counts, sizeof *counts, steps, file);
    fwrite(record, sizeof *record, total, file);
    fclose(file);
    printf("%.9f %.9f\n", built - begin, ended - built);
    fflush(stdout);
    while (getchar() != EOF) {}
    return 0;
}
