// Runs kernels for the tests of another process: kernelserver SET PID. Linked with the kernels, it
// answers requests on its standard input one by one, each with an int64 on its standard output,
// the first of which, zero, says that it is ready. Operands are memory that both processes map, at
// the same addresses. Ends with its input, or with a message when it can't go on; touching memory
// that is no operand is one reason.
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ocellus.h"

extern const struct instruction_set ocellus_instruction_sets[];

enum { MAP, UNMAP, UNITS, RUN };

// Its Java counterpart is the class KernelServer.
struct request {
    int64_t what;
    // Of MAP and UNMAP: address, bytes, and the file as a descriptor of the other process. Of
    // RUN: first unit and the one after the last.
    int64_t first, second, file;
    char kernel[32];
    int64_t fields;
    int64_t arguments[32];
};

static struct request request;

static void fail(const char *what) {
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static void on_fault(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)context;
    fprintf(stderr, "%s touched %p, which is no operand\n", request.kernel, info->si_addr);
    _exit(1);
}

static const struct kernel *find_kernels(const char *name) {
    for (const struct instruction_set *s = ocellus_instruction_sets; s->name; s++) {
        if (strcmp(s->name, name) == 0) {
            if (!s->supported) {
                fail("this processor does not have the instruction set");
            }
            return s->kernels;
        }
    }
    fail("there are no kernels for the instruction set");
    return NULL;
}

static const struct kernel *find_kernel(const struct kernel *k) {
    while (k->name && strcmp(k->name, request.kernel) != 0) {
        k++;
    }
    if (!k->name || k->fields != request.fields) {
        fail("no kernel has this name and this number of arguments");
    }
    return k;
}

static void map(const char *process) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%s/fd/%" PRId64, process, request.file);
    int file = open(path, O_RDWR);
    void *place = (void *)(intptr_t)request.first;
    void *mapped =
        mmap(place, (size_t)request.second, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (mapped != place) {
        fail("an operand cannot be mapped at its address");
    }
    close(file);
}

static int64_t answer(const struct kernel *kernels, const char *process) {
    switch (request.what) {
        case MAP: map(process); return 0;
        case UNMAP: return munmap((void *)(intptr_t)request.first, (size_t)request.second);
        case UNITS: return find_kernel(kernels)->units(request.arguments);
        case RUN:
            find_kernel(kernels)->run(request.arguments, request.first, request.second);
            return 0;
        default: fail("no such request"); return 0;
    }
}

static void write_answer(int64_t value) {
    if (fwrite(&value, sizeof value, 1, stdout) != 1 || fflush(stdout) != 0) {
        fail("the other process does not listen");
    }
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fail("usage: kernelserver SET PID");
    }
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    const struct kernel *kernels = find_kernels(argv[1]);
    write_answer(0);
    while (fread(&request, sizeof request, 1, stdin) == 1) {
        write_answer(answer(kernels, argv[2]));
    }
    return 0;
}
