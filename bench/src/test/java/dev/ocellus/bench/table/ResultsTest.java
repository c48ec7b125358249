package dev.ocellus.bench.table;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ocellus.measure.Stopwatch;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

class ResultsTest {
    @TempDir private Path folder;

    private final List<Row> rows =
            List.of(
                    new Row("a", "decode", "tokens/s", 1.0, 1.2),
                    new Row("b", "depth", "ms", 1.3, 1.1));

    private Results results() throws IOException {
        return new Results(folder, Results.Subject.processor(), rows);
    }

    private String line(String work) throws IOException {
        return Files.readAllLines(folder.resolve("table.md")).stream()
                .filter(l -> l.startsWith("| " + work))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void aRowIsJudgedByItsTargets() throws IOException {
        Results results = results();
        results.put("a", new Outcome(110, 100, 1.1, ""));
        assertThat(line("decode")).contains("| 1.10 | 1.00 | 1.20 | ok |");
        results.put("a", new Outcome(90, 100, 0.9, ""));
        assertThat(line("decode")).contains("below");
        results.put("b", new Outcome(1, 1, 1.05, ""));
        assertThat(line("depth")).contains("≤ 1.30", "goal");
    }

    @Test
    void aLaterRunGoesOnFromTheFiles() throws IOException {
        results().put("a", new Outcome(110, 100, 1.1, "with | care"));
        Results later = results();
        assertThat(later.has(rows.get(0))).isTrue();
        assertThat(later.has(rows.get(1))).isFalse();
        later.put("a", Outcome.skipped("no peer"));
        later.put("b", Outcome.skipped("no peer"));
        assertThat(line("decode")).contains("1.10", "with / care");
        assertThat(line("depth")).contains("no peer");
    }

    @Test
    void ratiosAreTakenWithinRounds() {
        List<Stopwatch.Time> ours =
                List.of(
                        new Stopwatch.Time(1, false),
                        new Stopwatch.Time(2, true),
                        new Stopwatch.Time(2, false));
        List<Stopwatch.Time> theirs =
                List.of(
                        new Stopwatch.Time(2, false),
                        new Stopwatch.Time(2, false),
                        new Stopwatch.Time(3, false));
        Outcome o = Outcome.speeds(10, ours, theirs, "");
        assertThat(o.ours()).isEqualTo(5);
        assertThat(o.ratio()).isEqualTo(1.5);
        assertThat(o.note()).contains("1 disturbed");
    }

    @Test
    void everyRowHasAnIdOfItsOwn() {
        assertThat(Rows.all()).extracting(Row::id).doesNotHaveDuplicates();
        assertThatThrownBy(() -> Section.of("decoding")).hasMessageContaining("java-peers");
    }
}
