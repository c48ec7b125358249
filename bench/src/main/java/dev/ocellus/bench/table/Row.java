package dev.ocellus.bench.table;

/**
 * A line of the table: what is compared and what the ratio should be.
 *
 * @param id for the files: "decode-1b-bf16"
 * @param section that measures it
 * @param work for people
 * @param unit of both figures
 * @param must ratio that must be reached
 * @param goal ratio to aim for
 */
record Row(String id, Section section, String work, String unit, double must, double goal) {

    /** Whether a smaller ratio is better. */
    boolean lowerIsBetter() {
        return goal < must;
    }

    boolean reaches(double ratio, double target) {
        return lowerIsBetter() ? ratio <= target : ratio >= target;
    }
}
