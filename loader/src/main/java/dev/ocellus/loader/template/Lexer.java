package dev.ocellus.loader.template;

import dev.ocellus.loader.text.PythonText;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Cuts a template into tokens and applies the white space rules of transformers: the first line
 * break behind a block goes, spaces before a block at the start of a line go, a minus sign takes
 * all white space on its side.
 */
final class Lexer {
    private static final Pattern RAW = Pattern.compile("\\{%[-+]?\\s*raw\\s*(-?)%}");
    private static final Pattern END_RAW = Pattern.compile("\\{%([-+]?)\\s*endraw\\s*([-+]?)%}");
    private static final Pattern NAME = Pattern.compile("[\\p{L}_][\\p{L}\\p{N}\\p{M}_]*");
    private static final Pattern FLOAT =
            Pattern.compile("\\d+(?:_\\d+)*(?:\\.\\d+(?:_\\d+)*(?:[eE][+-]?\\d+)?|[eE][+-]?\\d+)");
    private static final Pattern INTEGER = Pattern.compile("\\d+(?:_\\d+)*");
    private static final Pattern STRING =
            Pattern.compile(
                    "'([^'\\\\]*+(?:\\\\.[^'\\\\]*+)*+)'|\"([^\"\\\\]*+(?:\\\\.[^\"\\\\]*+)*+)\"",
                    Pattern.DOTALL);
    private static final Pattern OPERATOR =
            Pattern.compile("//|\\*\\*|==|!=|>=|<=|[-+*/%~\\[\\](){}<>=.:|,;]");

    private final String source;
    private final List<Token> tokens = new ArrayList<>();
    private int position;
    private int counted;
    private int line = 1;
    private boolean lineStarting = true;

    private Lexer(String source) {
        this.source = source;
    }

    static List<Token> tokens(String template) {
        String source = template.replace("\r\n", "\n").replace('\r', '\n');
        if (source.endsWith("\n")) {
            source = source.substring(0, source.length() - 1);
        }
        return new Lexer(source).run();
    }

    private List<Token> run() {
        while (position < source.length()) {
            int begin = nextTag();
            if (begin < 0) {
                add(Token.Kind.DATA, source.substring(position));
                position = source.length();
                break;
            }
            String text = source.substring(position, begin);
            char kind = source.charAt(begin + 1);
            Matcher raw = RAW.matcher(source).region(begin, source.length());
            boolean isRaw = kind == '%' && raw.lookingAt();
            data(text, sign(begin + 2), kind != '{');
            position = begin;
            if (isRaw) {
                raw(raw);
            } else if (kind == '#') {
                comment();
            } else {
                tag(kind == '%');
            }
        }
        tokens.add(new Token(Token.Kind.END, "", line(source.length())));
        return tokens;
    }

    private int nextTag() {
        for (int at = source.indexOf('{', position); at >= 0; at = source.indexOf('{', at + 1)) {
            if (at + 1 < source.length() && "{%#".indexOf(source.charAt(at + 1)) >= 0) {
                return at;
            }
        }
        return -1;
    }

    private char sign(int at) {
        char c = at < source.length() ? source.charAt(at) : ' ';
        return c == '-' || c == '+' ? c : ' ';
    }

    /** Adds text before a tag with the given sign. */
    private void data(String text, char sign, boolean isBlock) {
        String kept = text;
        if (sign == '-') {
            kept = PythonText.stripRight(text);
        } else if (sign != '+' && isBlock) {
            int lineStart = text.lastIndexOf('\n') + 1;
            if ((lineStart > 0 || lineStarting)
                    && PythonText.stripLeft(text.substring(lineStart)).isEmpty()) {
                kept = text.substring(0, lineStart);
            }
        }
        if (!kept.isEmpty()) {
            add(Token.Kind.DATA, kept);
        }
    }

    private void comment() {
        int end = source.indexOf("#}", position + 2);
        if (end < 0) {
            throw new TemplateFault("line " + line(position) + ": a comment has no end");
        }
        char sign = source.charAt(end - 1);
        position = end + 2;
        afterBlock(sign == '-' || sign == '+' ? sign : ' ');
    }

    private void raw(Matcher raw) {
        position = raw.end();
        if (!raw.group(1).isEmpty()) {
            skipSpace();
        }
        Matcher end = END_RAW.matcher(source);
        if (!end.find(position)) {
            throw new TemplateFault("line " + line(position) + ": a raw block has no end");
        }
        lineStarting = source.charAt(position - 1) == '\n';
        data(
                source.substring(position, end.start()),
                end.group(1).isEmpty() ? ' ' : end.group(1).charAt(0),
                true);
        position = end.end();
        afterBlock(end.group(2).isEmpty() ? ' ' : end.group(2).charAt(0));
    }

    private void afterBlock(char sign) {
        if (sign == '-') {
            skipSpace();
        } else if (sign == ' ' && position < source.length() && source.charAt(position) == '\n') {
            position++;
        }
        lineStarting = source.charAt(position - 1) == '\n';
    }

    private void skipSpace() {
        while (position < source.length() && PythonText.isSpace(source.charAt(position))) {
            position++;
        }
    }

    private void tag(boolean isBlock) {
        String end = isBlock ? "%}" : "}}";
        int begin = position;
        add(isBlock ? Token.Kind.BLOCK_BEGIN : Token.Kind.OUTPUT_BEGIN, "");
        position += 2;
        if (sign(position) != ' ') {
            position++;
        }
        int depth = 0;
        while (true) {
            skipSpace();
            if (position >= source.length()) {
                throw new TemplateFault("line " + line(begin) + ": a tag has no end");
            }
            char sign = sign(position);
            // Inside brackets "}}" closes two of them.
            if (depth == 0 && source.startsWith(end, sign == ' ' ? position : position + 1)) {
                add(isBlock ? Token.Kind.BLOCK_END : Token.Kind.OUTPUT_END, "");
                position += sign == ' ' ? 2 : 3;
                if (isBlock) {
                    afterBlock(sign);
                } else if (sign == '-') {
                    skipSpace();
                }
                lineStarting = source.charAt(position - 1) == '\n';
                return;
            }
            depth += expressionToken();
        }
    }

    /** Adds one token; returns the change of bracket depth. */
    private int expressionToken() {
        if (take(FLOAT, Token.Kind.FLOAT)
                || take(INTEGER, Token.Kind.INTEGER)
                || take(NAME, Token.Kind.NAME)) {
            return 0;
        }
        Matcher string = STRING.matcher(source).region(position, source.length());
        if (string.lookingAt()) {
            add(
                    Token.Kind.STRING,
                    StringLiteral.value(
                            string.group(1) != null ? string.group(1) : string.group(2)));
            position = string.end();
            return 0;
        }
        int at = position;
        if (take(OPERATOR, Token.Kind.OPERATOR)) {
            char c = source.charAt(at);
            return "([{".indexOf(c) >= 0 ? 1 : ")]}".indexOf(c) >= 0 ? -1 : 0;
        }
        throw new TemplateFault(
                "line "
                        + line(position)
                        + ": unexpected character '"
                        + source.charAt(position)
                        + "'");
    }

    private boolean take(Pattern pattern, Token.Kind kind) {
        Matcher matcher = pattern.matcher(source).region(position, source.length());
        if (!matcher.lookingAt()) {
            return false;
        }
        add(kind, matcher.group());
        position = matcher.end();
        return true;
    }

    private void add(Token.Kind kind, String text) {
        tokens.add(new Token(kind, text, line(position)));
    }

    /** Line of a position; positions only grow. */
    private int line(int at) {
        for (; counted < Math.min(at, source.length()); counted++) {
            if (source.charAt(counted) == '\n') {
                line++;
            }
        }
        return line;
    }
}
