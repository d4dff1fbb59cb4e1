/* A stand-in for libnvidia-ml.so.1: GPUs with a known power curve, for tests without a GPU.
 *
 * Everything is asked of the environment at every call:
 *   STANDIN_GPUS     how many (1)
 *   STANDIN_WATTS    constant part of the power, in W (300), of every GPU
 *   STANDIN_SINE_W   amplitude and
 *   STANDIN_SINE_S   period of a sine on top of it (0, 1)
 *   STANDIN_TRACE    file of "seconds watts" lines, replayed (linear in between) from STANDIN_START_S
 *   STANDIN_REFRESH_S  counter and power are renewed this often (0.1)
 *   STANDIN_SQUARE_W more power (0) for STANDIN_DUTY (0.5) of every STANDIN_SQUARE_S (1)
 *   STANDIN_STEP_W   more power (0) from STANDIN_STEP_AT_S on
 *   STANDIN_COUNTER_REFRESH_S  the counter's own, where it is another
 *   STANDIN_JITTER   a renewal is late by up to this share of the period (0)
 *   STANDIN_BOXCAR_S a power reading is the mean over so long before it was renewed (0: an instant)
 *   STANDIN_ADDS     the counter adds up the power readings instead of all that is drawn (0)
 *   STANDIN_SENSOR_GAIN, STANDIN_OFFSET_W  of the sensor, under both readings (1, 0)
 *   STANDIN_NOISE_W  of a power reading, either way (0)
 *   STANDIN_MODULE_W the counter counts so much power of something else (0)
 *   STANDIN_WRAP_J   the counter starts again from zero each time it has counted so much
 *   STANDIN_NAME     of every GPU
 *   STANDIN_GAIN     the counter counts so many times the energy (1)
 *   STANDIN_RESET_S  the counter starts again from zero at this time
 *   STANDIN_LOST_S   from this time on every read answers "GPU is lost"
 *   STANDIN_NO_COUNTER, STANDIN_NO_POWER, STANDIN_NO_LIMIT  "not supported"
 *   STANDIN_DENIED   index of a GPU that may not be opened
 *   STANDIN_INIT     error code of nvmlInit
 *   STANDIN_MIXED    GPU 0 is another model than the rest
 *   STANDIN_PIDS     comma-separated ids of the processes on every GPU
 *   STANDIN_SLOWDOWN bits of the throttle reasons
 *   STANDIN_CELSIUS  temperature (40)
 * Times are seconds of CLOCK_MONOTONIC. MIG-aaaa-<i> is an instance on GPU i.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { OK = 0, INVALID = 2, NOT_SUPPORTED = 3, NO_PERMISSION = 4, NOT_FOUND = 6, TOO_SMALL = 7, LOST = 15 };
enum { MOST_GPUS = 16, MOST_POINTS = 4096 };

typedef struct { int index; int mig; } device;
static device devices[2][MOST_GPUS];

typedef struct { unsigned pid; uint64_t memory; unsigned gpu_instance, compute_instance; } process;

static double number(const char *name, double otherwise) {
    const char *said = getenv(name);
    return said && *said ? atof(said) : otherwise;
}

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Watts at t, and joules from the trace's start to t. */
static double trace(const char *path, double t, double *joules) {
    double at[MOST_POINTS], watts[MOST_POINTS], since = t - number("STANDIN_START_S", 0);
    int n = 0;
    FILE *file = fopen(path, "r");
    while (file && n < MOST_POINTS && fscanf(file, "%lf %lf", &at[n], &watts[n]) == 2) n++;
    if (file) fclose(file);
    *joules = 0;
    if (n == 0) return 0;
    if (since <= at[0]) { *joules = watts[0] * (since - at[0]); return watts[0]; }
    for (int i = 1; i < n; i++) {
        double end = since < at[i] ? since : at[i], step = end - at[i - 1];
        double power = watts[i - 1] + (watts[i] - watts[i - 1]) * step / (at[i] - at[i - 1]);
        *joules += (watts[i - 1] + power) / 2 * step;
        if (since < at[i]) return power;
    }
    *joules += watts[n - 1] * (since - at[n - 1]);
    return watts[n - 1];
}

static double part(double t) { return t - floor(t); }

static double square_j(double t) {
    double period = number("STANDIN_SQUARE_S", 1), duty = number("STANDIN_DUTY", 0.5);
    return number("STANDIN_SQUARE_W", 0) * period * (duty * floor(t / period) + fmin(part(t / period), duty));
}

static double step_j(double t) {
    return number("STANDIN_STEP_W", 0) * fmax(0, t - number("STANDIN_STEP_AT_S", INFINITY));
}

static double watts(double t) {
    double ignored, turn = 2 * M_PI / number("STANDIN_SINE_S", 1);
    const char *path = getenv("STANDIN_TRACE");
    if (path && *path) return trace(path, t, &ignored);
    return number("STANDIN_WATTS", 300) + number("STANDIN_SINE_W", 0) * sin(turn * t) +
           number("STANDIN_SQUARE_W", 0) * (part(t / number("STANDIN_SQUARE_S", 1)) < number("STANDIN_DUTY", 0.5)) +
           number("STANDIN_STEP_W", 0) * (t >= number("STANDIN_STEP_AT_S", INFINITY));
}

static double joules(double t) {
    double sum, turn = 2 * M_PI / number("STANDIN_SINE_S", 1);
    const char *path = getenv("STANDIN_TRACE");
    if (path && *path) { trace(path, t, &sum); return sum + 1e6; }
    return number("STANDIN_WATTS", 300) * t + number("STANDIN_SINE_W", 0) / turn * (1 - cos(turn * t)) +
           square_j(t) + step_j(t);
}

/* Between 0 and 1, the same for the same k. */
static double chance(int64_t k) {
    uint64_t h = (uint64_t)k * 0x9E3779B97F4A7C15u;
    h = (h ^ (h >> 29)) * 0xBF58476D1CE4E5B9u;
    return (double)((h ^ (h >> 32)) >> 11) / 9007199254740992.0;
}

static double renewal(int64_t k, double period) {
    double jitter = number("STANDIN_JITTER", 0);
    return ((double)k + (jitter > 0 ? jitter * chance(k) : 0)) * period;
}

/* The number of the last renewal before t. */
static int64_t renewed(double t, double period) {
    int64_t k = (int64_t)floor(t / period);
    return renewal(k, period) <= t ? k : k - 1;
}

static double power_period(void) { return number("STANDIN_REFRESH_S", 0.1); }

/* What the power reading of the k-th renewal says. */
static double reading(int64_t k) {
    double t = renewal(k, power_period()), over = number("STANDIN_BOXCAR_S", 0);
    double seen = over > 0 ? (joules(t) - joules(t - over)) / over : watts(t);
    double noise = number("STANDIN_NOISE_W", 0) * (2 * chance(k + 7919) - 1);
    return seen * number("STANDIN_SENSOR_GAIN", 1) + number("STANDIN_OFFSET_W", 0) + noise;
}

/* Joules that the readings add up to, from the first call on. */
static double added_up(int64_t now) {
    static int64_t last = -1;
    static double sum = 0;
    if (last < 0) last = now;
    for (; last < now; last++)
        sum += reading(last + 1) * (renewal(last + 1, power_period()) - renewal(last, power_period()));
    return sum;
}

static double counted(double t) {
    double period = number("STANDIN_COUNTER_REFRESH_S", power_period()), count;
    double at = renewal(renewed(t, period), period), reset = number("STANDIN_RESET_S", INFINITY);
    if (number("STANDIN_ADDS", 0))
        count = added_up(renewed(t, power_period()));
    else
        count = number("STANDIN_SENSOR_GAIN", 1) * (joules(at) - (at >= reset ? joules(reset) : 0)) +
                number("STANDIN_OFFSET_W", 0) * at;
    count = number("STANDIN_GAIN", 1) * count + number("STANDIN_MODULE_W", 0) * at;
    return fmod(count, number("STANDIN_WRAP_J", INFINITY));
}

static int trouble(const device *d) {
    if (now_s() >= number("STANDIN_LOST_S", INFINITY)) return LOST;
    return d->mig ? NOT_SUPPORTED : OK;
}

int nvmlInitWithFlags(unsigned flags) {
    (void)flags;
    for (int i = 0; i < MOST_GPUS; i++) {
        devices[0][i] = (device){i, 0};
        devices[1][i] = (device){i, 1};
    }
    return (int)number("STANDIN_INIT", OK);
}
int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
int nvmlShutdown(void) { return OK; }
const char *nvmlErrorString(int code) { (void)code; return "stand-in error"; }

int nvmlDeviceGetCount_v2(unsigned *count) { *count = (unsigned)number("STANDIN_GPUS", 1); return OK; }

int nvmlDeviceGetHandleByIndex_v2(unsigned index, device **out) {
    if (index >= number("STANDIN_GPUS", 1)) return INVALID;
    if (index == number("STANDIN_DENIED", -1)) return NO_PERMISSION;
    *out = &devices[0][index];
    return OK;
}

int nvmlDeviceGetHandleByUUID(const char *uuid, device **out) {
    int index;
    if (sscanf(uuid, "MIG-aaaa-%d", &index) == 1 && index >= 0 && index < number("STANDIN_GPUS", 1)) {
        *out = &devices[1][index];
        return OK;
    }
    return NOT_FOUND;
}

int nvmlDeviceGetDeviceHandleFromMigDeviceHandle(device *mig, device **out) {
    *out = &devices[0][mig->index];
    return OK;
}

int nvmlDeviceGetUUID(const device *d, char *out, unsigned size) {
    snprintf(out, size, "GPU-%d%d%d%d-standin", d->index, d->index, d->index, d->index);
    return OK;
}

int nvmlDeviceGetName(const device *d, char *out, unsigned size) {
    const char *name = getenv("STANDIN_NAME");
    if (!name || !*name) name = d->index == 0 && number("STANDIN_MIXED", 0) ? "Stand-in B" : "Stand-in A";
    snprintf(out, size, "%s", name);
    return OK;
}

int nvmlDeviceGetTotalEnergyConsumption(const device *d, uint64_t *millijoules) {
    if (trouble(d)) return trouble(d);
    if (number("STANDIN_NO_COUNTER", 0)) return NOT_SUPPORTED;
    *millijoules = (uint64_t)(1e3 * counted(now_s()));
    return OK;
}

int nvmlDeviceGetPowerUsage(const device *d, unsigned *milliwatts) {
    if (trouble(d)) return trouble(d);
    if (number("STANDIN_NO_POWER", 0)) return NOT_SUPPORTED;
    *milliwatts = (unsigned)(1e3 * reading(renewed(now_s(), power_period())));
    return OK;
}

int nvmlDeviceGetPowerManagementLimit(const device *d, unsigned *milliwatts) {
    (void)d;
    if (number("STANDIN_NO_LIMIT", 0)) return NOT_SUPPORTED;
    *milliwatts = 700000;
    return OK;
}

int nvmlDeviceGetEnforcedPowerLimit(const device *d, unsigned *milliwatts) {
    return nvmlDeviceGetPowerManagementLimit(d, milliwatts);
}

int nvmlDeviceGetArchitecture(const device *d, unsigned *architecture) {
    (void)d;
    *architecture = 7; /* Ampere */
    return OK;
}

int nvmlDeviceGetMemoryInfo(const device *d, uint64_t *total_free_used) {
    (void)d;
    for (int i = 0; i < 3; i++) total_free_used[i] = 0;
    return OK;
}

int nvmlDeviceGetCurrentClocksThrottleReasons(const device *d, unsigned long long *bits) {
    (void)d;
    *bits = (unsigned long long)number("STANDIN_SLOWDOWN", 0);
    return OK;
}

int nvmlDeviceGetTemperature(const device *d, unsigned sensor, unsigned *celsius) {
    (void)d;
    (void)sensor;
    *celsius = (unsigned)number("STANDIN_CELSIUS", 40);
    return OK;
}

int nvmlDeviceGetComputeRunningProcesses_v3(const device *d, unsigned *count, process *out) {
    const char *said = getenv("STANDIN_PIDS");
    char list[256] = "";
    unsigned n = 0;
    (void)d;
    if (said) strncpy(list, said, sizeof list - 1);
    for (char *id = strtok(list, ","); id; id = strtok(NULL, ",")) {
        if (n < *count && out) out[n] = (process){(unsigned)atoi(id), 0, 0, 0};
        n++;
    }
    int small = n > *count;
    *count = n;
    return small ? TOO_SMALL : OK;
}
