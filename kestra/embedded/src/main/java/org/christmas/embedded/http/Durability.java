package org.christmas.embedded.http;

import io.micronaut.jdbc.DataSourceResolver;
import jakarta.inject.Singleton;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import javax.sql.DataSource;

/**
 * Makes sure that what a caller is told has been taken is on disk.
 *
 * <p>H2 writes committed transactions a moment later (WRITE_DELAY), all together and in order: after a kill the engine
 * goes on from a consistent moment just before it. What it did since is done again; but a webhook that was answered with
 * 200 must not be forgotten, so the answer waits for the write.
 */
@Singleton
class Durability {
    private final DataSource database;

    /**
     * @param database hands out connections inside of the engine's transactions only, so what lies behind it is used
     */
    Durability(DataSource database, DataSourceResolver resolver) {
        this.database = resolver.resolve(database);
    }

    /** Returns once everything committed so far is written. */
    void flush() {
        try (Connection connection = database.getConnection(); Statement statement = connection.createStatement()) {
            statement.execute("CHECKPOINT");
        } catch (SQLException e) {
            throw new IllegalStateException("The engine's database could not be written", e);
        }
    }
}
