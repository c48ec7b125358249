package dev.ocellus.kernels.nativelib;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.ocellus.kernels.KernelCall;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.net.URI;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * The loaded library {@code libocellus.so}: its kernels for one instruction set. Loaded for the
 * life of the process. The layout of its index is in {@code kernels/c/ocellus.h}.
 */
final class NativeLibrary {
    /** A file to load instead of the packaged library. */
    static final String LIBRARY_PROPERTY = "ocellus.native.library";

    private static final String INDEX = "ocellus_instruction_sets";
    private static final long SET_BYTES = 3 * 8;
    private static final long KERNEL_BYTES = 4 * 8;

    /** The functions of a kernel, and the number of fields of its argument structure. */
    record Kernel(MemorySegment run, MemorySegment units, long fields) {}

    private record InstructionSet(String name, boolean supported, MemorySegment kernels) {}

    private final String source;
    private final String instructionSet;
    private final Map<String, Kernel> kernels;

    private NativeLibrary(String source, InstructionSet set) {
        this.source = source;
        this.instructionSet = set.name();
        this.kernels = readKernels(set.kernels());
    }

    /**
     * Loads the library.
     *
     * @param forced name of the instruction set to use, or empty for the best of this machine
     */
    static NativeLibrary open(Optional<String> forced) throws NativeUnavailableException {
        String property = System.getProperty(LIBRARY_PROPERTY);
        if (property != null) {
            Path file = Path.of(property);
            if (!Files.isReadable(file)) {
                throw new NativeUnavailableException(
                        LIBRARY_PROPERTY + ": there is no readable file " + file);
            }
            return open(load(file), file.toString(), forced);
        }
        String resource = "/native/" + platform() + "/libocellus.so";
        URL url = NativeLibrary.class.getResource(resource);
        if (url == null) {
            throw new NativeUnavailableException(
                    "this build has no native kernels for "
                            + platform()
                            + "; build it where a C compiler (cc) is installed");
        }
        SymbolLookup symbols =
                url.getProtocol().equals("file")
                        ? load(Path.of(URI.create(url.toString())))
                        : extract(url);
        return open(symbols, resource, forced);
    }

    private static NativeLibrary open(SymbolLookup symbols, String source, Optional<String> forced)
            throws NativeUnavailableException {
        MemorySegment index =
                symbols.find(INDEX)
                        .orElseThrow(
                                () ->
                                        new NativeUnavailableException(
                                                source + " is not a library of Ocellus kernels"));
        NativeLibrary library = new NativeLibrary(source, choose(readSets(index), forced));
        library.checkStructures();
        return library;
    }

    /** The library that was loaded, for people. */
    String source() {
        return source;
    }

    String instructionSet() {
        return instructionSet;
    }

    /** Empty if the instruction set has no such kernel. */
    Optional<Kernel> kernel(String name) {
        return Optional.ofNullable(kernels.get(name));
    }

    private static String platform() {
        String name = System.getProperty("os.name").toLowerCase(Locale.ROOT);
        String os = name.startsWith("mac") ? "macos" : name.startsWith("win") ? "windows" : name;
        String arch = System.getProperty("os.arch");
        return os + "-" + (arch.equals("amd64") ? "x86_64" : arch);
    }

    private static SymbolLookup load(Path file) throws NativeUnavailableException {
        try {
            return SymbolLookup.libraryLookup(file, Arena.global());
        } catch (IllegalArgumentException | IllegalCallerException e) {
            throw new NativeUnavailableException("cannot load " + file + ": " + e.getMessage(), e);
        }
    }

    /** The file is gone again before this returns: once loaded, the process doesn't need it. */
    private static SymbolLookup extract(URL url) throws NativeUnavailableException {
        try {
            Path file = Files.createTempFile("ocellus-", ".so");
            try (InputStream in = url.openStream()) {
                Files.copy(in, file, StandardCopyOption.REPLACE_EXISTING);
                return load(file);
            } finally {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw new NativeUnavailableException(
                    "cannot extract the native kernels to "
                            + System.getProperty("java.io.tmpdir")
                            + " (java.io.tmpdir): "
                            + e,
                    e);
        }
    }

    private static InstructionSet choose(List<InstructionSet> sets, Optional<String> forced)
            throws NativeUnavailableException {
        List<String> supported =
                sets.stream().filter(InstructionSet::supported).map(InstructionSet::name).toList();
        if (supported.isEmpty()) {
            throw new NativeUnavailableException(
                    "this processor has none of the instruction sets "
                            + sets.stream().map(InstructionSet::name).toList());
        }
        String name = forced.orElse(supported.getLast());
        return sets.stream()
                .filter(s -> s.supported() && s.name().equals(name))
                .findFirst()
                .orElseThrow(
                        () ->
                                new NativeUnavailableException(
                                        NativeProvider.ISA_PROPERTY
                                                + " asks for "
                                                + name
                                                + ", but this processor has "
                                                + supported));
    }

    private static List<InstructionSet> readSets(MemorySegment index) {
        MemorySegment at = index.reinterpret(Long.MAX_VALUE);
        List<InstructionSet> sets = new ArrayList<>();
        for (long o = 0; at.get(JAVA_LONG, o) != 0; o += SET_BYTES) {
            sets.add(
                    new InstructionSet(
                            string(at, o),
                            at.get(JAVA_LONG, o + 8) != 0,
                            at.get(ADDRESS, o + 16).reinterpret(Long.MAX_VALUE)));
        }
        return sets;
    }

    private static Map<String, Kernel> readKernels(MemorySegment at) {
        Map<String, Kernel> kernels = new HashMap<>();
        for (long o = 0; at.get(JAVA_LONG, o) != 0; o += KERNEL_BYTES) {
            long fields = at.get(JAVA_LONG, o + 8);
            MemorySegment run = at.get(ADDRESS, o + 16);
            kernels.put(string(at, o), new Kernel(run, at.get(ADDRESS, o + 24), fields));
        }
        return Map.copyOf(kernels);
    }

    private static String string(MemorySegment at, long offset) {
        return at.get(ADDRESS, offset).reinterpret(Long.MAX_VALUE).getString(0);
    }

    /** A library of other sources than these classes would read arguments from wrong places. */
    private void checkStructures() throws NativeUnavailableException {
        for (Class<?> call : KernelCall.class.getPermittedSubclasses()) {
            if (call == KernelCall.Sample.class) {
                continue; // for GPUs
            }
            long expected = Arguments.fields(call);
            Kernel kernel = kernels.get(call.getSimpleName());
            if (kernel == null || kernel.fields() != expected) {
                throw new NativeUnavailableException(
                        source
                                + " does not belong to these classes: "
                                + call.getSimpleName()
                                + " has "
                                + (kernel == null ? 0 : kernel.fields())
                                + " fields, expected "
                                + expected
                                + "; build it again");
            }
        }
    }
}
