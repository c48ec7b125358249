package dev.ocellus.bench.gpu;

/** x */
public final class GpuTable {
    static final String GPU = "gpu";
}
