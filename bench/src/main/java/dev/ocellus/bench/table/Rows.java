package dev.ocellus.bench.table;

import java.util.ArrayList;
import java.util.List;

/** All rows, in the order of the table, with the ratios that this project wants. */
final class Rows {
    private static final List<String> MODELS = List.of("1b", "135m");

    private Rows() {}

    static List<Row> all() {
        List<Row> rows = new ArrayList<>();
        for (String model : MODELS) {
            for (WeightKind kind : WeightKind.values()) {
                boolean bf16 = kind == WeightKind.BF16;
                rows.add(
                        new Row(
                                id("decode", model, kind),
                                "decode " + model + " " + kind.text() + " / llama.cpp",
                                "tokens/s",
                                bf16 ? 1.15 : 1.4,
                                bf16 ? 1.3 : 1.6));
            }
        }
        for (WeightKind kind : WeightKind.values()) {
            rows.add(
                    new Row(
                            id("read", "1b", kind),
                            "decode 1b " + kind.text() + " / read loop",
                            "GB/s",
                            List.of(0.95, 0.9, 0.85).get(kind.ordinal()),
                            List.of(1.05, 1.0, 1.0).get(kind.ordinal())));
        }
        for (String model : MODELS) {
            for (WeightKind kind : WeightKind.values()) {
                boolean bf16 = kind == WeightKind.BF16;
                boolean large = model.equals("1b");
                rows.add(
                        new Row(
                                id("prefill", model, kind),
                                "prefill 512 " + model + " " + kind.text() + " / llama.cpp",
                                "tokens/s",
                                bf16 ? large ? 1.1 : 1.8 : 2.5,
                                bf16 ? large ? 1.3 : 2.2 : 3.5));
            }
        }
        rows.add(javaPeer("decode", "java-llama.cpp", 1.4, 1.6));
        rows.add(javaPeer("prefill", "java-llama.cpp", 2.5, 3.5));
        for (String work : List.of("decode", "prefill")) {
            rows.add(
                    new Row(
                            "threads-" + work,
                            work + " 1b bf16: 2 threads / 1 thread",
                            "tokens/s",
                            1.8,
                            1.95));
        }
        rows.add(new Row("context", "time per token 1b bf16: at 8,000 / at 100", "ms", 1.6, 1.4));
        rows.add(gemm("gemm-f32", "GEMM f32 / peak", 0.85, 0.9));
        rows.add(gemm("gemm-bf16", "GEMM bf16 / peak", 0.85, 0.92));
        rows.add(gemm("gemm-int8", "GEMM int8 (q8 weights) / peak", 0.7, 0.85));
        rows.add(gemm("gemm-f32-torch", "GEMM f32 / PyTorch", 0.97, 1.05));
        rows.add(gemm("gemm-bf16-torch", "GEMM bf16 / PyTorch", 0.97, 1.05));
        for (String tower : TowerRows.TOWERS) {
            for (String type : TowerRows.TYPES) {
                rows.add(
                        new Row(
                                tower + "-" + type,
                                tower + " " + type + " / PyTorch",
                                "images/s",
                                1.0,
                                1.2));
            }
        }
        rows.add(
                new Row(
                        "preprocessing",
                        "12 tiles of a photo / Pillow and NumPy",
                        "images/s",
                        5,
                        10));
        rows.add(
                new Row(
                        "first-token",
                        "first token of the demo from a cold Java / 1 s",
                        "s",
                        1.0,
                        0.5));
        return rows;
    }

    static String id(String work, String model, WeightKind kind) {
        return work + "-" + model + "-" + kind.text();
    }

    private static Row javaPeer(String work, String peer, double must, double goal) {
        return new Row(work + "-" + peer, work + " 1b q8 / " + peer, "tokens/s", must, goal);
    }

    private static Row gemm(String id, String work, double must, double goal) {
        return new Row(id, work, "GFLOP/s", must, goal);
    }
}
