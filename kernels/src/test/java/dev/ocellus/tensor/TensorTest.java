package dev.ocellus.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

class TensorTest {
    /** Elements 0, 1, 2, ... in row-major order. */
    private static Tensor counting(long... dims) {
        Shape shape = Shape.of(dims);
        ByteBuffer bytes =
                ByteBuffer.allocateDirect((int) shape.elements() * 4)
                        .order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < shape.elements(); i++) {
            bytes.putFloat(i * 4, i);
        }
        return Tensor.of(DType.F32, shape, MemorySegment.ofBuffer(bytes));
    }

    @Test
    void elementsAreInRowMajorOrder() {
        Tensor t = counting(2, 3, 4);
        assertThat(t.getDouble(0, 0, 0)).isEqualTo(0);
        assertThat(t.getDouble(1, 2, 3)).isEqualTo(23);
        assertThat(t.getDouble(1, 0, 2)).isEqualTo(14);
        assertThat(t.stride(0)).isEqualTo(12);
        assertThat(t.isContiguous()).isTrue();
        assertThat(t).hasToString("f32[2, 3, 4]");
    }

    @Test
    void viewsShareMemory() {
        Tensor t = counting(4, 5, 6);
        Tensor view = t.slice(1, 1, 4).permute(2, 0, 1).slice(0, 2, 5).transpose(0, 1);
        assertThat(view.shape()).isEqualTo(Shape.of(4, 3, 3));
        for (long a = 0; a < 4; a++) {
            for (long b = 0; b < 3; b++) {
                for (long c = 0; c < 3; c++) {
                    double expected = t.getDouble(a, c + 1, b + 2);
                    assertThat(view.getDouble(a, b, c)).isEqualTo(expected);
                }
            }
        }
        t.segment().set(ValueLayout.JAVA_FLOAT, 4 * (2 * 30 + 6 + 2), -1f);
        assertThat(view.getDouble(2, 0, 0)).isEqualTo(-1);
        assertThat(view.isContiguous()).isFalse();
        assertThat(view.segment().address() - t.segment().address()).isEqualTo(4 * (6 + 2));
    }

    @Test
    void reshapeNeedsContiguousElements() {
        Tensor t = counting(4, 6);
        assertThat(t.reshape(2, 2, 3, 2).getDouble(1, 1, 2, 1)).isEqualTo(23);
        assertThat(t.slice(0, 1, 3).reshape(12).getDouble(0)).isEqualTo(6);
        assertThat(t.slice(0, 1, 2).slice(1, 2, 5).reshape(3, 1).getDouble(2, 0)).isEqualTo(10);
        assertThatThrownBy(() -> t.transpose(0, 1).reshape(24))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("without a copy");
        assertThatThrownBy(() -> t.reshape(5, 5)).hasMessageContaining("[4, 6] to [5, 5]");
    }

    @Test
    void emptyAndScalarTensors() {
        assertThat(counting().getDouble()).isEqualTo(0);
        Tensor empty = counting(3, 4).slice(0, 3, 3);
        assertThat(empty.shape()).isEqualTo(Shape.of(0, 4));
        assertThat(empty.isContiguous()).isTrue();
        assertThatThrownBy(() -> empty.getDouble(0, 0))
                .isInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    void accessIsChecked() {
        Tensor t = counting(2, 3);
        assertThatThrownBy(() -> t.getDouble(0, 3)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> t.getDouble(-1, 0)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> t.getDouble(0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> t.slice(1, 2, 4)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> t.permute(0, 0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> t.getLong(0, 0)).isInstanceOf(IllegalStateException.class);
        MemorySegment small = MemorySegment.ofArray(new byte[23]);
        assertThatThrownBy(() -> Tensor.of(DType.F32, Shape.of(2, 3), small))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("takes 24 bytes, the segment has 23");
    }

    @Test
    void memoryBelongsToItsArena() {
        Tensor t;
        try (Arena arena = Arena.ofConfined()) {
            t = Tensor.allocate(DType.I32, Shape.of(3), arena);
            assertThat(t.getLong(2)).isZero();
            assertThat(t.segment().address() % 64).isZero();
        }
        assertThatThrownBy(() -> t.getLong(0)).isInstanceOf(IllegalStateException.class);
    }

    /** The same twelve bytes, from an odd address on, as every type. */
    @Test
    void everyTypeCanBeRead() {
        byte[] bytes = {
            99, (byte) 0x80, (byte) 0x3f, (byte) 0xc1, (byte) 0xfe, 0, 0, (byte) 0xf0, (byte) 0xbf
        };
        MemorySegment segment = MemorySegment.ofArray(bytes).asSlice(1);
        assertThat(read(DType.F64, segment))
                .isEqualTo(Double.longBitsToDouble(0xbff00000fec13f80L));
        assertThat(read(DType.F32, segment)).isEqualTo(Float.intBitsToFloat(0xfec13f80));
        assertThat(read(DType.F16, segment)).isEqualTo(1.875);
        assertThat(read(DType.BF16, segment)).isEqualTo(1);
        assertThat(read(DType.F8_E4M3, segment.asSlice(1))).isEqualTo(1.875);
        assertThat(read(DType.F8_E5M2, segment.asSlice(1))).isEqualTo(1.75);
        assertThat(read(DType.I64, segment)).isEqualTo(0xbff00000fec13f80L);
        assertThat(read(DType.U64, segment)).isEqualTo(0x1.7fe00001fd828p63);
        assertThat(read(DType.I32, segment)).isEqualTo(0xfec13f80);
        assertThat(read(DType.U32, segment)).isEqualTo(0xfec13f80L);
        assertThat(read(DType.I16, segment.asSlice(2))).isEqualTo((short) 0xfec1);
        assertThat(read(DType.U16, segment.asSlice(2))).isEqualTo(0xfec1);
        assertThat(read(DType.I8, segment)).isEqualTo(-128);
        assertThat(read(DType.U8, segment)).isEqualTo(128);
        assertThat(read(DType.BOOL, segment)).isEqualTo(1);
        assertThat(read(DType.BOOL, segment.asSlice(4))).isEqualTo(0);
    }

    @Test
    void blockTypesAreCountedInBlocks() {
        assertThat(DType.Q8.byteSize(64L)).isEqualTo(68);
        assertThat(DType.Q4.byteSize(64L)).isEqualTo(36);
        assertThat(DType.Q4.byteSize(65L)).isEqualTo(54);
        assertThat(DType.Q8.byteSize(0L)).isZero();
        assertThat(DType.BF16.byteSize(65L)).isEqualTo(130);
        assertThatThrownBy(DType.Q8::byteSize)
                .isInstanceOf(UnsupportedOperationException.class)
                .hasMessageContaining("q8");
    }

    private static double read(DType type, MemorySegment segment) {
        Tensor t = Tensor.of(type, Shape.of(), segment);
        if (!type.isFloat() && type != DType.U64) {
            assertThat((double) t.getLong()).isEqualTo(t.getDouble());
        }
        return t.getDouble();
    }
}
