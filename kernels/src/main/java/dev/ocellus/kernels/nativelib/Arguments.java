package dev.ocellus.kernels.nativelib;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.ocellus.kernels.KernelCall;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.RecordComponent;
import java.util.List;

/** Native argument structures: the components of a call in order, then the scratch address. */
public final class Arguments {
    /** Eight-byte fields of the structure of a kind of call. */
    public static long fields(Class<?> call) {
        return call.getRecordComponents().length + 1L;
    }

    /**
     * Writes the structure of a call.
     *
     * @param arena where it lies
     */
    public static MemorySegment write(KernelCall call, long scratch, Arena arena) {
        return write(List.of(call), scratch, arena);
    }

    /**
     * Writes a structure of the structures of several calls, with the same scratch address.
     *
     * @param arena where it lies
     * @param more eight-byte fields that follow them
     */
    public static MemorySegment write(
            List<? extends KernelCall> calls, long scratch, Arena arena, long... more) {
        long fields = calls.stream().mapToLong(c -> fields(c.getClass())).sum();
        MemorySegment arguments = arena.allocate(JAVA_LONG, fields + more.length);
        long at = 0;
        for (KernelCall call : calls) {
            for (RecordComponent component : call.getClass().getRecordComponents()) {
                arguments.setAtIndex(JAVA_LONG, at++, bits(value(call, component)));
            }
            arguments.setAtIndex(JAVA_LONG, at++, scratch);
        }
        for (long value : more) {
            arguments.setAtIndex(JAVA_LONG, at++, value);
        }
        return arguments;
    }

    private static Object value(KernelCall call, RecordComponent component) {
        try {
            return component.getAccessor().invoke(call);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("cannot read " + component, e);
        }
    }

    private static long bits(Object value) {
        return switch (value) {
            case Long number -> number;
            case Double number -> Double.doubleToRawLongBits(number);
            case Enum<?> constant -> constant.ordinal();
            default -> throw new IllegalStateException("no native form of " + value);
        };
    }

    private Arguments() {}
}
