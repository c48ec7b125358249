package dev.ocellus.kernels;

import dev.ocellus.kernels.nativelib.NativeProvider;
import dev.ocellus.kernels.scalar.ScalarProvider;
import dev.ocellus.kernels.vector.VectorProvider;

import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * The choice of CPU kernels, made once for the process and logged in one line. The property {@code
 * ocellus.provider} is {@code native}, {@code scalar} or {@code auto} (the default): the native
 * kernels when they can be loaded, else the plain Java ones. A provider that was asked for by name
 * is never replaced by another. Thread-safe.
 */
public final class KernelProviders {
    /** Name of the property that chooses the provider. */
    public static final String PROPERTY = "ocellus.provider";

    private static KernelProvider chosen;
    private static NativeProvider.Search natives;

    /**
     * The provider of this process.
     *
     * @throws IllegalStateException if the property asks for a provider that is not there
     * @throws IllegalArgumentException if the property has another value than those three
     */
    public static synchronized KernelProvider get() {
        if (chosen == null) {
            Choice choice =
                    choose(
                            System.getProperty(PROPERTY, "auto"),
                            KernelProviders::nativeProvider,
                            () -> natives().reason());
            System.getLogger(KernelProviders.class.getName()).log(choice.level(), choice.message());
            chosen = choice.provider();
        }
        return chosen;
    }

    /**
     * All providers that work on this machine, fastest first: each instruction set of the native
     * kernels is one.
     */
    public static List<KernelProvider> available() {
        List<KernelProvider> providers = new ArrayList<>();
        for (String isa : NativeProvider.INSTRUCTION_SETS) {
            NativeProvider.find(isa).provider().ifPresent(providers::add);
        }
        VectorProvider.find().provider().ifPresent(providers::add);
        providers.add(new ScalarProvider());
        return List.copyOf(providers);
    }

    private static synchronized NativeProvider.Search natives() {
        if (natives == null) {
            natives = NativeProvider.find();
        }
        return natives;
    }

    private static Optional<KernelProvider> nativeProvider() {
        return natives().provider().map(KernelProvider.class::cast);
    }

    /** A provider and the line to log about it. */
    record Choice(KernelProvider provider, Level level, String message) {}

    /**
     * @param natives loads the native kernels, if they are there
     * @param missing why they are not; asked only after {@code natives}
     */
    static Choice choose(
            String wanted, Supplier<Optional<KernelProvider>> natives, Supplier<String> missing) {
        KernelProvider scalar = new ScalarProvider();
        switch (wanted) {
            case "scalar" -> {
                return new Choice(scalar, Level.INFO, report(scalar) + ", as asked for");
            }
            case "native", "auto" -> {
                Optional<KernelProvider> loaded = natives.get();
                if (loaded.isPresent()) {
                    return new Choice(loaded.get(), Level.INFO, report(loaded.get()));
                }
                if (wanted.equals("native")) {
                    throw new IllegalStateException(
                            "%s=native, but the native kernels cannot be used: %s; set %s=auto to run in plain Java"
                                    .formatted(PROPERTY, missing.get(), PROPERTY));
                }
                String reason = ", many times slower than native kernels, which cannot be used: ";
                return new Choice(scalar, Level.WARNING, report(scalar) + reason + missing.get());
            }
            default ->
                    throw new IllegalArgumentException(
                            PROPERTY + "=" + wanted + ": must be native, scalar or auto");
        }
    }

    private static String report(KernelProvider provider) {
        return "CPU kernels: " + provider.name() + " (" + provider.description() + ")";
    }

    private KernelProviders() {}
}
