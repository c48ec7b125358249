package dev.ocellus.loader.template;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Operators on numbers, strings and lists. */
final class Arithmetic {
    private Arithmetic() {}

    static Object apply(String operator, Object left, Object right, Budget budget) {
        fail(left);
        fail(right);
        if (operator.equals("+")) {
            if (left instanceof String a && right instanceof String b) {
                budget.length((long) a.length() + b.length());
                return a + b;
            }
            if (left instanceof List<?> a
                    && right instanceof List<?> b
                    && a instanceof Tuple == b instanceof Tuple) {
                List<Object> joined = new ArrayList<>(a);
                joined.addAll(b);
                budget.list(joined);
                return a instanceof Tuple ? new Tuple(joined) : joined;
            }
        }
        if (operator.equals("*") && left instanceof String s && right instanceof Long n) {
            long count = Math.max(0, n);
            budget.length(
                    s.isEmpty()
                            ? 0
                            : count > Budget.MAX_TEXT ? Long.MAX_VALUE : count * s.length());
            return s.repeat(s.isEmpty() ? 0 : (int) count);
        }
        if (operator.equals("%") && left instanceof String format) {
            return PercentFormat.format(
                    format,
                    right instanceof Tuple t ? t : Collections.singletonList(right),
                    budget);
        }
        if (Values.isNumber(left) && Values.isNumber(right)) {
            return number(operator, left, right);
        }
        throw new TemplateFault(
                "unsupported operand type(s) for "
                        + operator
                        + ": '"
                        + Values.typeName(left)
                        + "' and '"
                        + Values.typeName(right)
                        + "'");
    }

    /** An undefined operand is a fault with its own message. */
    static void fail(Object operand) {
        if (operand instanceof Undefined undefined) {
            throw new TemplateFault(undefined.message());
        }
    }

    private static Object number(String operator, Object left, Object right) {
        if (left instanceof Double || right instanceof Double || operator.equals("/")) {
            return real(operator, Values.asDouble(left), Values.asDouble(right));
        }
        long a = left instanceof Boolean flag ? (flag ? 1 : 0) : (Long) left;
        long b = right instanceof Boolean flag ? (flag ? 1 : 0) : (Long) right;
        try {
            return switch (operator) {
                case "+" -> Math.addExact(a, b);
                case "-" -> Math.subtractExact(a, b);
                case "*" -> Math.multiplyExact(a, b);
                case "//" -> Math.floorDiv(a, b);
                case "%" -> Math.floorMod(a, b);
                default -> b < 0 ? (Object) Math.pow(a, b) : (Object) power(a, b);
            };
        } catch (ArithmeticException e) {
            throw new TemplateFault(b == 0 ? "division by zero" : "a number is too large");
        }
    }

    private static long power(long base, long exponent) {
        long result = 1;
        long square = base;
        for (long rest = exponent; rest > 0; rest >>= 1) {
            if ((rest & 1) == 1) {
                result = Math.multiplyExact(result, square);
            }
            if (rest > 1) {
                square = Math.multiplyExact(square, square);
            }
        }
        return result;
    }

    private static Object real(String operator, double a, double b) {
        if (b == 0
                && !operator.equals("+")
                && !operator.equals("-")
                && !operator.equals("*")
                && !operator.equals("**")) {
            throw new TemplateFault("division by zero");
        }
        return switch (operator) {
            case "+" -> a + b;
            case "-" -> a - b;
            case "*" -> a * b;
            case "/" -> a / b;
            case "//" -> Math.floor(a / b);
            case "%" -> a - b * Math.floor(a / b);
            default -> Math.pow(a, b);
        };
    }
}
