package dev.ocellus.bench;

/**
 * What one call of a benchmark does, from its shapes.
 *
 * @param flops floating-point operations, a multiply-add counting two
 * @param bytes bytes that must be read or written at least once
 */
public record Work(double flops, double bytes) {
    /** Of a benchmark whose time is all there is to say. */
    static final Work NONE = new Work(0, 0);
}
