package dev.ocellus.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class SoftGpuTest {

    @BeforeEach
    void require() {
        SoftGpu.requireSoftware();
    }

    @Test
    void startsWithNothingLaunched() {
        assertThat(SoftGpu.counters().since(SoftGpu.counters()).launches()).isZero();
    }
}
