package dev.ocellus.chat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Visual tokens of images by content, up to a limit in bytes; the least recently used go first.
 * Entries in use stay until their users are done. Thread-safe; two threads that ask for the same
 * new image compute it once.
 */
public final class FeatureCache implements AutoCloseable {
    private final long limitBytes;
    private final Map<VisualInput.ContentKey, Entry> entries = new LinkedHashMap<>(16, 0.75f, true);
    private long bytes;

    /** Features of one image, in use by somebody. Must be closed once. */
    public final class Entry implements AutoCloseable {
        private final VisualInput.ContentKey key;
        private final Arena arena = Arena.ofShared();
        private final MemorySegment features;
        private int users;
        private boolean cached;
        private boolean filled;

        private Entry(VisualInput.ContentKey key, long size) {
            this.key = key;
            features = arena.allocate(size, 64);
        }

        /** float32 [tokens, hidden]; good until closed. */
        public MemorySegment features() {
            return features;
        }

        @Override
        public void close() {
            release(this);
        }
    }

    public FeatureCache(long limitBytes) {
        this.limitBytes = limitBytes;
    }

    /**
     * The features of an image, made by {@code maker} if they are not here.
     *
     * @param size bytes of the features
     * @param maker writes them; called without locks held but for this image
     */
    public Entry get(VisualInput.ContentKey key, long size, Consumer<MemorySegment> maker) {
        Entry e = acquire(key, size);
        synchronized (e) {
            if (!e.filled) {
                try {
                    maker.accept(e.features);
                    e.filled = true;
                } catch (RuntimeException | Error failure) {
                    abandon(e);
                    throw failure;
                }
            }
        }
        return e;
    }

    private synchronized Entry acquire(VisualInput.ContentKey key, long size) {
        Entry e = entries.get(key);
        if (e == null) {
            evict(limitBytes - size);
            e = new Entry(key, size);
            bytes += size;
            entries.put(key, e);
            e.cached = true;
        }
        e.users++;
        return e;
    }

    private synchronized void abandon(Entry e) {
        drop(e);
        release(e);
    }

    private synchronized void release(Entry e) {
        e.users--;
        if (bytes > limitBytes) {
            evict(limitBytes);
        }
        free(e);
    }

    /** Takes an entry out of the cache; its memory goes when its last user does. */
    private void drop(Entry e) {
        if (e.cached) {
            e.cached = false;
            entries.remove(e.key);
        }
    }

    private void free(Entry e) {
        if (!e.cached && e.users == 0 && e.arena.scope().isAlive()) {
            bytes -= e.features.byteSize();
            e.arena.close();
        }
    }

    private void evict(long target) {
        Iterator<Entry> oldest = entries.values().iterator();
        while (bytes > Math.max(target, 0) && oldest.hasNext()) {
            Entry e = oldest.next();
            if (e.users == 0) {
                oldest.remove();
                e.cached = false;
                free(e);
            }
        }
    }

    /** Bytes of all features held. */
    public synchronized long bytes() {
        return bytes;
    }

    public synchronized int size() {
        return entries.size();
    }

    @Override
    public synchronized void close() {
        evict(0);
    }
}
