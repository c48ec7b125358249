package dev.ocellus.loader.safetensors;

import dev.ocellus.loader.safetensors.SafetensorsException.Rule;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * An open safetensors file. The header is validated completely before any tensor can be asked for;
 * the tensors' bytes are mapped, not read.
 *
 * <p>Thread-safe. Closing it ends copies under way with an {@link IllegalStateException}. Replacing
 * the file by a rename while it is open changes nothing; writing into it changes what is read.
 *
 * @see <a href="https://github.com/huggingface/safetensors#format">the format</a>
 */
public final class SafetensorsFile implements AutoCloseable {
    private final MappedFile file;
    private final Map<String, String> metadata;
    private final List<StoredTensor> tensors;

    private SafetensorsFile(MappedFile file, Header header, Map<String, TensorSpec> panels) {
        this.file = file;
        this.metadata = header.metadata();
        this.tensors =
                header.entries().stream()
                        .map(
                                e ->
                                        new StoredTensor(
                                                panels.getOrDefault(e.tensor().name(), e.tensor()),
                                                e.tensor(),
                                                file,
                                                header.dataOffset() + e.begin()))
                        .toList();
    }

    /**
     * @throws SafetensorsException if the file can't be read or breaks a rule of the format
     */
    public static SafetensorsFile open(Path path) {
        if (!Files.isRegularFile(path)) {
            String what =
                    Files.isDirectory(path)
                            ? "is a folder"
                            : Files.exists(path) ? "is not a regular file" : "does not exist";
            throw new SafetensorsException(path, Rule.IO, what);
        }
        RandomAccessFile in;
        try {
            in = new RandomAccessFile(path.toFile(), "r");
        } catch (FileNotFoundException e) {
            throw new SafetensorsException(path, Rule.IO, "can't be read: " + e.getMessage(), e);
        }
        try {
            long size = in.length();
            Header header = Header.read(path, in, size);
            Map<String, TensorSpec> panels = StoredPanels.read(path, header);
            return new SafetensorsFile(new MappedFile(path, in, size), header, panels);
        } catch (IOException e) {
            closeAfter(e, in);
            throw new SafetensorsException(path, Rule.IO, "can't be mapped: " + e, e);
        } catch (RuntimeException e) {
            closeAfter(e, in);
            throw e;
        }
    }

    private static void closeAfter(Exception e, RandomAccessFile in) {
        try {
            in.close();
        } catch (IOException closing) {
            e.addSuppressed(closing);
        }
    }

    public Path path() {
        return file.path();
    }

    /** The tensors in the order of their bytes in the file. */
    public List<StoredTensor> tensors() {
        return tensors;
    }

    /** The {@code __metadata__} of the header; empty if there is none. */
    public Map<String, String> metadata() {
        return metadata;
    }

    /** As {@link StoredTensor#releasePages}, for the whole file. */
    public void releasePages() {
        file.releasePages();
    }

    @Override
    public void close() {
        file.close();
    }
}
