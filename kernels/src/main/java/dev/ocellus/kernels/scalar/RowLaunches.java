package dev.ocellus.kernels.scalar;

import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.KvPanels;
import dev.ocellus.kernels.Launch;
import dev.ocellus.kernels.Panels;
import dev.ocellus.tensor.DType;

import java.util.Arrays;

/** Rows moved between tables, caches and matrices; one unit is one row, or one panel. */
final class RowLaunches {

    record Gather(KernelCall.Gather call) implements Launch {
        @Override
        public long units() {
            return Memory.rows(call);
        }

        @Override
        public void run(long begin, long end) {
            DType type = call.tableType();
            long cols = call.cols();
            for (long r = begin; r < end; r++) {
                long id = Memory.i32(call.ids() + r * 4);
                long out = call.out() + r * call.ldo() * 4;
                if (type.isBlock()) {
                    BlockPanels.row(type, call.table(), id, cols, out);
                    continue;
                }
                for (long i = 0; i < cols; i++) {
                    long offset =
                            call.packed() != 0
                                    ? Panels.offset(type, id, i, cols)
                                    : (id * cols + i) * type.byteSize();
                    Memory.f32(out + i * 4, Memory.widened(type, call.table() + offset));
                }
            }
        }
    }

    record SelectRows(KernelCall.SelectRows call) implements Launch {
        @Override
        public long units() {
            return Memory.rows(call);
        }

        @Override
        public void run(long begin, long end) {
            for (long r = begin; r < end; r++) {
                long index = Memory.i32(call.index() + r * 4);
                long from =
                        index < 0
                                ? call.x() + r * call.ldx() * 4
                                : call.y() + index * call.ldy() * 4;
                Memory.copy(from, call.out() + r * call.ldo() * 4, call.cols() * 4);
            }
        }
    }

    record KvAppend(KernelCall.KvAppend call) implements Launch {
        @Override
        public long units() {
            return Memory.rows(call);
        }

        @Override
        public void run(long begin, long end) {
            for (long r = begin; r < end; r++) {
                long sequence = Memory.i32(call.sequence() + r * 4);
                long slot = Memory.i32(call.slot() + r * 4);
                long pages = call.pages() + sequence * call.maxPages() * 8;
                long page = Memory.i64(pages + slot / call.pageTokens() * 8);
                long token = slot % call.pageTokens();
                for (long h = 0; h < call.kvHeads(); h++) {
                    key(r, h, page, token);
                    value(r, h, page, token);
                }
            }
        }

        private void key(long row, long head, long page, long token) {
            DType type = call.cacheType();
            long tokens = call.pageTokens();
            long headDim = call.headDim();
            long from = call.k() + (row * call.ldk() + head * headDim) * 4;
            long to = page + call.kOffset() + head * KvPanels.keyBytes(type, tokens, headDim);
            if (type == DType.Q8) {
                CacheBlocks.store(from, headDim, to + KvPanels.rowOffset(headDim, token));
                return;
            }
            for (long i = 0; i < headDim; i++) {
                long offset = KvPanels.keyOffset(type, tokens, headDim, token, i);
                Memory.narrowed(type, to + offset, Memory.f32(from + i * 4));
            }
            if (headDim % 2 != 0 && type != DType.F32) {
                long offset = KvPanels.keyOffset(type, tokens, headDim, token, headDim);
                Memory.narrowed(type, to + offset, 0);
            }
        }

        private void value(long row, long head, long page, long token) {
            DType type = call.cacheType();
            long tokens = call.pageTokens();
            long headDim = call.headDim();
            long from = call.v() + (row * call.ldv() + head * headDim) * 4;
            long to = page + call.vOffset() + head * KvPanels.valueBytes(type, tokens, headDim);
            if (type == DType.Q8) {
                CacheBlocks.store(from, headDim, to + KvPanels.rowOffset(headDim, token));
                return;
            }
            for (long i = 0; i < headDim; i++) {
                long offset = KvPanels.valueOffset(type, tokens, headDim, token, i);
                Memory.narrowed(type, to + offset, Memory.f32(from + i * 4));
            }
        }
    }

    record PackPanels(KernelCall.PackPanels call) implements Launch {
        @Override
        public long units() {
            return Panels.count(Memory.rows(call));
        }

        @Override
        public void run(long begin, long end) {
            long rows = Memory.rows(call);
            long bytes = Panels.panelBytes(call.panelType(), call.k());
            float[] block = new float[DType.BLOCK_ELEMENTS];
            for (long unit = begin; unit < end; unit++) {
                long to = call.dst() + (call.firstPanel() + unit * call.panelStride()) * bytes;
                long first = unit * Panels.ROWS;
                long last = Math.min(first + Panels.ROWS, rows);
                if (call.panelType().isBlock()) {
                    BlockPanels.clear(call.panelType(), to, bytes);
                    for (long r = first; r < last; r++) {
                        blocks(r, to, block);
                    }
                } else {
                    Memory.clear(to, bytes);
                    for (long r = first; r < last; r++) {
                        row(r, to);
                    }
                }
            }
        }

        private void blocks(long r, long panel, float[] block) {
            DType source = call.sourceType();
            for (long k = 0; k < call.k(); k += block.length) {
                long from = call.src() + (r * call.k() + k) * source.byteSize();
                Arrays.fill(block, 0);
                for (int i = 0; i < Math.min(block.length, call.k() - k); i++) {
                    block[i] = Memory.widened(source, from + (long) i * source.byteSize());
                }
                BlockPanels.store(call.panelType(), block, panel, r % Panels.ROWS, k, call.k());
            }
        }

        private void row(long r, long panel) {
            DType type = call.sourceType();
            long size = type.byteSize();
            long from = call.src() + r * call.k() * size;
            for (long i = 0; i < call.k(); i++) {
                long to = panel + Panels.offset(type, r % Panels.ROWS, i, call.k());
                if (type == DType.F32) {
                    Memory.i32(to, Memory.i32(from + i * size));
                } else {
                    Memory.i16(to, Memory.i16(from + i * size));
                }
            }
        }
    }

    private RowLaunches() {}
}
