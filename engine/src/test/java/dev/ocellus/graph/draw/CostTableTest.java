package dev.ocellus.graph.draw;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import dev.ocellus.graph.Cost;
import dev.ocellus.graph.Graph;
import dev.ocellus.graph.SmallModels;
import dev.ocellus.graph.Workload;
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

class CostTableTest {
    private static final Workload FULL = Workload.full(0);

    @TempDir Path folder;
    private Plan plan;

    @BeforeEach
    void plan() throws IOException {
        Graph vit = SmallModels.vit(new SmallModels.Vit(3, 16, 24, 2, 28, false), folder);
        plan = Plan.of(vit, new PlanOptions(ComputeType.F32), new ScalarProvider()::scratchBytes);
    }

    @Test
    void rowsAddUpFoldedOrNot() {
        Cost all = plan.costs(FULL).stream().reduce(Cost.NONE, Cost::plus);
        assertThat(all.flops()).isPositive();
        CostTable folded = CostTable.of(plan, FULL, Detail.FOLDED);
        CostTable every = CostTable.of(plan, FULL, Detail.EVERY_LAYER);
        assertThat(folded.total()).isEqualTo(all);
        assertThat(every.total()).isEqualTo(all);
        assertThat(every.rows()).hasSize(plan.costs(FULL).size());
        assertThat(folded.rows()).hasSize(3 + 7);
        assertThat(folded.rows().get(5).cost()).isEqualTo(every.rows().get(5).cost().times(3));
    }

    @Test
    void fusionSavesMemoryTrafficButNoWork() {
        Cost fused = CostTable.of(plan, FULL, Detail.FOLDED).total();
        Cost apart = CostTable.of(plan.graph(), FULL, Detail.FOLDED).total();
        assertThat(fused.flops()).isEqualTo(apart.flops());
        assertThat(fused.weightBytes()).isEqualTo(apart.weightBytes());
        assertThat(fused.activationBytes()).isLessThan(apart.activationBytes());
    }

    @Test
    void theTextIsAligned() {
        List<String> lines = CostTable.of(plan, FULL, Detail.FOLDED).text().lines().toList();
        assertThat(lines).hasSize(1 + 2 + 10 + 1);
        assertThat(lines.get(1)).startsWith("section").endsWith("FLOP/byte");
        int width = lines.get(1).length();
        assertThat(lines.subList(1, lines.size())).allMatch(line -> line.length() == width);
        assertThat(lines.get(6)).startsWith("layers.0 … layers.2  layer norm ").contains("× 3");
        assertThat(lines.get(7)).contains("3 × linear").contains("[1, 5, 16] × 3");
        assertThat(lines.getLast()).startsWith("total ").contains("100 %");
    }

    @Test
    void theJsonHasExactNumbers() throws IOException {
        CostTable table = CostTable.of(plan, FULL, Detail.FOLDED);
        JsonNode json = new ObjectMapper().readTree(table.json().toString());
        assertThat(json.get("rows")).hasSize(10);
        long flops = 0;
        for (JsonNode row : json.get("rows")) {
            flops += row.get("flops").asLong();
        }
        assertThat(flops).isEqualTo(table.total().flops());
        assertThat(json.at("/total/flops").asLong()).isEqualTo(flops);
        assertThat(json.at("/total/weight_bytes").asLong()).isEqualTo(table.total().weightBytes());
        assertThat(json.at("/total/activation_bytes").asLong())
                .isEqualTo(table.total().activationBytes());
        assertThat(json.at("/rows/4/layers").asInt()).isEqualTo(3);
        assertThat(json.at("/rows/4/operations").asText()).isEqualTo("3 × linear");
    }

    @Test
    void unitsKeepThreeDigits() {
        assertThat(Units.si(0, "B")).isEqualTo("0 B");
        assertThat(Units.si(12, "B")).isEqualTo("12 B");
        assertThat(Units.si(999.6, "FLOP")).isEqualTo("1.00 kFLOP");
        assertThat(Units.si(3.62e11, "FLOP")).isEqualTo("362 GFLOP");
        assertThat(Units.si(12345, "B")).isEqualTo("12.3 kB");
        assertThat(Units.percent(1, 0)).isEmpty();
        assertThat(Units.percent(1, 3)).isEqualTo("33.3 %");
        assertThat(Units.percent(1, 1)).isEqualTo("100 %");
        assertThat(Units.percent(1, 1e9)).isEqualTo("< 0.1 %");
    }
}
