package dev.ocellus.device;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ocellus.loader.Checkpoint;
import dev.ocellus.loader.safetensors.StoredTensor;

import org.junit.jupiter.api.Test;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.URISyntaxException;
import java.nio.file.Path;

/**
 * Against {@code torch.nn.functional.interpolate}; see tools/reference/engine/position_resize.py.
 */
class PositionResizeTest {
    private static final double LIMIT = 2e-6;

    @Test
    void equalsTheReference() throws URISyntaxException {
        Path file =
                Path.of(
                        PositionResizeTest.class
                                .getResource("position-resize.safetensors")
                                .toURI());
        int cases = 0;
        try (Checkpoint reference = Checkpoint.open(file);
                Arena arena = Arena.ofConfined()) {
            for (StoredTensor table : reference.tensors()) {
                if (!table.name().startsWith("table.")) {
                    continue;
                }
                String size = table.name().substring("table.".length());
                String[] parts = size.split("\\.");
                StoredTensor want = reference.weights().get("resized." + size);
                MemorySegment made = arena.allocate(want.byteSize(), 4);
                PositionResize.resize(
                        read(table, arena),
                        table.shape().dim(0),
                        table.shape().dim(1),
                        Long.parseLong(parts[1]),
                        Long.parseLong(parts[2]),
                        made);
                float[] got = made.toArray(ValueLayout.JAVA_FLOAT);
                float[] expected = read(want, arena).toArray(ValueLayout.JAVA_FLOAT);
                double worst = 0;
                for (int i = 0; i < got.length; i++) {
                    worst = Math.max(worst, Math.abs(got[i] - expected[i]));
                }
                assertThat(worst).as(size).isLessThan(LIMIT);
                cases++;
            }
        }
        assertThat(cases).isEqualTo(9);
    }

    private static MemorySegment read(StoredTensor t, Arena arena) {
        MemorySegment s = arena.allocate(t.byteSize(), 4);
        t.copyTo(0, s);
        return s;
    }
}
