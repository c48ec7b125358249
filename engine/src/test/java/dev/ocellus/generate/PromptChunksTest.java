package dev.ocellus.generate;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** Pieces of prompts: no token is lost, and the longest steps are full. */
class PromptChunksTest {
    private final PromptChunks gpu = new PromptChunks(1, 32, 512, 2048);
    private final PromptChunks cpu = new PromptChunks(1, 32, 512);

    @Test
    void theLongestStepsAreFull() {
        assertThat(gpu.cut(2048)).containsExactly(2048);
        assertThat(gpu.cut(5000)).containsExactly(2048, 2048, 512, 392);
        assertThat(gpu.cut(2047)).containsExactly(512, 512, 512, 511);
        assertThat(cpu.cut(1100)).containsExactly(512, 512, 76);
        assertThat(cpu.cut(5)).containsExactly(5);
    }

    @Test
    void piecesAreShorterWhileOthersDecode() {
        assertThat(gpu.next(3000, true)).isEqualTo(512);
        assertThat(cpu.next(3000, true)).isEqualTo(32);
        assertThat(gpu.next(7, true)).isEqualTo(7);
        assertThat(new PromptChunks(1).next(7, true)).isEqualTo(1);
    }

    @Test
    void piecesAreThePrompt() {
        for (int tokens = 1; tokens < 6000; tokens += 7) {
            assertThat(gpu.cut(tokens).stream().mapToInt(n -> n).sum()).isEqualTo(tokens);
        }
    }
}
