package dev.ocellus.kernels.vector;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.Collections;

/**
 * Handles of static methods that are to be compiled on their own. The compiler sees through a
 * handle only where it is a constant: what is called by one from a field of an object or from an
 * array is never inlined, and so never adds to what is too much for one method.
 */
final class Handles {

    /** The method of that name whose arguments are {@code longs} long values and nothing else. */
    static MethodHandle of(MethodHandles.Lookup lookup, String name, Class<?> result, int longs) {
        MethodType type = MethodType.methodType(result, Collections.nCopies(longs, long.class));
        try {
            return lookup.findStatic(lookup.lookupClass(), name, type);
        } catch (ReflectiveOperationException e) {
            throw new AssertionError(e);
        }
    }

    private Handles() {}
}
