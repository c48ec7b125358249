/**
 * Files to tensors. {@link dev.ocellus.loader.Checkpoint} opens a model folder, {@link
 * dev.ocellus.loader.Weights} finds tensors in it by name, {@link
 * dev.ocellus.loader.CheckpointWriter} writes one.
 */
package dev.ocellus.loader;
