package dev.ocellus.quantize;

import dev.ocellus.Progress;
import dev.ocellus.device.CpuDevice;
import dev.ocellus.graph.Weight;
import dev.ocellus.loader.Checkpoint;
import dev.ocellus.loader.CheckpointException;
import dev.ocellus.loader.CheckpointWriter;
import dev.ocellus.loader.UnfinishedFiles;
import dev.ocellus.loader.WeightTypes;
import dev.ocellus.loader.safetensors.StoredPanels;
import dev.ocellus.loader.safetensors.StoredTensor;
import dev.ocellus.loader.safetensors.TensorSpec;
import dev.ocellus.tensor.DType;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Writes a checkpoint folder whose matrices are packed as kernels read them, in the types of a
 * choice: it opens at the speed of reading it, and takes as much memory as it has bytes. All other
 * tensors and files are copied. The layout is in {@code docs/weights.md}.
 *
 * <p>Takes a few megabytes of memory for each thread and those of a matrix's largest panel.
 */
public final class Quantizer {
    /** Weights of other programs and other copies of these. */
    private static final Pattern WEIGHTS =
            Pattern.compile(
                    ".*\\.(safetensors|bin|pth?|ckpt|h5|msgpack|onnx|gguf)(\\.index\\.json)?");

    /**
     * @param types in which matrices are packed
     * @param maxShardBytes weights over this size are split into files
     */
    public record Options(WeightTypes types, long maxShardBytes) {
        public static final Options DEFAULT = new Options(WeightTypes.of(DType.Q8), 5_000_000_000L);

        public Options {
            if (maxShardBytes < 1) {
                throw new IllegalArgumentException("maxShardBytes must be at least 1");
            }
        }
    }

    private final Checkpoint original;
    private final Options options;
    private final Map<String, TensorSpec> matrices = new LinkedHashMap<>();
    private final Map<String, StoredTensor> sources = new LinkedHashMap<>();
    private final List<TensorSpec> stored = new ArrayList<>();
    private final List<QuantizationReport.Matrix> done = new ArrayList<>();

    private Quantizer(Checkpoint original, Options options) {
        this.original = original;
        this.options = options;
        for (StoredTensor t : original.tensors()) {
            if (t.isPanels()) {
                throw new CheckpointException(
                        "%s: its weights are packed already ('%s' as %s); start from the original"
                                .formatted(original.folder(), t.name(), t.dtype().lowerName()));
            }
            DType type = options.types().typeOf(t).orElse(null);
            if (type == null) {
                sources.put(t.name(), t);
                stored.add(t.spec());
            } else {
                TensorSpec matrix = new TensorSpec(t.name(), type, t.shape());
                matrices.put(t.name(), matrix);
                sources.put(t.name(), t.packedAs(type));
                stored.add(StoredPanels.stored(matrix));
            }
        }
    }

    /**
     * Writes the folder; of a run that fails or is interrupted nothing stays.
     *
     * @param model a checkpoint that is not packed yet
     * @param folder is made, or empty
     * @param progress hears of {@link Progress#WEIGHTS}; null for silence
     * @throws CheckpointException if the model can't be read, is packed already, has elements that
     *     a type can't hold, or the folder is not empty or can't be written
     */
    public static QuantizationReport write(
            Path model, Path folder, Options options, Progress progress) {
        try (Checkpoint original = Checkpoint.open(model)) {
            return new Quantizer(original, options).write(folder, progress);
        }
    }

    private QuantizationReport write(Path folder, Progress progress) {
        try (UnfinishedFiles unfinished = new UnfinishedFiles();
                CpuDevice device = new CpuDevice();
                PackedSource packed = new PackedSource(device.provider(), device.pool())) {
            prepare(folder, unfinished);
            for (Path file : sideFiles()) {
                Path copy = folder.resolve(file.getFileName());
                unfinished.add(copy);
                Files.copy(file, copy);
            }
            Counter counter = new Counter(progress, bytes(stored));
            CheckpointWriter.write(
                    folder,
                    stored,
                    matrices,
                    options.maxShardBytes(),
                    (tensor, offset, to) -> {
                        read(packed, sources.get(tensor.name()), offset, to);
                        counter.add(to.byteSize());
                    });
            unfinished.keep();
        } catch (IOException e) {
            throw new CheckpointException(folder + ": can't be written: " + e, e);
        }
        return new QuantizationReport(folder, done, original.byteSize(), bytes(stored));
    }

    private static long bytes(List<TensorSpec> tensors) {
        return tensors.stream().mapToLong(TensorSpec::byteSize).sum();
    }

    /** Makes the folder, and refuses one that has something in it or no room. */
    private void prepare(Path folder, UnfinishedFiles unfinished) throws IOException {
        if (Files.exists(folder)) {
            if (!Files.isDirectory(folder)) {
                throw new CheckpointException(folder + ": is not a folder");
            }
            try (Stream<Path> children = Files.list(folder)) {
                if (children.findAny().isPresent()) {
                    throw new CheckpointException(folder + ": is not empty; choose another folder");
                }
            }
        } else {
            unfinished.add(folder);
            Files.createDirectories(folder);
        }
        long needed = bytes(stored);
        long free = Files.getFileStore(folder).getUsableSpace();
        if (free < needed) {
            throw new CheckpointException(
                    "%s: the weights take %d bytes, the disk has room for %d"
                            .formatted(folder, needed, free));
        }
    }

    /** Configuration, tokenizer, templates, licence: all plain files that hold no weights. */
    private List<Path> sideFiles() throws IOException {
        try (Stream<Path> children = Files.list(original.folder())) {
            return children.filter(Files::isRegularFile)
                    .filter(f -> !f.getFileName().toString().startsWith("."))
                    .filter(f -> !WEIGHTS.matcher(f.getFileName().toString()).matches())
                    .sorted()
                    .toList();
        }
    }

    private void read(PackedSource packed, StoredTensor t, long offset, MemorySegment to) {
        TensorSpec matrix = matrices.get(t.name());
        if (matrix == null) {
            t.copyTo(offset, to);
            t.releasePages(offset, to.byteSize());
            return;
        }
        if (offset == 0) {
            packed.begin(Weight.matrix(t));
        }
        packed.read(offset, to);
        long after = StoredPanels.stored(matrix).byteSize();
        if (offset + to.byteSize() == after) {
            done.add(finished(t, matrix, after, packed.error()));
        }
    }

    private static QuantizationReport.Matrix finished(
            StoredTensor t, TensorSpec matrix, long bytes, double error) {
        if (!Double.isFinite(error)) {
            throw new CheckpointException(
                    "%s: tensor '%s' has elements that are not finite or too large for %s; keep its stored type"
                            .formatted(t.file(), t.name(), matrix.dtype().lowerName()));
        }
        return new QuantizationReport.Matrix(
                t.name(),
                t.dtype(),
                matrix.dtype(),
                t.shape().dim(0),
                t.shape().dim(1),
                t.byteSize(),
                bytes,
                error);
    }

    private static final class Counter {
        private final Progress progress;
        private final long total;
        private long bytes;

        Counter(Progress progress, long total) {
            this.progress = progress;
            this.total = total;
        }

        void add(long more) {
            bytes += more;
            if (progress != null) {
                progress.at(Progress.WEIGHTS, bytes, total);
            }
        }
    }
}
