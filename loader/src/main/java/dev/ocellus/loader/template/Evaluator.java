package dev.ocellus.loader.template;

import dev.ocellus.loader.template.Expression.Arguments;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Computes expressions. */
final class Evaluator {
    private final Budget budget;
    private final Filters filters;

    Evaluator(Budget budget) {
        this.budget = budget;
        this.filters = new Filters(budget);
    }

    Object value(Expression expression, Scope scope) {
        budget.enter();
        Object value =
                switch (expression) {
                    case Expression.Literal(Object literal) -> literal;
                    case Expression.Name(String name) -> scope.get(name);
                    case Expression.ListOf(List<Expression> items) -> values(items, scope);
                    case Expression.TupleOf(List<Expression> items) ->
                            new Tuple(values(items, scope));
                    case Expression.DictOf(var entries) -> dict(entries, scope);
                    case Expression.Attribute(Expression target, String name) ->
                            Members.attribute(value(target, scope), name, budget);
                    case Expression.Item(Expression target, Expression key) ->
                            Members.item(value(target, scope), value(key, scope), budget);
                    case Expression.Slice slice ->
                            Members.slice(
                                    value(slice.target(), scope),
                                    optional(slice.start(), scope),
                                    optional(slice.stop(), scope),
                                    optional(slice.step(), scope),
                                    budget);
                    case Expression.Call(Expression target, Arguments arguments) ->
                            call(target, arguments, scope);
                    case Expression.Filter(Expression target, String name, Arguments arguments) ->
                            filter(value(target, scope), name, arguments, scope);
                    case Expression.Test(Expression target, String name, Arguments arguments) ->
                            Tests.apply(
                                    name,
                                    value(target, scope),
                                    values(arguments.positional(), scope),
                                    budget);
                    case Expression.Unary(String operator, Expression operand) ->
                            unary(operator, value(operand, scope));
                    case Expression.Binary binary -> binary(binary, scope);
                    case Expression.Comparison comparison -> comparison(comparison, scope);
                    case Expression.Conditional(
                                    Expression condition,
                                    Expression whenTrue,
                                    Expression otherwise) -> {
                        if (Values.truth(value(condition, scope))) {
                            yield value(whenTrue, scope);
                        }
                        yield otherwise == null
                                ? new Undefined(
                                        "the inline if-expression evaluated to false and no else section was defined.")
                                : value(otherwise, scope);
                    }
                };
        budget.leave();
        return value;
    }

    Object filter(Object value, String name, Arguments arguments, Scope scope) {
        return filters.apply(
                value,
                new Named(name, values(arguments.positional(), scope), named(arguments, scope)));
    }

    private Object optional(Expression expression, Scope scope) {
        return expression == null ? null : value(expression, scope);
    }

    private List<Object> values(List<Expression> expressions, Scope scope) {
        List<Object> values = new ArrayList<>(expressions.size());
        for (Expression expression : expressions) {
            values.add(value(expression, scope));
        }
        return values;
    }

    private Map<String, Object> named(Arguments arguments, Scope scope) {
        Map<String, Object> named = new LinkedHashMap<>();
        arguments.named().forEach((name, expression) -> named.put(name, value(expression, scope)));
        return named;
    }

    private Map<Object, Object> dict(List<Map.Entry<Expression, Expression>> entries, Scope scope) {
        Map<Object, Object> dict = new LinkedHashMap<>();
        for (Map.Entry<Expression, Expression> entry : entries) {
            dict.put(value(entry.getKey(), scope), value(entry.getValue(), scope));
        }
        return dict;
    }

    private Object call(Expression target, Arguments arguments, Scope scope) {
        Object callee = value(target, scope);
        Arithmetic.fail(callee);
        if (!(callee instanceof Callable callable)) {
            throw new TemplateFault("'" + Values.typeName(callee) + "' object is not callable");
        }
        return callable.call(values(arguments.positional(), scope), named(arguments, scope));
    }

    private Object unary(String operator, Object operand) {
        if (operator.equals("not")) {
            return !Values.truth(operand);
        }
        return Arithmetic.apply(operator, 0L, operand, budget);
    }

    private Object binary(Expression.Binary binary, Scope scope) {
        Object left = value(binary.left(), scope);
        switch (binary.operator()) {
            case "and" -> {
                return Values.truth(left) ? value(binary.right(), scope) : left;
            }
            case "or" -> {
                return Values.truth(left) ? left : value(binary.right(), scope);
            }
            case "~" -> {
                String a = Values.text(left, budget);
                String b = Values.text(value(binary.right(), scope), budget);
                budget.length((long) a.length() + b.length());
                return a + b;
            }
            default -> {
                return Arithmetic.apply(
                        binary.operator(), left, value(binary.right(), scope), budget);
            }
        }
    }

    private boolean comparison(Expression.Comparison comparison, Scope scope) {
        Object left = value(comparison.first(), scope);
        for (int i = 0; i < comparison.operators().size(); i++) {
            Object right = value(comparison.rest().get(i), scope);
            if (!holds(comparison.operators().get(i), left, right)) {
                return false;
            }
            left = right;
        }
        return true;
    }

    private boolean holds(String operator, Object left, Object right) {
        switch (operator) {
            case "==" -> {
                return Values.equal(left, right, budget);
            }
            case "!=" -> {
                return !Values.equal(left, right, budget);
            }
            case "in" -> {
                return Values.contains(right, left, budget);
            }
            case "not in" -> {
                return !Values.contains(right, left, budget);
            }
            default -> {
                Arithmetic.fail(left);
                Arithmetic.fail(right);
                int order = Values.compare(left, right, operator, budget);
                return switch (operator) {
                    case "<" -> order < 0;
                    case "<=" -> order <= 0;
                    case ">" -> order > 0;
                    default -> order >= 0;
                };
            }
        }
    }
}
