package dev.ocellus.bench.gguf;

import java.nio.ByteBuffer;

/** Types of tensors in a GGUF file, with the layout of their rows. */
public enum GgufType {
    F32(0, 1, 4) {
        @Override
        void encode(float[] x, int at, ByteBuffer out) {
            out.putFloat(x[at]);
        }
    },
    /** A float16 scale and 32 signed bytes. */
    Q8_0(8, 32, 34) {
        @Override
        void encode(float[] x, int at, ByteBuffer out) {
            float scale = Math.abs(x[largest(x, at)]) / 127;
            float inverse = scale == 0 ? 0 : 1 / scale;
            out.putShort(Float.floatToFloat16(scale));
            for (int i = 0; i < 32; i++) {
                out.put((byte) Math.round(x[at + i] * inverse));
            }
        }
    },
    /**
     * A float16 scale and 32 numbers from -8 to 7, stored plus 8: number i in the lower half of
     * byte i, number i + 16 in the upper half. The largest value becomes -8, whatever its sign.
     */
    Q4_0(2, 32, 18) {
        @Override
        void encode(float[] x, int at, ByteBuffer out) {
            float scale = x[largest(x, at)] / -8;
            float inverse = scale == 0 ? 0 : 1 / scale;
            out.putShort(Float.floatToFloat16(scale));
            for (int i = 0; i < 16; i++) {
                int low = nibble(x[at + i] * inverse);
                int high = nibble(x[at + 16 + i] * inverse);
                out.put((byte) (low | high << 4));
            }
        }

        private int nibble(float x) {
            return Math.clamp(Math.round(x) + 8, 0, 15);
        }
    },
    BF16(30, 1, 2) {
        @Override
        void encode(float[] x, int at, ByteBuffer out) {
            int bits = Float.floatToRawIntBits(x[at]);
            // To the nearest, ties to even; what is no number stays none.
            int rounded = Float.isNaN(x[at]) ? bits | 1 << 22 : bits + 0x7fff + (bits >>> 16 & 1);
            out.putShort((short) (rounded >>> 16));
        }
    };

    final int id;
    final int blockElements;
    final int blockBytes;

    GgufType(int id, int blockElements, int blockBytes) {
        this.id = id;
        this.blockElements = blockElements;
        this.blockBytes = blockBytes;
    }

    /** Appends the block whose elements begin at {@code at}. */
    abstract void encode(float[] x, int at, ByteBuffer out);

    /** Appends a row. */
    final void encode(float[] row, ByteBuffer out) {
        for (int at = 0; at < row.length; at += blockElements) {
            encode(row, at, out);
        }
    }

    /** Whether rows of this many columns are whole blocks. */
    boolean fits(long cols) {
        return cols % blockElements == 0;
    }

    /** Bytes of so many elements in whole blocks. */
    long bytes(long elements) {
        return elements / blockElements * blockBytes;
    }

    /** Where the value of the largest magnitude of a block of 32 is. */
    private static int largest(float[] x, int at) {
        int best = at;
        for (int i = at; i < at + 32; i++) {
            if (Math.abs(x[i]) > Math.abs(x[best])) {
                best = i;
            }
        }
        return best;
    }
}
