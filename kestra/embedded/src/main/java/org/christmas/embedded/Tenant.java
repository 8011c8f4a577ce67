package org.christmas.embedded;

/** The one tenant of the open-source engine. */
public final class Tenant {
    public static final String MAIN = "main";

    private Tenant() {
    }
}
