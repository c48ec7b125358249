/**
 * Image files to pixel tensors.
 *
 * <p>{@link dev.ocellus.loader.image.ImageDecoder} turns a file into stored 8-bit RGB pixels, and
 * {@link dev.ocellus.loader.image.ImagePreprocessor} scales them and makes the {@code pixel_values}
 * a vision tower reads. Every step gives the numbers of the published preprocessing, which runs on
 * Pillow: the pixels are those of Pillow's {@code convert("RGB")}, so colour profiles and gamma are
 * ignored and alpha is dropped, not blended.
 */
package dev.ocellus.loader.image;
