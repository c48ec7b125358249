package dev.ocellus.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ocellus.device.CpuDevice;
import dev.ocellus.device.CudaDevice;
import dev.ocellus.graph.CacheShape;
import dev.ocellus.kernels.WorkerPool;
import dev.ocellus.kernels.cuda.SoftGpu;
import dev.ocellus.kernels.scalar.ScalarProvider;
import dev.ocellus.tensor.DType;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.util.HashSet;
import java.util.Set;

class PagePoolTest {
    private static final CacheShape SHAPE = new CacheShape(2, 1, 4, 4, DType.BF16);

    private final CpuDevice device = new CpuDevice(new ScalarProvider(), new WorkerPool(1));
    private final PagePool pool = new PagePool(device, SHAPE, 20 * SHAPE.pageBytes() + 1);

    @AfterEach
    void close() {
        pool.close();
        device.close();
    }

    @Test
    void pagesHoldKeysAndValuesOfAllLayers() {
        // Tokens of keys and dimensions of values are rounded up to 16.
        assertThat(SHAPE.pageBytes()).isEqualTo(2 * 2 * 4 * 16 * 2);
        assertThat(SHAPE.tokenBytes()).isEqualTo(2 * 2 * 4 * 2);
        assertThat(SHAPE.keyOffset(1)).isEqualTo(2 * 4 * 16 * 2);
        assertThat(SHAPE.valueOffset(1)).isEqualTo(3 * 4 * 16 * 2);
        assertThat(SHAPE.pages(0)).isZero();
        assertThat(SHAPE.pages(4)).isEqualTo(1);
        assertThat(SHAPE.pages(5)).isEqualTo(2);
    }

    @Test
    void pagesGivenBackAreHandedOutAgain() {
        Set<Long> pages = new HashSet<>();
        for (int i = 0; i < 20; i++) {
            pages.add(pool.take());
        }
        assertThat(pages).hasSize(20).allSatisfy(p -> assertThat(p % 64).isZero());
        assertThat(pool.used()).isEqualTo(20);
        assertThat(pool.limitTokens()).isEqualTo(80);
        assertThatThrownBy(pool::take)
                .isInstanceOf(CacheFullException.class)
                .hasMessageContaining("20 pages of 4 tokens");
        pages.forEach(pool::give);
        assertThat(pool.used()).isZero();
        assertThat(pages).contains(pool.take(), pool.take());
        assertThat(pool.bytes()).isEqualTo(20 * SHAPE.pageBytes());
    }

    @Test
    void aPoolTooSmallForAPageIsFull() {
        try (PagePool none = new PagePool(device, SHAPE, SHAPE.pageBytes() - 1)) {
            assertThatThrownBy(none::take).isInstanceOf(CacheFullException.class);
        }
    }

    /** Memory is taken for several pages, and for one where there is no more. */
    @Test
    void pagesComeInSlabsWhileThereIsMemory() {
        SoftGpu.requireSoftware();
        try (CudaDevice gpu = new CudaDevice(0);
                PagePool slabs = new PagePool(gpu, SHAPE, 20 * SHAPE.pageBytes())) {
            long bytes = gpu.info().bytes();
            for (int i = 0; i < 9; i++) {
                slabs.take();
            }
            assertThat(slabs.bytes()).isEqualTo(10 * SHAPE.pageBytes());
            assertThat(gpu.usedBytes()).isEqualTo(slabs.bytes());
            slabs.take();
            try {
                SoftGpu.deviceBytes(gpu.usedBytes() + SHAPE.pageBytes());
                slabs.take();
                assertThat(slabs.bytes()).isEqualTo(11 * SHAPE.pageBytes());
                assertThatThrownBy(slabs::take)
                        .isInstanceOf(CacheFullException.class)
                        .hasMessageContaining("are free");
            } finally {
                SoftGpu.deviceBytes(bytes);
            }
            slabs.take();
            assertThat(slabs.used()).isEqualTo(12);
        }
    }

    @Test
    void aClosedPoolRefuses() {
        pool.close();
        assertThatThrownBy(pool::take)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("their model was closed");
    }

    @Test
    void aCacheReservesAllPagesOrNone() {
        KvCache cache = new KvCache(pool);
        cache.reserve(10);
        assertThat(pool.used()).isEqualTo(3);
        for (int i = 0; i < 10; i++) {
            assertThat(cache.append(100 + i)).isEqualTo(i);
        }
        assertThatThrownBy(() -> cache.reserve(71)).isInstanceOf(CacheFullException.class);
        assertThat(pool.used()).isEqualTo(3);
        cache.reserve(70);
        assertThat(pool.used()).isEqualTo(20);
        assertThat(cache.commonPrefix(new long[] {100, 101, 5})).isEqualTo(2);
        assertThat(cache.commonPrefix(new long[] {100})).isEqualTo(1);
        assertThat(cache.commonPrefix(new long[0])).isZero();
        cache.truncate(9);
        assertThat(pool.used()).isEqualTo(3);
        cache.truncate(8);
        assertThat(pool.used()).isEqualTo(2);
        cache.truncate(50);
        assertThat(cache.length()).isEqualTo(8);
        cache.close();
        cache.close();
        assertThat(pool.used()).isZero();
    }
}
