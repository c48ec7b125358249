package dev.ocellus.device;

import dev.ocellus.plan.Plan;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;

/**
 * Runnable plans of one model by the capacities they were made for. Bounded by the bytes of their
 * workspaces; the least recently used one goes first. Where the device has no memory left for
 * another one, all others go. Thread-safe.
 */
public final class PlanCache implements AutoCloseable {
    private final Device device;
    private final WeightStore store;
    private final long limitBytes;
    private final Map<Object, Executable> plans = new LinkedHashMap<>(16, 0.75f, true);
    private long bytes;
    private boolean closed;

    public PlanCache(Device device, WeightStore store, long limitBytes) {
        this.device = device;
        this.store = store;
        this.limitBytes = limitBytes;
    }

    /**
     * Starts a run of the plan for {@code key}, which is made first if it is not here. A caller
     * must not hold another run of this cache.
     *
     * @throws IllegalStateException if this cache is closed
     */
    public Run begin(Object key, Supplier<Plan> maker) {
        while (true) {
            Executable e = executable(key, maker);
            try {
                // May wait for another run of the plan, so without this cache's lock.
                return e.begin();
            } catch (IllegalStateException refused) {
                if (holds(key, e)) {
                    throw refused;
                }
            }
        }
    }

    private synchronized boolean holds(Object key, Executable e) {
        return plans.get(key) == e;
    }

    /**
     * The runnable plan for {@code key}; good until it is evicted.
     *
     * @throws DeviceMemoryException if there is too little memory even without other plans
     * @throws IllegalStateException if this cache is closed
     */
    public synchronized Executable executable(Object key, Supplier<Plan> maker) {
        if (closed) {
            throw new IllegalStateException("the plans have been freed: their model was closed");
        }
        Executable e = plans.get(key);
        if (e == null) {
            Plan plan = maker.get();
            evict(limitBytes - plan.workspaceBytes());
            e = prepare(plan);
            plans.put(key, e);
            bytes += plan.workspaceBytes();
        }
        return e;
    }

    private Executable prepare(Plan plan) {
        try {
            return device.prepare(plan, store);
        } catch (DeviceMemoryException full) {
            if (plans.isEmpty()) {
                throw full;
            }
            evict(0);
            return device.prepare(plan, store);
        }
    }

    /** Bytes of all workspaces held. */
    public synchronized long bytes() {
        return bytes;
    }

    public synchronized int size() {
        return plans.size();
    }

    /** Waits for the runs under way. */
    @Override
    public synchronized void close() {
        closed = true;
        evict(0);
    }

    private void evict(long target) {
        Iterator<Executable> oldest = plans.values().iterator();
        while (bytes > Math.max(target, 0) && oldest.hasNext()) {
            Executable e = oldest.next();
            oldest.remove();
            bytes -= e.plan().workspaceBytes();
            e.close();
        }
    }
}
