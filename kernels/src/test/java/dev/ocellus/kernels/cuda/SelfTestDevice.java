package dev.ocellus.kernels.cuda;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.provider.Arguments;

import java.util.stream.Stream;

/** For tests of the software GPU itself: a context of its own, and two arrays in its memory. */
abstract class SelfTestDevice {
    DriverCalls driver;
    long in;
    long out;
    private long context;

    /** Skips the test where there is no software GPU. */
    void open(float[] values, int outputs) {
        SoftGpu.requireSoftware();
        driver = new DriverCalls();
        context = driver.context();
        in = driver.floats(values);
        out = driver.floats(new float[outputs]);
    }

    @AfterEach
    void close() {
        if (driver != null) {
            driver.call("cuCtxDestroy_v2", context);
            driver.close();
            SoftGpu.sanitized(Boolean.getBoolean("ocellus.softgpu.sanitize"));
            SoftGpu.defaults();
        }
    }

    /** Each order of threads, and whether kernels are sanitized. */
    static Stream<Arguments> ways() {
        return Stream.of(SoftGpu.Order.values())
                .flatMap(o -> Stream.of(Arguments.of(o, false), Arguments.of(o, true)));
    }
}
