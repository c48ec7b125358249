package dev.ocellus.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;

import dev.ocellus.kernels.Ceilings;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.KernelProviders;
import dev.ocellus.tensor.DType;

import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/**
 * Runs the kernel benchmarks and sets each figure beside what this machine can do, measured in the
 * same run before and after the benchmarks: {@code Report [--report HTML-FILE] [THREADS]
 * [JSON-FILE]}. A share over one is no mistake: the plain read loop is not the upper bound of
 * memory.
 */
public final class Report {
    private static final int ITERATIONS = 5;
    private static final TimeValue ITERATION_TIME = TimeValue.milliseconds(500);

    /**
     * One benchmark with one set of parameters.
     *
     * @param ceilingGflops measured peak of the instruction that the work uses
     * @param ceilingGbytes measured speed of reading memory
     * @param share of the ceiling that bounds this work: the larger of the two shares
     */
    public record Row(
            String work,
            int threads,
            double microseconds,
            double gflops,
            double gbytes,
            double ceilingGflops,
            double ceilingGbytes,
            double share,
            String bound) {}

    private Report() {}

    public static void main(String[] args) throws RunnerException, IOException {
        List<String> left = new ArrayList<>(List.of(args));
        Path page = page(left);
        int threads = left.isEmpty() ? 1 : Integer.parseInt(left.getFirst());
        System.out.println("kernels: " + KernelProviders.get().description());
        Ceilings before = Ceilings.measure(threads);
        List<RunResult> results = new ArrayList<>();
        results.addAll(run("MatMulBenchmark", threads, "weights", "F32", "compute", "F32"));
        results.addAll(run("MatMulBenchmark", threads, "weights", "F16", "compute", "F32"));
        results.addAll(run("MatMulBenchmark", threads, "weights", "BF16", "compute", "F32"));
        results.addAll(run("MatMulBenchmark", threads, "weights", "BF16", "compute", "BF16"));
        results.addAll(run("MatMulBenchmark", threads, "weights", "Q8", "compute", "INT8"));
        results.addAll(run("MatMulBenchmark", threads, "weights", "Q4", "compute", "INT8"));
        results.addAll(run("\\.AttentionBenchmark", threads));
        results.addAll(run("PagedAttentionBenchmark", threads));
        results.addAll(run("PagedAttentionBenchmark", threads, "cache", "BF16", "compute", "BF16"));
        results.addAll(run("\\.NormBenchmark", threads));
        results.addAll(run("RegionBenchmark", Math.max(threads, 2)));
        results.addAll(run("GroupNormBenchmark", threads));
        results.addAll(run("Conv2dBenchmark", threads, "weights", "F32", "compute", "F32"));
        results.addAll(run("Conv2dBenchmark", threads, "weights", "BF16", "compute", "BF16"));
        results.addAll(run("ResizeBenchmark", threads));
        Ceilings better = better(before, Ceilings.measure(threads));
        List<Row> rows = results.stream().map(r -> row(r, threads, better)).toList();
        print(rows);
        if (left.size() > 1) {
            ObjectMapper json = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
            Files.write(Path.of(left.get(1)), json.writeValueAsBytes(rows));
        }
        if (page != null) {
            Files.writeString(page, KernelPage.html(rows, better));
        }
    }

    /** The file after "--report", which is taken out of the arguments; null without it. */
    private static Path page(List<String> arguments) {
        int at = arguments.indexOf("--report");
        if (at < 0) {
            return null;
        }
        if (at + 1 == arguments.size()) {
            throw new IllegalArgumentException("--report needs a file");
        }
        arguments.remove(at);
        return Path.of(arguments.remove(at));
    }

    /** The machine is shared: what it showed once it can do. */
    private static Ceilings better(Ceilings a, Ceilings b) {
        return new Ceilings(
                a.threads(),
                a.source(),
                Math.max(a.readGBs(), b.readGBs()),
                Math.max(a.f32Gflops(), b.f32Gflops()),
                Math.max(a.bf16Gflops(), b.bf16Gflops()),
                Math.max(a.int8Gops(), b.int8Gops()));
    }

    /**
     * @param params names and values of parameters that are fixed
     */
    private static List<RunResult> run(String benchmark, int threads, String... params)
            throws RunnerException {
        ChainedOptionsBuilder options =
                new OptionsBuilder()
                        .include(benchmark)
                        .forks(1)
                        .warmupIterations(2)
                        .warmupTime(ITERATION_TIME)
                        .measurementIterations(ITERATIONS)
                        .measurementTime(ITERATION_TIME)
                        .timeUnit(TimeUnit.NANOSECONDS)
                        .jvmArgsAppend(
                                "--enable-native-access=ALL-UNNAMED",
                                "--sun-misc-unsafe-memory-access=allow",
                                "-XX:+UseSerialGC")
                        .param("threads", String.valueOf(threads))
                        .verbosity(VerboseMode.SILENT);
        for (int i = 0; i < params.length; i += 2) {
            options.param(params[i], params[i + 1]);
        }
        System.out.println("running " + benchmark + " " + String.join(" ", params));
        return List.copyOf(new Runner(options.build()).run());
    }

    private static Row row(RunResult result, int threads, Ceilings ceilings) {
        BenchmarkParams p = result.getParams();
        String name = p.getBenchmark().substring(p.getBenchmark().lastIndexOf('.') + 1);
        double seconds = result.getPrimaryResult().getScore() * 1e-9;
        ComputeType compute =
                p.getParamsKeys().contains("compute")
                        ? ComputeType.valueOf(p.getParam("compute"))
                        : ComputeType.F32;
        Work work = work(name, p);
        double gflops = work.flops() / seconds * 1e-9;
        double gbytes = work.bytes() / seconds * 1e-9;
        boolean integers = name.startsWith("resize");
        double peak = peak(integers ? ComputeType.INT8 : compute, ceilings);
        double read = ceilings.readGBs();
        boolean memory = gbytes / read > gflops / peak;
        return new Row(
                label(name, p),
                threads,
                seconds * 1e6,
                gflops,
                gbytes,
                peak,
                read,
                Math.max(gbytes / read, gflops / peak),
                work == Work.NONE ? "barrier" : memory ? "memory" : "arithmetic");
    }

    /** Of the instruction for this type, or of float32 where there is none. */
    private static double peak(ComputeType compute, Ceilings ceilings) {
        double own =
                switch (compute) {
                    case F32 -> ceilings.f32Gflops();
                    case BF16, F16 -> ceilings.bf16Gflops();
                    case INT8 -> ceilings.int8Gops();
                };
        return own > 0 ? own : ceilings.f32Gflops();
    }

    private static Work work(String name, BenchmarkParams p) {
        return switch (name) {
            case "matMul" ->
                    MatMulBenchmark.work(p.getParam("shape"), DType.valueOf(p.getParam("weights")));
            case "attention" ->
                    AttentionBenchmark.work(
                            number(p, "length"), number(p, "heads"), number(p, "headDim"));
            case "pagedAttention" ->
                    PagedAttentionBenchmark.work(
                            number(p, "rows"),
                            number(p, "context"),
                            number(p, "heads"),
                            number(p, "kvHeads"),
                            number(p, "headDim"),
                            DType.valueOf(p.getParam("cache")));
            case "rmsNorm", "layerNorm" -> NormBenchmark.work(number(p, "rows"), number(p, "cols"));
            case "empty", "shared" -> Work.NONE;
            case "groupNorm" -> GroupNormBenchmark.work(number(p, "pixels"), number(p, "channels"));
            case "conv2d" ->
                    Conv2dBenchmark.work(
                            number(p, "side"),
                            number(p, "channels"),
                            number(p, "kernel"),
                            DType.valueOf(p.getParam("weights")));
            case "resizeRows" ->
                    ResizeBenchmark.rowsWork(number(p, "from"), number(p, "to"), number(p, "rows"));
            case "resizePlanes" ->
                    ResizeBenchmark.planesWork(
                            number(p, "from"), number(p, "to"), number(p, "rows"));
            default -> throw new IllegalStateException("no work is known for benchmark " + name);
        };
    }

    private static int number(BenchmarkParams p, String key) {
        return Integer.parseInt(p.getParam(key));
    }

    private static String label(String name, BenchmarkParams p) {
        StringBuilder s = new StringBuilder(name);
        for (String key : p.getParamsKeys()) {
            if (!key.equals("threads")) {
                s.append(' ').append(key).append('=').append(p.getParam(key));
            }
        }
        return s.toString();
    }

    private static void print(List<Row> rows) {
        System.out.printf(
                Locale.ROOT,
                "%-74s %12s %9s %8s %11s %9s %7s  %s%n",
                "work",
                "us",
                "GFLOP/s",
                "GB/s",
                "peak GFLOP/s",
                "read GB/s",
                "share",
                "bound");
        for (Row r : rows) {
            System.out.printf(
                    Locale.ROOT,
                    "%-74s %12.1f %9.1f %8.1f %12.1f %9.1f %6.0f%%  %s%n",
                    r.work(),
                    r.microseconds(),
                    r.gflops(),
                    r.gbytes(),
                    r.ceilingGflops(),
                    r.ceilingGbytes(),
                    r.share() * 100,
                    r.bound());
        }
    }
}
