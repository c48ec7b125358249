/** Writes checkpoints whose matrices are packed for kernels, rounded to fewer bits if wanted. */
package dev.ocellus.quantize;
