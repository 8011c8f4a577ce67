package org.christmas.embedded.http;

import org.christmas.embedded.Tenant;

/** Parts of addresses that several controllers share. */
final class Addresses {
    static final String TENANT = Tenant.MAIN;
    /** Prefix of all addresses of the only tenant. */
    static final String API = "/api/v1/" + TENANT;

    private Addresses() {
    }
}
