package dev.ocellus.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import dev.ocellus.graph.Cost;
import dev.ocellus.graph.Graph;
import dev.ocellus.graph.SmallModels;
import dev.ocellus.graph.Workload;
import dev.ocellus.graph.draw.Detail;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.scalar.ScalarProvider;
import dev.ocellus.plan.Plan;
import dev.ocellus.plan.PlanOptions;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** Profiles with made-up times, as tables and as traces. */
class ProfileTableTest {
    private static final Workload FULL = Workload.full(0);

    @TempDir Path folder;
    private Plan plan;
    private Profile profile;

    @BeforeEach
    void plan() throws IOException {
        Graph vit = SmallModels.vit(new SmallModels.Vit(3, 16, 24, 2, 28, false), folder);
        plan = Plan.of(vit, new PlanOptions(ComputeType.F32), new ScalarProvider()::scratchBytes);
        profile = new Profile(plan);
    }

    /** Step i takes (i + 1) microseconds; a run starts every millisecond. */
    private void run(int times) {
        for (int r = 0; r < times; r++) {
            profile.begin();
            long at = 5_000_000 + r * 1_000_000L;
            for (int i = 0; i < plan.fusedNodes().size(); i++) {
                profile.add(i, at, 1000 * (i + 1));
                at += 1000 * (i + 1);
            }
            profile.end();
        }
    }

    @Test
    void timesAreThoseOfAMeanRun() {
        run(4);
        int steps = plan.fusedNodes().size();
        ProfileTable every = ProfileTable.of(profile, FULL, Detail.EVERY_LAYER);
        assertThat(every.rows()).hasSize(steps);
        assertThat(every.rows().get(2).seconds()).isCloseTo(3e-6, within(1e-12));
        assertThat(every.total().seconds())
                .isCloseTo(steps * (steps + 1) / 2 * 1e-6, within(1e-12));
    }

    @Test
    void layersFold() {
        run(2);
        ProfileTable folded = ProfileTable.of(profile, FULL, Detail.FOLDED);
        assertThat(folded.rows()).hasSize(3 + 7);
        ProfileTable.Row qkv = folded.rows().get(4);
        assertThat(qkv.operations()).isEqualTo("3 × linear");
        assertThat(qkv.times()).isEqualTo(3);
        // Steps 4, 11 and 18.
        assertThat(qkv.seconds()).isCloseTo((5 + 12 + 19) * 1e-6, within(1e-12));
        assertThat(qkv.cost()).isEqualTo(plan.costs(FULL).get(4).times(3));
        assertThat(qkv.flopsPerSecond()).isCloseTo(qkv.cost().flops() / 36e-6, within(1.0));
        assertThat(qkv.bytesPerSecond()).isCloseTo(qkv.cost().bytes() / 36e-6, within(1.0));
        assertThat(folded.total().cost())
                .isEqualTo(plan.costs(FULL).stream().reduce(Cost.NONE, Cost::plus));
    }

    @Test
    void theTextNamesSharesOfTheCeilings() {
        run(1);
        ProfileTable table = ProfileTable.of(profile, FULL, Detail.FOLDED);
        ProfileTable.Row total = table.total();
        List<String> lines =
                table.text(4 * total.flopsPerSecond(), 8 * total.bytesPerSecond()).lines().toList();
        assertThat(lines).hasSize(1 + 2 + 10 + 1);
        assertThat(lines.getFirst()).endsWith(", one run");
        assertThat(lines.getLast()).contains("100 %", "25.0 %", "12.5 %");
        assertThat(table.text().lines().toList().getLast()).doesNotContain("25.0 %", "12.5 %");
    }

    @Test
    void anEmptyProfileIsRefused() {
        assertThatThrownBy(() -> ProfileTable.of(profile, FULL, Detail.FOLDED))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("turn profiling on");
    }

    @Test
    void aTraceHasAnEventForEachStep() throws IOException {
        run(2);
        JsonNode trace =
                new ObjectMapper()
                        .readTree(
                                ChromeTrace.of(List.of(new ChromeTrace.Track(profile, FULL)))
                                        .toString());
        JsonNode events = trace.get("traceEvents");
        int steps = plan.fusedNodes().size();
        assertThat(events).hasSize(1 + 2 * steps);
        assertThat(events.get(0).get("ph").asText()).isEqualTo("M");
        JsonNode second = events.get(1 + steps + 2);
        assertThat(second.get("ph").asText()).isEqualTo("X");
        assertThat(second.get("name").asText()).isEqualTo("assemble tokens");
        assertThat(second.get("ts").asDouble()).isCloseTo(1003, within(1e-6));
        assertThat(second.get("dur").asDouble()).isCloseTo(3, within(1e-6));
        assertThat(second.at("/args/scope").asText()).isEqualTo("embeddings");
        Cost cost = plan.costs(FULL).get(2);
        assertThat(second.at("/args/flops").asLong()).isEqualTo(cost.flops());
        assertThat(second.at("/args/weight_bytes").asLong()).isEqualTo(cost.weightBytes());
    }

    @Test
    void kernelsOfOneStepAreOneEvent() {
        profile.begin();
        profile.add(0, 100, 10);
        profile.add(0, 115, 5);
        profile.add(1, 130, 5);
        profile.end();
        profile.begin();
        profile.add(1, 200, 7);
        assertThat(profile.events())
                .containsExactly(
                        new Profile.Event(0, 100, 20),
                        new Profile.Event(1, 130, 5),
                        new Profile.Event(1, 200, 7));
        assertThat(profile.rows(FULL).getFirst().nanos()).isEqualTo(15);
    }

    @Test
    void onlyTheLatestEventsAreKept() {
        int kept = 1 << 16;
        for (int i = 0; i < kept + 3; i++) {
            profile.begin();
            profile.add(0, i, 1);
            profile.end();
        }
        assertThat(profile.events()).hasSize(kept);
        assertThat(profile.events().getFirst()).isEqualTo(new Profile.Event(0, 3, 1));
        assertThat(profile.events().getLast()).isEqualTo(new Profile.Event(0, kept + 2, 1));
    }
}
