package dev.ocellus.loader.safetensors;

import java.lang.foreign.MemorySegment;

/** Where the bytes of tensors come from that are written to a file. */
@FunctionalInterface
public interface TensorSource {
    /** All bytes are zero. A file written from it has holes and takes no space on the disk. */
    TensorSource ZEROS = (tensor, byteOffset, destination) -> destination.fill((byte) 0);

    /**
     * Fills {@code destination} with the bytes of {@code tensor} from {@code byteOffset} on.
     * Tensors come one after the other and each from its first byte to its last; the offset is a
     * multiple of 64.
     *
     * @param destination off-heap, 64-byte aligned, usable from any thread until this returns
     */
    void read(TensorSpec tensor, long byteOffset, MemorySegment destination);
}
