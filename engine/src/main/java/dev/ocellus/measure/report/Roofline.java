package dev.ocellus.measure.report;

import dev.ocellus.graph.Cost;

import java.util.List;

/**
 * Steps under the limits of a machine: how fast each one was over how much it computes for each
 * byte it moves.
 *
 * @param bytesPerSecond reading of memory at most, the slanted roof
 * @param roofs arithmetic at most, by kind of instruction
 * @param works what was measured
 * @see <a href="https://doi.org/10.1145/1498765.1498785">Williams, Waterman, Patterson: Roofline:
 *     an insightful visual performance model for multicore architectures</a>
 */
public record Roofline(double bytesPerSecond, List<Roof> roofs, List<Work> works) {

    public Roofline {
        roofs = roofs.stream().filter(r -> r.flopsPerSecond() > 0).toList();
        works = List.copyOf(works);
    }

    /**
     * @param integer whether the operations are integer ones
     * @param inUse whether the measured work can come near to it
     */
    public record Roof(String name, double flopsPerSecond, boolean integer, boolean inUse) {}

    /**
     * A piece of work and its steps.
     *
     * @param whole whether the steps are parts of a whole, so that their shares of its time matter
     */
    public record Work(String name, boolean whole, List<Step> steps) {
        public Work {
            steps = List.copyOf(steps);
        }

        double seconds() {
            return steps.stream().mapToDouble(Step::seconds).sum();
        }
    }

    /**
     * A step, or several that do the same in different layers.
     *
     * @param name for people: "linear + gelu"
     * @param place in the model, for people; may be empty
     * @param weights that it reads, for people; may be empty
     * @param family of operations it belongs to
     * @param layers the time of each single one
     * @param cost of all of them
     */
    public record Step(
            String name,
            String place,
            String weights,
            Family family,
            List<Double> layers,
            Cost cost) {
        public Step {
            layers = List.copyOf(layers);
        }

        double seconds() {
            return layers.stream().mapToDouble(Double::doubleValue).sum();
        }

        double flopsPerSecond() {
            return seconds() == 0 ? 0 : cost.flops() / seconds();
        }

        double bytesPerSecond() {
            return seconds() == 0 ? 0 : cost.bytes() / seconds();
        }
    }

    /** A family of operations: its name in the legend and its colour, as in "#2563eb". */
    public record Family(String name, String colour) {}

    /**
     * Share of what the machine can do at a step's arithmetic intensity, with the roofs in use; 0
     * if the limits are not known.
     */
    double share(Step s) {
        double peak =
                roofs.stream()
                        .filter(Roof::inUse)
                        .mapToDouble(Roof::flopsPerSecond)
                        .max()
                        .orElse(0);
        double memory = bytesPerSecond == 0 ? 0 : s.bytesPerSecond() / bytesPerSecond;
        return Math.max(memory, peak == 0 ? 0 : s.flopsPerSecond() / peak);
    }
}
