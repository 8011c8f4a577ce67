package org.christmas.embedded;

/** The engine can't start as it was asked to; the message is one sentence for the person who started it. */
public final class StartProblem extends RuntimeException {
    public StartProblem(String message) {
        super(message);
    }

    public StartProblem(String message, Throwable cause) {
        super(message, cause);
    }
}
