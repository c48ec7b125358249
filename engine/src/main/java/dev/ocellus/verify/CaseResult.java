package dev.ocellus.verify;

import java.util.List;

/**
 * What came of a case: one verdict for each expected tensor, or a single one that says why it could
 * not run.
 */
public record CaseResult(String name, List<Verdict> verdicts) {

    public boolean passed() {
        return verdicts.stream().allMatch(Verdict::passed);
    }
}
