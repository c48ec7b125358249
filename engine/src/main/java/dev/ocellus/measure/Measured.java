package dev.ocellus.measure;

import dev.ocellus.graph.Cost;

/**
 * A piece of work and how long it took.
 *
 * @param work what was done, for people: "prefill 512"
 * @param units tokens or tiles of one run
 * @param unit tokens or tiles
 * @param seconds of one run
 * @param cost operations and bytes of one run, counted from shapes
 */
public record Measured(String work, long units, String unit, double seconds, Cost cost) {

    public double unitsPerSecond() {
        return units / seconds;
    }

    public double flopsPerSecond() {
        return cost.flops() / seconds;
    }

    public double bytesPerSecond() {
        return cost.bytes() / seconds;
    }
}
