// Measures llama.cpp through its C interface: reads commands, one a line, and answers each with one
// line. Arguments: model file, threads, longest context.
//
//   tune P D         does P prompt tokens and D new ones with and without flash attention and keeps
//                    the faster way of each; answers which ones
//   prefill N        N prompt tokens into an empty cache; answers "cpu-seconds wall-seconds"
//   decode N         N tokens one by one after the last prompt; answers likewise
//   logits FILE ID.. the prompt's last logits, written as float32; answers how many
//
// CPU seconds are those of the whole process.
#include "llama.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCH 2048
#define MAX_LINE (1 << 16)

typedef struct {
    double cpu;
    double wall;
} seconds;

static struct llama_model *model;
// Without and with flash attention.
static struct llama_context *contexts[2];
static int prompt[2];
static int prefill_way = 0;
static int decode_way = 0;
static llama_token *tokens;

static double read_clock(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

static seconds now(void) {
    return (seconds){read_clock(CLOCK_PROCESS_CPUTIME_ID), read_clock(CLOCK_MONOTONIC)};
}

static seconds since(seconds start) {
    seconds end = now();
    return (seconds){end.cpu - start.cpu, end.wall - start.wall};
}

static void fail(const char *what) {
    fprintf(stderr, "llama_driver: %s\n", what);
    exit(1);
}

static void ignore_log(enum ggml_log_level level, const char *text, void *data) {
    (void)data;
    if (level == GGML_LOG_LEVEL_ERROR) {
        fputs(text, stderr);
    }
}

static void append(struct llama_context *c, llama_token *ids, int n) {
    for (int at = 0; at < n; at += BATCH) {
        int rows = n - at < BATCH ? n - at : BATCH;
        if (llama_decode(c, llama_batch_get_one(ids + at, rows)) != 0) {
            fail("llama_decode failed");
        }
    }
    llama_synchronize(c);
}

static seconds prefill(int way, int n) {
    llama_memory_clear(llama_get_memory(contexts[way]), true);
    prompt[way] = n;
    seconds start = now();
    append(contexts[way], tokens, n);
    return since(start);
}

static seconds decode(int way, int n) {
    llama_memory_seq_rm(llama_get_memory(contexts[way]), 0, prompt[way], -1);
    seconds start = now();
    for (int i = 0; i < n; i++) {
        append(contexts[way], tokens + i % 32, 1);
    }
    return since(start);
}

static void tune(int prompt_tokens, int new_tokens) {
    double p[2];
    double d[2];
    for (int round = 0; round < 2; round++) {
        for (int way = 0; way < 2; way++) {
            p[way] = prefill(way, prompt_tokens).cpu;
            d[way] = decode(way, new_tokens).cpu;
        }
    }
    prefill_way = p[1] < p[0];
    decode_way = d[1] < d[0];
    printf("flash attention: prefill %s, decode %s\n", prefill_way ? "on" : "off",
           decode_way ? "on" : "off");
}

static void logits(char *arguments) {
    char *file = strtok(arguments, " \n");
    int n = 0;
    llama_token *ids = malloc(MAX_LINE * sizeof(llama_token));
    for (char *id = strtok(NULL, " \n"); id != NULL; id = strtok(NULL, " \n")) {
        ids[n++] = atoi(id);
    }
    llama_memory_clear(llama_get_memory(contexts[0]), true);
    append(contexts[0], ids, n);
    free(ids);
    int count = llama_vocab_n_tokens(llama_model_get_vocab(model));
    FILE *out = fopen(file, "wb");
    if (out == NULL
        || fwrite(llama_get_logits_ith(contexts[0], -1), sizeof(float), count, out)
               != (size_t)count
        || fclose(out) != 0) {
        fail("cannot write the logits");
    }
    printf("%d\n", count);
}

static void answer(seconds s) {
    printf("%.9f %.9f\n", s.cpu, s.wall);
}

static void serve(char *line) {
    int a;
    int b;
    if (sscanf(line, "tune %d %d", &a, &b) == 2) {
        tune(a, b);
    } else if (sscanf(line, "prefill %d", &a) == 1) {
        // The other context keeps the prompt that its turn of decoding goes on from.
        answer(prefill(prefill_way, a));
    } else if (sscanf(line, "decode %d", &a) == 1) {
        answer(decode(decode_way, a));
    } else if (strncmp(line, "logits ", 7) == 0) {
        logits(line + 7);
    } else {
        fail("unknown command");
    }
    fflush(stdout);
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fail("arguments: model file, threads, longest context");
    }
    int threads = atoi(argv[2]);
    int context = atoi(argv[3]);
    llama_log_set(ignore_log, NULL);
    llama_backend_init();
    struct llama_model_params m = llama_model_default_params();
    m.n_gpu_layers = 0;
    model = llama_model_load_from_file(argv[1], m);
    if (model == NULL) {
        fail("cannot load the model");
    }
    for (int way = 0; way < 2; way++) {
        struct llama_context_params c = llama_context_default_params();
        c.n_ctx = context;
        c.n_batch = BATCH;
        c.n_ubatch = 512;
        c.n_threads = threads;
        c.n_threads_batch = threads;
        c.no_perf = true;
        c.flash_attn_type =
            way == 0 ? LLAMA_FLASH_ATTN_TYPE_DISABLED : LLAMA_FLASH_ATTN_TYPE_ENABLED;
        contexts[way] = llama_init_from_model(model, c);
        if (contexts[way] == NULL) {
            fail("cannot make a context");
        }
    }
    int vocabulary = llama_vocab_n_tokens(llama_model_get_vocab(model));
    tokens = malloc(context * sizeof(llama_token));
    srand(1);
    for (int i = 0; i < context; i++) {
        tokens[i] = rand() % vocabulary;
    }
    printf("ready\n");
    fflush(stdout);
    char *line = malloc(MAX_LINE);
    while (fgets(line, MAX_LINE, stdin) != NULL) {
        serve(line);
    }
    return 0;
}
