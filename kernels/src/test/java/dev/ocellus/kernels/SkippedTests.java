package dev.ocellus.kernels;

import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.TestSource;
import org.junit.platform.engine.support.descriptor.ClassSource;
import org.junit.platform.engine.support.descriptor.MethodSource;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.TestPlan;

import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;

/**
 * Says after all tests of a module which of them were skipped and why, a line for each reason, as
 * reports count them only: {@code 42 tests skipped: software GPU: no C++ compiler (g++) found:
 * CudaGenerationTest, GpuTest}. It is found by its name in {@code META-INF/services}.
 */
public final class SkippedTests implements TestExecutionListener {

    private static final String ASSUMPTION = "Assumption failed: ";

    /** The tests that were skipped for one reason. */
    private static final class Group {
        final Set<String> classes = new TreeSet<>();
        long tests;
    }

    private final Consumer<String> out;
    private final Map<String, Group> groups = new TreeMap<>();
    private TestPlan plan;

    public SkippedTests() {
        this(System.out::println);
    }

    SkippedTests(Consumer<String> out) {
        this.out = out;
    }

    @Override
    public void testPlanExecutionStarted(TestPlan started) {
        plan = started;
    }

    @Override
    public void executionSkipped(TestIdentifier test, String reason) {
        add(test, reason);
    }

    @Override
    public void executionFinished(TestIdentifier test, TestExecutionResult result) {
        if (result.getStatus() == TestExecutionResult.Status.ABORTED) {
            add(test, result.getThrowable().map(Throwable::getMessage).orElse(null));
        }
    }

    @Override
    public synchronized void testPlanExecutionFinished(TestPlan finished) {
        groups.forEach(
                (reason, group) ->
                        out.accept(
                                "%d %s skipped: %s: %s"
                                        .formatted(
                                                group.tests,
                                                group.tests == 1 ? "test" : "tests",
                                                reason,
                                                String.join(", ", group.classes))));
        groups.clear();
    }

    /** A class counts as its tests; those that it would make as it runs are not known. */
    private synchronized void add(TestIdentifier test, String message) {
        String reason = message == null || message.isBlank() ? "no reason given" : message;
        if (reason.startsWith(ASSUMPTION)) {
            reason = reason.substring(ASSUMPTION.length());
        }
        Group group = groups.computeIfAbsent(reason.strip().replace('\n', ' '), _ -> new Group());
        long inside = plan.getDescendants(test).stream().filter(TestIdentifier::isTest).count();
        group.tests += Math.max(1, inside);
        group.classes.add(className(test));
    }

    private String className(TestIdentifier test) {
        Optional<TestIdentifier> at = Optional.of(test);
        while (at.isPresent()) {
            String name = at.get().getSource().map(SkippedTests::className).orElse("");
            if (!name.isEmpty()) {
                return name.substring(name.lastIndexOf('.') + 1);
            }
            at = plan.getParent(at.get());
        }
        return test.getDisplayName();
    }

    private static String className(TestSource source) {
        return switch (source) {
            case MethodSource method -> method.getClassName();
            case ClassSource type -> type.getClassName();
            default -> "";
        };
    }
}
