package dev.ocellus.measure;

import dev.ocellus.graph.Cost;

import java.util.List;

/**
 * A piece of work and how long it took.
 *
 * @param work what was done, for people: "prefill 512"
 * @param threads that did it; {@link dev.ocellus.kernels.Ceilings#DEVICE} for a device of another
 *     kind
 * @param units tokens or tiles of one run
 * @param unit tokens or tiles
 * @param rounds time of each round; all works of a run have the same rounds
 * @param cost operations and bytes of one run, counted from shapes
 */
public record Measured(
        String work, int threads, long units, String unit, List<Stopwatch.Time> rounds, Cost cost) {

    public Measured {
        rounds = List.copyOf(rounds);
    }

    /** Median seconds of a run. */
    public double seconds() {
        return Medians.of(rounds.stream().mapToDouble(Stopwatch.Time::seconds).toArray());
    }

    /** Rounds in which other processes were busy all the time. */
    public long disturbed() {
        return rounds.stream().filter(Stopwatch.Time::disturbed).count();
    }

    /**
     * How many times as fast as another one of the same rounds: the median of all rounds' ratios.
     */
    public double speedup(Measured other) {
        double[] ratios = new double[rounds.size()];
        for (int i = 0; i < ratios.length; i++) {
            ratios[i] = other.rounds.get(i).seconds() / rounds.get(i).seconds();
        }
        return Medians.of(ratios);
    }

    public double unitsPerSecond() {
        return units / seconds();
    }

    /** Bytes that had to move, over the time. */
    public double bytesPerSecond() {
        return cost.bytes() / seconds();
    }

    public double flopsPerSecond() {
        return cost.flops() / seconds();
    }
}
