/**
 * The GPU's table: models and single kernels measured on a GPU beside its ceilings, and what a
 * model of its performance predicts.
 */
package dev.ocellus.bench.gpu;
