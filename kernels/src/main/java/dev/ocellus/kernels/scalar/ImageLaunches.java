package dev.ocellus.kernels.scalar;

import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.Launch;

/** Layout operations of vision transformers; one unit is one output row. */
final class ImageLaunches {

    record Patchify(KernelCall.Patchify call) implements Launch {
        @Override
        public long units() {
            return Memory.rows(call) * gridRows() * gridCols();
        }

        @Override
        public void run(long begin, long end) {
            long grid = gridRows() * gridCols();
            for (long unit = begin; unit < end; unit++) {
                long cell = unit % grid;
                long planes = unit / grid * call.channels();
                patch(planes, cell / gridCols(), cell % gridCols(), unit);
            }
        }

        private void patch(long firstPlane, long gridY, long gridX, long row) {
            long patch = call.patch();
            long out = call.out() + row * call.ldo() * 4;
            for (long c = 0; c < call.channels(); c++) {
                for (long y = 0; y < patch; y++) {
                    long line = (firstPlane + c) * call.height() + gridY * patch + y;
                    long from = call.pixels() + (line * call.width() + gridX * patch) * 4;
                    Memory.copy(from, out + (c * patch + y) * patch * 4, patch * 4);
                }
            }
        }

        private long gridRows() {
            return call.height() / call.patch();
        }

        private long gridCols() {
            return call.width() / call.patch();
        }
    }

    record AssembleTokens(KernelCall.AssembleTokens call) implements Launch {
        @Override
        public long units() {
            return Memory.rows(call) * (1 + call.tokens());
        }

        @Override
        public void run(long begin, long end) {
            for (long unit = begin; unit < end; unit++) {
                long image = unit / (1 + call.tokens());
                long token = unit % (1 + call.tokens());
                long patch = image * call.tokens() + token - 1;
                long from = token == 0 ? call.cls() : call.patches() + patch * call.ldp() * 4;
                long position = call.position() + token * call.cols() * 4;
                long out = call.out() + unit * call.ldo() * 4;
                for (long i = 0; i < call.cols(); i++) {
                    Memory.f32(
                            out + i * 4, Memory.f32(from + i * 4) + Memory.f32(position + i * 4));
                }
            }
        }
    }

    record PixelUnshuffle(KernelCall.PixelUnshuffle call) implements Launch {
        @Override
        public long units() {
            return Memory.rows(call) * gridRows() * gridCols();
        }

        @Override
        public void run(long begin, long end) {
            long grid = gridRows() * gridCols();
            for (long unit = begin; unit < end; unit++) {
                long place = unit % grid;
                // The transposed grid has gridCols rows of gridRows cells.
                boolean transposed = call.transposed() != 0;
                long y = transposed ? place % gridRows() : place / gridCols();
                long x = transposed ? place / gridRows() : place % gridCols();
                cell(unit / grid, y, x, call.out() + unit * call.ldo() * 4);
            }
        }

        private void cell(long image, long gridY, long gridX, long out) {
            long block = call.block();
            long spanBytes = call.cols() * 4;
            long tokens = call.skip() + call.height() * call.width();
            for (long dy = 0; dy < block; dy++) {
                for (long dx = 0; dx < block; dx++) {
                    long pixel = (gridY * block + dy) * call.width() + gridX * block + dx;
                    long row = image * tokens + call.skip() + pixel;
                    Memory.copy(call.x() + row * call.ldx() * 4, out, spanBytes);
                    out += spanBytes;
                }
            }
        }

        private long gridRows() {
            return call.height() / call.block();
        }

        private long gridCols() {
            return call.width() / call.block();
        }
    }

    private ImageLaunches() {}
}
