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
 * ocellus.provider} is {@code native}, {@code vector}, {@code scalar} or {@code auto} (the
 * default): the native kernels when they can be loaded, else those in Java's vectors when Java was
 * started with their module, else the plain ones. A provider that was asked for by name is never
 * replaced by another. Thread-safe.
 */
public final class KernelProviders {
    /** Name of the property that chooses the provider. */
    public static final String PROPERTY = "ocellus.provider";

    private static KernelProvider chosen;

    /**
     * The provider of this process.
     *
     * @throws IllegalStateException if the property asks for a provider that is not there
     * @throws IllegalArgumentException if the property has another value than those four
     */
    public static synchronized KernelProvider get() {
        if (chosen == null) {
            Choice choice =
                    choose(
                            System.getProperty(PROPERTY, "auto"),
                            KernelProviders::natives,
                            KernelProviders::vectors);
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
        vectors().provider().ifPresent(providers::add);
        providers.add(new ScalarProvider());
        return List.copyOf(providers);
    }

    /**
     * The kernels of one kind.
     *
     * @param reason why there are none
     */
    record Found(Optional<KernelProvider> provider, String reason) {}

    private static Found natives() {
        NativeProvider.Search search = NativeProvider.find();
        return new Found(search.provider().map(KernelProvider.class::cast), search.reason());
    }

    private static Found vectors() {
        VectorProvider.Search search = VectorProvider.find();
        return new Found(search.provider().map(KernelProvider.class::cast), search.reason());
    }

    /** A provider and the line to log about it. */
    record Choice(KernelProvider provider, Level level, String message) {}

    /**
     * @param natives loads the native kernels, if they are there
     * @param vectors loads those in Java's vectors, if they are there
     */
    static Choice choose(String wanted, Supplier<Found> natives, Supplier<Found> vectors) {
        return switch (wanted) {
            case "scalar" -> forced(new ScalarProvider());
            case "vector" -> forced(required(wanted, vectors.get()));
            case "native" -> found(required(wanted, natives.get()));
            case "auto" -> best(natives.get(), vectors);
            default ->
                    throw new IllegalArgumentException(
                            PROPERTY + "=" + wanted + ": must be native, vector, scalar or auto");
        };
    }

    private static KernelProvider required(String wanted, Found found) {
        return found.provider()
                .orElseThrow(
                        () ->
                                new IllegalStateException(
                                        "%s=%s, but the %s kernels cannot be used: %s; or set %s=auto to take what is there"
                                                .formatted(
                                                        PROPERTY,
                                                        wanted,
                                                        wanted,
                                                        found.reason(),
                                                        PROPERTY)));
    }

    private static Choice best(Found natives, Supplier<Found> vectors) {
        if (natives.provider().isPresent()) {
            return found(natives.provider().get());
        }
        String missing = "native kernels cannot be used: " + natives.reason();
        Found next = vectors.get();
        if (next.provider().isPresent()) {
            KernelProvider vector = next.provider().get();
            return new Choice(vector, Level.INFO, report(vector) + "; " + missing);
        }
        KernelProvider scalar = new ScalarProvider();
        return new Choice(
                scalar,
                Level.WARNING,
                "%s, many times slower than others; %s; vector kernels cannot: %s"
                        .formatted(report(scalar), missing, next.reason()));
    }

    private static Choice found(KernelProvider provider) {
        return new Choice(provider, Level.INFO, report(provider));
    }

    private static Choice forced(KernelProvider provider) {
        return new Choice(provider, Level.INFO, report(provider) + ", as asked for");
    }

    private static String report(KernelProvider provider) {
        return "CPU kernels: " + provider.name() + " (" + provider.description() + ")";
    }

    private KernelProviders() {}
}
