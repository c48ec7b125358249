package dev.ocellus.loader.template;

import java.util.List;
import java.util.Map;

/** An expression of a template. */
sealed interface Expression {
    record Literal(Object value) implements Expression {}

    record Name(String name) implements Expression {}

    record ListOf(List<Expression> items) implements Expression {}

    record TupleOf(List<Expression> items) implements Expression {}

    record DictOf(List<Map.Entry<Expression, Expression>> entries) implements Expression {}

    record Attribute(Expression target, String name) implements Expression {}

    record Item(Expression target, Expression key) implements Expression {}

    /** A part of a sequence; an absent bound is null. */
    record Slice(Expression target, Expression start, Expression stop, Expression step)
            implements Expression {}

    record Call(Expression target, Arguments arguments) implements Expression {}

    record Filter(Expression target, String name, Arguments arguments) implements Expression {}

    record Test(Expression target, String name, Arguments arguments) implements Expression {}

    record Unary(String operator, Expression operand) implements Expression {}

    record Binary(String operator, Expression left, Expression right) implements Expression {}

    /** A chain such as {@code a < b <= c}. */
    record Comparison(Expression first, List<String> operators, List<Expression> rest)
            implements Expression {}

    /** {@code whenTrue if condition else otherwise}; {@code otherwise} may be null. */
    record Conditional(Expression condition, Expression whenTrue, Expression otherwise)
            implements Expression {}

    /** What stands between the brackets of a call. */
    record Arguments(List<Expression> positional, Map<String, Expression> named) {
        static final Arguments NONE = new Arguments(List.of(), Map.of());
    }
}
