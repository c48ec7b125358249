/** The safetensors format: a validated header over a mapped file, and a streaming writer. */
package dev.ocellus.loader.safetensors;
