package dev.ocellus.tools;

/** A command can't do what was asked; the message is one sentence for the user. */
final class UserException extends RuntimeException {
    UserException(String message) {
        super(message);
    }
}
