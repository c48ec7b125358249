/** Checkpoints of any published shape with random weights or none, for benchmarks and tests. */
package dev.ocellus.loader.random;
