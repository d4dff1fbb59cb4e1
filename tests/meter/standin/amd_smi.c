/* A libamd_smi.so of GPUs that are not there, for amdsmi's real Python package. What it leaves out
 * is in stubs that answer "not supported" (written by conftest.py). Set by the environment:
 * STANDIN_AMD_GPUS, _WATTS, _NAME, _VRAM_MB, _PIDS (comma-separated), _NO_COUNTER, _NO_POWER,
 * _REVERSED (HIP numbers them the other way round), _INIT (a status that amdsmi_init answers). */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define OK 0
#define NOT_SUPPORTED 2
#define NO_DATA 40
#define RESOLUTION_UJ 15.259f

static long number(const char *name, long otherwise) {
    const char *said = getenv(name);
    return said && *said ? atol(said) : otherwise;
}

static const char *text(const char *name, const char *otherwise) {
    const char *said = getenv(name);
    return said && *said ? said : otherwise;
}

static uintptr_t gpus(void) { return (uintptr_t)number("STANDIN_AMD_GPUS", 1); }

int amdsmi_init(uint64_t flags) { (void)flags; return (int)number("STANDIN_AMD_INIT", OK); }
int amdsmi_shut_down(void) { return OK; }

/* Handles are 1, 2, ...: one socket a GPU. */
int amdsmi_get_socket_handles(uint32_t *count, void **handles) {
    if (handles)
        for (uintptr_t i = 0; i < gpus(); i++) handles[i] = (void *)(i + 1);
    *count = (uint32_t)gpus();
    return OK;
}

int amdsmi_get_processor_handles(void *socket, uint32_t *count, void **handles) {
    if (handles) handles[0] = socket;
    *count = 1;
    return OK;
}

int amdsmi_get_gpu_device_uuid(void *gpu, unsigned *length, char *uuid) {
    snprintf(uuid, *length, "amd0000-0000-0000-0000-00000000%04d", (int)(uintptr_t)gpu);
    return OK;
}

typedef struct { uint32_t render, card, hsa, hip; char uuid[256]; } Enumeration;

int amdsmi_get_gpu_enumeration_info(void *gpu, Enumeration *info) {
    uint32_t index = (uint32_t)(uintptr_t)gpu - 1;
    memset(info, 0, sizeof *info);
    info->hip = number("STANDIN_AMD_REVERSED", 0) ? (uint32_t)gpus() - 1 - index : index;
    snprintf(info->uuid, sizeof info->uuid, "GPU-%016x", (unsigned)(uintptr_t)gpu);
    return OK;
}

int amdsmi_get_gpu_asic_info(void *gpu, char *info) {
    (void)gpu;
    memset(info, 0, 256);
    strncpy(info, text("STANDIN_AMD_NAME", "AMD Instinct MI210"), 255);
    memset(info + 256, 0, 4 + 256 + 4 + 8 + 4);
    strcpy(info + 256 + 4 + 256 + 4 + 8 + 4, "00"); /* the serial number, in hexadecimal */
    return OK;
}

int amdsmi_get_gpu_vram_usage(void *gpu, uint32_t *info) {
    (void)gpu;
    info[0] = (uint32_t)number("STANDIN_AMD_VRAM_MB", 65536);
    info[1] = 0;
    return OK;
}

int amdsmi_get_power_cap_info(void *gpu, uint32_t sensor, uint64_t *info) {
    (void)gpu; (void)sensor;
    memset(info, 0, 8 * sizeof *info);
    info[0] = 300000000;
    return OK;
}

/* The second GPU of an MI250 has no sensors of its own. */
static double watts(void *gpu) {
    int second = strstr(text("STANDIN_AMD_NAME", ""), "MI250") && (uintptr_t)gpu % 2 == 0;
    return second ? 0.0 : (double)number("STANDIN_AMD_WATTS", 100);
}

int amdsmi_get_energy_count(void *gpu, uint64_t *count, float *resolution, uint64_t *stamp) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (number("STANDIN_AMD_NO_COUNTER", 0)) return NOT_SUPPORTED;
    double seconds = (double)now.tv_sec + (double)(now.tv_nsec / 1000000) / 1e3;
    *count = (uint64_t)(watts(gpu) * seconds * 1e6 / RESOLUTION_UJ);
    *resolution = RESOLUTION_UJ;
    *stamp = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    return OK;
}

typedef struct {
    uint64_t socket;
    uint32_t current, average;
    uint64_t volts[3];
    uint32_t limit, padding;
    uint64_t reserved[18];
} Power;

int amdsmi_get_power_info(void *gpu, Power *info) {
    memset(info, 0, sizeof *info);
    info->current = info->average = 0xFFFF;
    info->socket = 0xFFFF;
    if (!number("STANDIN_AMD_NO_POWER", 0)) info->average = (uint32_t)watts(gpu);
    return OK;
}

int amdsmi_get_temp_metric(void *gpu, int place, int metric, int64_t *celsius) {
    (void)gpu; (void)place; (void)metric;
    *celsius = 61000;
    return OK;
}

typedef struct {
    char name[256];
    uint32_t pid, padding;
    uint64_t memory, gfx, enc;
    uint32_t engine_reserved[12];
    uint64_t gtt, cpu, vram;
    uint32_t memory_reserved[10];
    char container[256];
    uint32_t occupancy, reserved[11];
} Process;

int amdsmi_get_gpu_process_list(void *gpu, uint32_t *count, Process *list) {
    char pids[256];
    uint32_t found = 0;
    (void)gpu;
    strncpy(pids, text("STANDIN_AMD_PIDS", ""), sizeof pids - 1);
    pids[sizeof pids - 1] = 0;
    for (char *pid = strtok(pids, ","); pid && found < *count; pid = strtok(NULL, ",")) {
        memset(&list[found], 0, sizeof *list);
        list[found++].pid = (uint32_t)atol(pid);
    }
    *count = found;
    return OK;
}
