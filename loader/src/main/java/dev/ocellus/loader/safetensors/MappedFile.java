package dev.ocellus.loader.safetensors;

import dev.ocellus.loader.safetensors.SafetensorsException.Rule;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Path;

/**
 * A file mapped for reading. Bytes leave it only by {@link #copyTo}: a page of a mapping that lies
 * behind the end of a file that was cut raises a fault, which the JDK turns into an error in Java
 * code and which would kill the process in native code. So nobody else gets to see the mapping.
 *
 * <p>The mapping belongs to the file that was opened, whatever its path names later.
 */
final class MappedFile implements AutoCloseable {
    /**
     * Copies are split so that a thread inside one doesn't hold up the garbage collector for long.
     */
    private static final long COPY_BYTES = 1 << 20;

    private final Path path;
    // A FileChannel would be closed for everybody when a thread that asks its size is interrupted.
    private final RandomAccessFile file;
    private final long size;
    private final Arena arena;
    private final MemorySegment mapping;

    /** Takes ownership of {@code file}. */
    MappedFile(Path path, RandomAccessFile file, long size) throws IOException {
        this.path = path;
        this.file = file;
        this.size = size;
        this.arena = Arena.ofShared();
        try {
            this.mapping = file.getChannel().map(MapMode.READ_ONLY, 0, size, arena);
        } catch (IOException | RuntimeException e) {
            arena.close();
            throw e;
        }
    }

    Path path() {
        return path;
    }

    void copyTo(String tensor, long offset, MemorySegment destination) {
        checkLength(tensor);
        try {
            long bytes = destination.byteSize();
            for (long done = 0; done < bytes; done += COPY_BYTES) {
                long n = Math.min(COPY_BYTES, bytes - done);
                MemorySegment.copy(mapping, offset + done, destination, done, n);
            }
            // Inside the try: the JDK may raise a fault's error only at the thread's next return
            // from native code, which asking for the length is.
            checkLength(tensor);
        } catch (InternalError e) {
            throw shrank(tensor, e);
        }
    }

    private void checkLength(String tensor) {
        long now;
        try {
            now = file.length();
        } catch (IOException e) {
            if (!arena.scope().isAlive()) {
                throw new IllegalStateException(path + ": was closed", e);
            }
            throw new SafetensorsException(path, Rule.IO, "can't be read: " + e, e);
        }
        if (now < size) {
            throw shrank(tensor, null);
        }
    }

    private SafetensorsException shrank(String tensor, Throwable cause) {
        return new SafetensorsException(
                path,
                Rule.FILE_SHRANK,
                "the file was cut or changed while tensor '%s' was read".formatted(tensor),
                cause);
    }

    /**
     * Gives back the memory of pages that were read; they are read again when needed.
     *
     * <p>Locked against {@link #close}, which would fail while the system call holds the mapping.
     */
    synchronized void releasePages(long offset, long bytes) {
        PageAdvice.release(mapping, offset, bytes);
    }

    /** Begins to read pages that will be needed; likewise locked. */
    synchronized void readAhead(long offset, long bytes) {
        PageAdvice.readAhead(mapping, offset, bytes);
    }

    /**
     * As {@link #releasePages(long, long)} for the whole file, with the pages that the system
     * mapped beside those asked for.
     */
    void releasePages() {
        releasePages(0, size);
    }

    @Override
    public synchronized void close() {
        if (!arena.scope().isAlive()) {
            return;
        }
        arena.close();
        try {
            file.close();
        } catch (IOException e) {
            throw new SafetensorsException(path, Rule.IO, "can't be closed: " + e, e);
        }
    }
}
