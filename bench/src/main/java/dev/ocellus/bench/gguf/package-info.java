/**
 * Writes checkpoints in the GGUF format (version 3), so that llama.cpp can be measured on the same
 * weights. For benchmarks: a twin has the model's numbers, but only as much of its tokenizer as
 * loading needs.
 */
package dev.ocellus.bench.gguf;
