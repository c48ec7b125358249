package dev.ocellus.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ocellus.kernels.nativelib.NativeProvider;

import org.junit.jupiter.api.Test;

class CeilingsTest {
    @Test
    void everyFigureIsMeasured() {
        Ceilings ceilings = Ceilings.measure(1);
        assertThat(ceilings.threads()).isEqualTo(1);
        assertThat(ceilings.readGBs()).isPositive();
        assertThat(ceilings.f32Gflops()).isPositive();
        NativeProvider.find()
                .provider()
                .ifPresent(
                        provider -> {
                            boolean dots = provider.instructionSet().equals("avx512bf16");
                            assertThat(ceilings.source()).contains(provider.instructionSet());
                            assertThat(ceilings.bf16Gflops() > 0).isEqualTo(dots);
                            assertThat(ceilings.int8Gops() > 0).isEqualTo(dots);
                        });
    }

    @Test
    void plainJavaSaysSo() {
        Ceilings ceilings = Ceilings.measureInJava(2);
        assertThat(ceilings.source()).contains("plain Java");
        assertThat(ceilings.threads()).isEqualTo(2);
        assertThat(ceilings.readGBs()).isPositive();
        assertThat(ceilings.f32Gflops()).isPositive();
        assertThat(ceilings.bf16Gflops()).isZero();
    }

    @Test
    void noThreadsAreRefused() {
        assertThatThrownBy(() -> Ceilings.measure(0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("threads");
    }
}
