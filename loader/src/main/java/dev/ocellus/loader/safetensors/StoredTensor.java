package dev.ocellus.loader.safetensors;

import dev.ocellus.kernels.Panels;
import dev.ocellus.loader.CheckpointException;
import dev.ocellus.tensor.DType;
import dev.ocellus.tensor.Shape;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Objects;

/**
 * A tensor in an open file: little-endian elements, row-major, without gaps; or a matrix that is
 * packed for kernels already ({@link #isPanels}). Its bytes are copied out, never viewed. Usable
 * from any thread until the file is closed.
 */
public final class StoredTensor {
    private final TensorSpec spec;
    private final TensorSpec stored;
    private final MappedFile file;
    private final long fileOffset;
    private final DType kernelType;

    /**
     * @param spec what the tensor is
     * @param stored what the file says that it is: the same, or bytes of panels
     */
    StoredTensor(TensorSpec spec, TensorSpec stored, MappedFile file, long fileOffset) {
        this(
                spec,
                stored,
                file,
                fileOffset,
                Panels.supports(spec.dtype()) ? spec.dtype() : DType.F32);
    }

    private StoredTensor(
            TensorSpec spec,
            TensorSpec stored,
            MappedFile file,
            long fileOffset,
            DType kernelType) {
        this.spec = spec;
        this.stored = stored;
        this.file = file;
        this.fileOffset = fileOffset;
        this.kernelType = kernelType;
    }

    /** What the tensor is; of a packed matrix the matrix, not its bytes. */
    public TensorSpec spec() {
        return spec;
    }

    /** Whether the bytes are those of a matrix packed as {@link Panels} say. */
    public boolean isPanels() {
        return stored != spec;
    }

    /**
     * The type in which kernels read it as a matrix: the stored type where they can, else float32,
     * unless another was chosen with {@link #packedAs}.
     */
    public DType kernelType() {
        return kernelType;
    }

    /**
     * This tensor, to be packed as another type.
     *
     * @throws IllegalStateException if it is packed already
     */
    public StoredTensor packedAs(DType type) {
        if (isPanels()) {
            throw new IllegalStateException(file() + ": '" + name() + "' is packed already");
        }
        return new StoredTensor(spec, stored, file, fileOffset, type);
    }

    /** Full name in the checkpoint. */
    public String name() {
        return spec.name();
    }

    public DType dtype() {
        return spec.dtype();
    }

    public Shape shape() {
        return spec.shape();
    }

    public long elements() {
        return spec.elements();
    }

    /** Bytes in the file. */
    public long byteSize() {
        return stored.byteSize();
    }

    /** The file that holds it. */
    public Path file() {
        return file.path();
    }

    /**
     * This tensor, checked.
     *
     * @throws CheckpointException if its shape is not {@code expected}
     */
    public StoredTensor expectShape(long... expected) {
        Shape wanted = Shape.of(expected);
        if (!shape().equals(wanted)) {
            throw new CheckpointException(
                    "%s: tensor '%s' has shape %s, expected %s"
                            .formatted(file(), name(), shape(), wanted));
        }
        return this;
    }

    /**
     * Copies {@code destination.byteSize()} bytes, as they are in the file, from {@code byteOffset}
     * of this tensor on.
     *
     * @throws IndexOutOfBoundsException if the range passes the end of this tensor
     * @throws SafetensorsException if the file was cut since it was opened; what was copied so far
     *     is meaningless then
     * @throws IllegalStateException if the file was closed
     */
    public void copyTo(long byteOffset, MemorySegment destination) {
        Objects.checkFromIndexSize(byteOffset, destination.byteSize(), byteSize());
        file.copyTo(name(), fileOffset + byteOffset, destination);
    }

    /**
     * Gives the memory of the file pages of {@code bytes} bytes from {@code byteOffset} on back to
     * the system, once they are copied elsewhere. Changes no content: they are read from the file
     * again when needed. Does nothing where the system has no such call.
     *
     * @throws IndexOutOfBoundsException if the range passes the end of this tensor
     */
    public void releasePages(long byteOffset, long bytes) {
        Objects.checkFromIndexSize(byteOffset, bytes, byteSize());
        file.releasePages(fileOffset + byteOffset, bytes);
    }

    /**
     * Lets the system begin to read {@code bytes} bytes from {@code byteOffset} on, so that {@link
     * #copyTo} finds them in memory. Does nothing where the system has no such call.
     *
     * @throws IndexOutOfBoundsException if the range passes the end of this tensor
     */
    public void readAhead(long byteOffset, long bytes) {
        Objects.checkFromIndexSize(byteOffset, bytes, byteSize());
        file.readAhead(fileOffset + byteOffset, bytes);
    }

    @Override
    public String toString() {
        return "%s %s %s".formatted(name(), dtype(), shape());
    }
}
