package dev.ocellus.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ocellus.kernels.Ceilings;

import org.junit.jupiter.api.Test;

import java.util.List;

class KernelPageTest {
    @Test
    void everyKernelIsInThePictureAndInTheTable() {
        List<Report.Row> rows =
                List.of(
                        new Report.Row(
                                "matMul rows=512 k=64", 1, 100, 180, 2, 200, 30, 0.9, "arithmetic"),
                        new Report.Row("layerNorm rows=512", 1, 20, 5, 25, 100, 30, 0.8, "memory"));
        String page = KernelPage.html(rows, new Ceilings(1, "test", 30, 100, 200, 400));
        assertThat(page.split("class=\"step\"")).hasSize(3);
        assertThat(page)
                .contains(">matMul 512 64<", "<td>matMul rows=512 k=64</td>", "180 GFLOP/s")
                .contains("90.0 %", "bfloat16")
                .doesNotContain("NaN");
    }
}
