package org.christmas.embedded.http;

import io.micronaut.jdbc.DataSourceResolver;
import jakarta.inject.Singleton;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.concurrent.atomic.AtomicLong;
import javax.sql.DataSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes sure that what a caller is told has been taken is on disk.
 *
 * <p>H2 writes committed transactions a moment later (WRITE_DELAY), all together and in order: after a kill the engine
 * goes on from a consistent moment just before it. What it did since is done again; but a webhook that was answered with
 * 200 must not be forgotten, so the answer waits for the write.
 */
@Singleton
class Durability {
    private static final Logger LOG = LoggerFactory.getLogger(Durability.class);
    private final DataSource database;
    private final AtomicLong asked = new AtomicLong();
    private long written;

    /**
     * @param database hands out connections inside of the engine's transactions only, so what lies behind it is used
     */
    Durability(DataSource database, DataSourceResolver resolver) {
        this.database = resolver.resolve(database);
    }

    /** Returns once everything committed so far is written. Callers that wait at the same time share one write. */
    void flush() {
        long mine = asked.incrementAndGet();
        synchronized (this) {
            if (written >= mine) {
                return;
            }
            long upTo = asked.get();
            write();
            written = upTo;
        }
    }

    private void write() {
        try (Connection connection = database.getConnection(); Statement statement = connection.createStatement()) {
            statement.execute("CHECKPOINT");
        } catch (SQLException e) {
            LOG.error("CHECKPOINT failed", e);
            throw Problems.unavailable("The engine's database");
        }
    }
}
