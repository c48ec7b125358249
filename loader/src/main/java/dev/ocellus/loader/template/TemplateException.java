package dev.ocellus.loader.template;

/** A chat template that can't be read or rendered; the message names the template and says why. */
public final class TemplateException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    TemplateException(String template, String message, Throwable cause) {
        super(template + ": " + message, cause);
    }
}
