package dev.ocellus.bench.table;

import dev.ocellus.OpenOptions;
import dev.ocellus.bench.gguf.GgufType;
import dev.ocellus.tensor.DType;

import java.util.Locale;

/** Types of weights that are compared, and their twins. */
enum WeightKind {
    BF16(null, GgufType.BF16),
    Q8(DType.Q8, GgufType.Q8_0),
    Q4(DType.Q4, GgufType.Q4_0);

    private final DType type;
    final GgufType twin;

    WeightKind(DType type, GgufType twin) {
        this.type = type;
        this.twin = twin;
    }

    String text() {
        return name().toLowerCase(Locale.ROOT);
    }

    OpenOptions options(OpenOptions base) {
        return type == null ? base : base.withWeights(type);
    }
}
