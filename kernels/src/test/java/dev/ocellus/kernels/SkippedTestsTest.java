package dev.ocellus.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Disabled;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.junit.platform.launcher.core.LauncherConfig;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

import java.util.ArrayList;
import java.util.List;

class SkippedTestsTest {

    static class SomeAreSkipped {
        @Test
        void runs() {}

        @Test
        void needsMore() {
            abort("no compiler found");
        }

        @ParameterizedTest
        @ValueSource(ints = {1, 2})
        void eachNeedsMore(int ignored) {
            abort("no compiler found");
        }

        @Test
        @Disabled("not today")
        void isDisabled() {}
    }

    static class AllAreSkipped {
        @BeforeAll
        static void require() {
            abort("no compiler found");
        }

        @Test
        void first() {}

        @Test
        void second() {}
    }

    @Test
    void eachReasonIsALineWithItsTests() {
        assertThat(run(SomeAreSkipped.class, AllAreSkipped.class))
                .containsExactly(
                        "5 tests skipped: no compiler found:"
                                + " SkippedTestsTest$AllAreSkipped,"
                                + " SkippedTestsTest$SomeAreSkipped",
                        "1 test skipped: not today: SkippedTestsTest$SomeAreSkipped");
    }

    private static List<String> run(Class<?>... classes) {
        List<String> lines = new ArrayList<>();
        LauncherConfig config =
                LauncherConfig.builder()
                        .enableTestExecutionListenerAutoRegistration(false)
                        .addTestExecutionListeners(new SkippedTests(lines::add))
                        .build();
        var request = LauncherDiscoveryRequestBuilder.request();
        for (Class<?> type : classes) {
            request.selectors(selectClass(type));
        }
        LauncherFactory.create(config).execute(request.build());
        return lines;
    }
}
