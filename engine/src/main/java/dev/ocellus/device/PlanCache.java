package dev.ocellus.device;

import dev.ocellus.plan.Plan;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;

/**
 * Runnable plans of one model by the capacities they were made for. Bounded by the bytes of their
 * workspaces; the least recently used one goes first. Thread-safe.
 */
public final class PlanCache implements AutoCloseable {
    private final Device device;
    private final WeightStore store;
    private final long limitBytes;
    private final Map<Object, Executable> plans = new LinkedHashMap<>(16, 0.75f, true);
    private long bytes;

    public PlanCache(Device device, WeightStore store, long limitBytes) {
        this.device = device;
        this.store = store;
        this.limitBytes = limitBytes;
    }

    /**
     * Starts a run of the plan for {@code key}, which is made first if it is not here. A caller
     * must not hold another run of this cache.
     */
    public synchronized Run begin(Object key, Supplier<Plan> maker) {
        return executable(key, maker).begin();
    }

    /** The runnable plan for {@code key}; good until it is evicted. */
    public synchronized Executable executable(Object key, Supplier<Plan> maker) {
        Executable e = plans.get(key);
        if (e == null) {
            Plan plan = maker.get();
            evict(limitBytes - plan.workspaceBytes());
            e = device.prepare(plan, store);
            plans.put(key, e);
            bytes += plan.workspaceBytes();
        }
        return e;
    }

    /** Bytes of all workspaces held. */
    public synchronized long bytes() {
        return bytes;
    }

    public synchronized int size() {
        return plans.size();
    }

    @Override
    public synchronized void close() {
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
