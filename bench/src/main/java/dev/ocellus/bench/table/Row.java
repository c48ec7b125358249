package dev.ocellus.bench.table;

/**
 * A line of the table: what is compared and what the ratio should be.
 *
 * @param id for the files: "decode-1b-bf16"
 * @param work for people
 * @param unit of both figures
 * @param must ratio that must be reached; 0 if the row has no target
 * @param goal ratio to aim for
 */
public record Row(String id, String work, String unit, double must, double goal) {

    /** Whether a smaller ratio is better. */
    boolean lowerIsBetter() {
        return goal < must;
    }

    boolean reaches(double ratio, double target) {
        return lowerIsBetter() ? ratio <= target : ratio >= target;
    }
}
