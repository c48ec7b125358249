package dev.ocellus.kernels.nativelib;

import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.ocellus.kernels.GuardedMemory;

import java.io.DataInputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;

/**
 * A process that runs kernels of one instruction set in an emulator; see {@code
 * src/test/c/kernelserver.c}. It has mapped, whenever a kernel runs, the {@link GuardedMemory} that
 * is open. Started when it is needed, and again after it ended by a kernel's fault, which is an
 * AssertionError of the call. Thread-safe; ends with this process.
 */
final class KernelServer {
    /** The kinds of requests, in the order of those in C. */
    private enum What {
        MAP,
        UNMAP,
        UNITS,
        RUN
    }

    private static final int NAME_BYTES = 32;
    private static final int MOST_ARGUMENTS = 32;
    private static final int REQUEST_BYTES = 4 * 8 + NAME_BYTES + 8 + MOST_ARGUMENTS * 8;

    private final String instructionSet;
    private final String processor;
    private final ByteBuffer request =
            ByteBuffer.allocate(REQUEST_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    private final Set<GuardedMemory> mapped = new HashSet<>();
    private Process process;
    private DataInputStream answers;

    /**
     * @param processor which the emulator is to be, as it calls it
     */
    KernelServer(String instructionSet, String processor) {
        this.instructionSet = instructionSet;
        this.processor = processor;
    }

    synchronized long units(String kernel, MemorySegment arguments) {
        share();
        return ask(What.UNITS, 0, 0, 0, kernel, arguments);
    }

    synchronized void run(String kernel, MemorySegment arguments, long begin, long end) {
        share();
        ask(What.RUN, begin, end, 0, kernel, arguments);
    }

    /** Starts the process if it does not run. */
    synchronized void start() {
        if (process != null) {
            return;
        }
        Path log = NeonBuild.log(instructionSet);
        try {
            process =
                    new ProcessBuilder(
                                    NeonBuild.EMULATOR,
                                    "-cpu",
                                    processor,
                                    NeonBuild.server().toString(),
                                    instructionSet,
                                    Long.toString(ProcessHandle.current().pid()))
                            .redirectError(log.toFile())
                            .start();
            answers = new DataInputStream(process.getInputStream());
            answers.readLong();
        } catch (IOException e) {
            throw ended(e);
        }
    }

    private void share() {
        start();
        for (GuardedMemory memory : Set.copyOf(mapped)) {
            if (!GuardedMemory.open().contains(memory)) {
                ask(What.UNMAP, memory, 0);
                mapped.remove(memory);
            }
        }
        for (GuardedMemory memory : GuardedMemory.open()) {
            if (mapped.add(memory)) {
                ask(What.MAP, memory, memory.file());
            }
        }
    }

    private void ask(What what, GuardedMemory memory, long file) {
        MemorySegment pages = memory.pages();
        ask(what, pages.address(), pages.byteSize(), file, "", MemorySegment.NULL);
    }

    private long ask(
            What what, long first, long second, long file, String kernel, MemorySegment arguments) {
        request.clear().putLong(what.ordinal()).putLong(first).putLong(second).putLong(file);
        byte[] name = kernel.getBytes(UTF_8);
        request.put(name).put(new byte[NAME_BYTES - name.length]);
        long fields = arguments.byteSize() / 8;
        request.putLong(fields);
        for (long i = 0; i < fields; i++) {
            request.putLong(arguments.getAtIndex(JAVA_LONG, i));
        }
        try {
            process.getOutputStream().write(request.array());
            process.getOutputStream().flush();
            return Long.reverseBytes(answers.readLong());
        } catch (IOException e) {
            throw ended(e);
        }
    }

    private AssertionError ended(IOException cause) {
        mapped.clear();
        if (process == null) {
            return new AssertionError(cause);
        }
        process.destroyForcibly();
        process = null;
        try {
            String said = Files.readString(NeonBuild.log(instructionSet)).strip();
            return new AssertionError("emulated " + instructionSet + ": " + said, cause);
        } catch (IOException e) {
            return new AssertionError(e);
        }
    }
}
