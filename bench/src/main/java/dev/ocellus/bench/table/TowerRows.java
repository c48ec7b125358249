package dev.ocellus.bench.table;

import java.util.List;

final class TowerRows {
    static final List<String> TOWERS = List.of("vit-300m", "clip-l-336");
    static final List<String> TYPES = List.of("bf16", "f32");
}
