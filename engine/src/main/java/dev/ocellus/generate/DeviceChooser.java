package dev.ocellus.generate;

import dev.ocellus.device.Device;
import dev.ocellus.kernels.SampleOptions;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Lets the device choose. Which tokens occurred is kept in its memory: each step adds the token
 * that was chosen before it, so that a step that is run again, or whose token nobody took, leaves
 * what is right.
 */
final class DeviceChooser implements TokenChooser {
    private static final int NONE = -1;

    private final SampleOptions options;
    private int chosen = NONE;
    private int last = NONE;
    private long step;

    DeviceChooser(
            Device device, GenerationOptions options, int vocabulary, int[] occurred, Arena arena) {
        boolean penalty = options.repetitionPenalty() != 1;
        this.options = options(options, penalty ? seen(device, vocabulary, occurred, arena) : 0);
    }

    static SampleOptions options(GenerationOptions o, long seen) {
        return new SampleOptions(
                o.temperature(),
                o.topK(),
                o.topP(),
                o.minP(),
                o.repetitionPenalty(),
                o.seed(),
                seen);
    }

    private static long seen(Device device, int vocabulary, int[] occurred, Arena arena) {
        try (Arena host = Arena.ofConfined()) {
            MemorySegment bits = host.allocate(SampleOptions.seenBytes(vocabulary), Integer.BYTES);
            for (int id : occurred) {
                if (id >= 0 && id < vocabulary) {
                    int word = bits.getAtIndex(ValueLayout.JAVA_INT, id / Integer.SIZE);
                    word |= 1 << id % Integer.SIZE;
                    bits.setAtIndex(ValueLayout.JAVA_INT, id / Integer.SIZE, word);
                }
            }
            return device.allocate(bits, arena).address();
        }
    }

    @Override
    public void options(MemorySegment rows, int row) {
        options.write(rows, row, last, step);
    }

    @Override
    public void token(int id) {
        chosen = id;
    }

    @Override
    public int next() {
        if (chosen == NONE) {
            throw Sampler.noNumber();
        }
        last = chosen;
        step++;
        return chosen;
    }
}
