package dev.ocellus.loader.template;

/** A fault inside a template; {@link ChatTemplate} adds the template's name. */
final class TemplateFault extends RuntimeException {
    private static final long serialVersionUID = 1L;

    TemplateFault(String message) {
        super(message);
    }
}
