-- Version 1 of the schema. What has been released is never changed; a change is the next file.

CREATE TABLE tenants (
    tenant TEXT NOT NULL PRIMARY KEY,
    position INTEGER,  -- of the last checkpoint
    projected INTEGER  -- position of the last record whose rows are in rejects and audit
) STRICT, WITHOUT ROWID;

CREATE TABLE floor (
    id INTEGER PRIMARY KEY CHECK (id = 1),  -- one row
    position INTEGER NOT NULL               -- from which a restart reads the log
) STRICT;

CREATE TABLE parts (
    tenant TEXT NOT NULL,
    key TEXT NOT NULL,
    size INTEGER NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (tenant, key)
) STRICT;

CREATE TABLE series (
    tenant TEXT NOT NULL,
    agent TEXT NOT NULL,
    data_point TEXT NOT NULL,
    series INTEGER NOT NULL,   -- its number within the tenant
    span_us INTEGER NOT NULL,  -- no chunk reaches over more time
    loose INTEGER NOT NULL,    -- chunks since it was last merged
    PRIMARY KEY (tenant, agent, data_point),
    UNIQUE (tenant, series)
) STRICT, WITHOUT ROWID;
CREATE INDEX series_loose ON series (tenant, loose);

CREATE TABLE chunks (
    tenant TEXT NOT NULL,
    series INTEGER NOT NULL,
    first_us INTEGER NOT NULL,
    last_us INTEGER NOT NULL,
    first_sequence INTEGER NOT NULL,  -- it holds the samples of all sealed chunks from here
    last_sequence INTEGER NOT NULL,   -- to here
    samples INTEGER NOT NULL,
    weight INTEGER NOT NULL,          -- bytes of memory that the samples take
    size INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (tenant, series, last_sequence, first_us),
    FOREIGN KEY (tenant, series) REFERENCES series (tenant, series)
) STRICT;
CREATE UNIQUE INDEX chunks_first ON chunks (tenant, series, first_us, last_sequence);
CREATE UNIQUE INDEX chunks_last ON chunks (tenant, series, last_us, last_sequence);

CREATE TABLE messages (
    tenant TEXT NOT NULL,
    position INTEGER NOT NULL,
    size INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (tenant, position)
) STRICT;

CREATE TABLE rejects (
    tenant TEXT NOT NULL,
    position INTEGER NOT NULL,
    line INTEGER NOT NULL,  -- among the rows of the position
    agent TEXT NOT NULL,
    received_us INTEGER NOT NULL,
    topic TEXT NOT NULL,
    entries TEXT NOT NULL,  -- JSON
    size INTEGER NOT NULL,
    payload BLOB NOT NULL,
    PRIMARY KEY (tenant, position, line)
) STRICT;
CREATE INDEX rejects_agent ON rejects (tenant, agent, position, line);

CREATE TABLE audit (
    tenant TEXT NOT NULL,
    position INTEGER NOT NULL,
    line INTEGER NOT NULL,
    at_us INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (tenant, position, line)
) STRICT, WITHOUT ROWID;

-- Refusals and tokens are the server's; a tenant is what some of them have, so their keys do not begin with it.
CREATE TABLE refusals (
    id INTEGER PRIMARY KEY,
    tenant TEXT,
    at_us INTEGER NOT NULL,
    stage TEXT NOT NULL,
    address TEXT NOT NULL,
    sni TEXT,
    alpn TEXT,
    tls_version TEXT,
    client_id TEXT,
    subject TEXT,
    issuer TEXT,
    serial TEXT,
    not_after_us INTEGER,
    code TEXT NOT NULL,
    hint TEXT NOT NULL,
    tracking_id TEXT NOT NULL,
    haystack TEXT NOT NULL,  -- what a text is searched in, in lower case
    size INTEGER NOT NULL
) STRICT;
CREATE INDEX refusals_tenant ON refusals (tenant, id);

CREATE TABLE tokens (
    hash BLOB NOT NULL PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    tenant TEXT,
    role TEXT NOT NULL,
    label TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    expires_us INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX tokens_tenant ON tokens (tenant);

-- Rows and bytes of the tables with a size, kept by triggers.
CREATE TABLE totals (
    tenant TEXT NOT NULL,  -- empty for the server
    kind TEXT NOT NULL,
    count INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (tenant, kind)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER parts_added AFTER INSERT ON parts BEGIN
    INSERT INTO totals VALUES (new.tenant, 'parts', 1, new.size)
    ON CONFLICT DO UPDATE SET count = count + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER parts_removed AFTER DELETE ON parts BEGIN
    UPDATE totals SET count = count - 1, bytes = bytes - old.size
    WHERE tenant = old.tenant AND kind = 'parts';
END;
CREATE TRIGGER parts_changed AFTER UPDATE OF size ON parts BEGIN
    UPDATE totals SET bytes = bytes + new.size - old.size
    WHERE tenant = new.tenant AND kind = 'parts';
END;

CREATE TRIGGER chunks_added AFTER INSERT ON chunks BEGIN
    INSERT INTO totals VALUES (new.tenant, 'chunks', 1, new.size)
    ON CONFLICT DO UPDATE SET count = count + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER chunks_removed AFTER DELETE ON chunks BEGIN
    UPDATE totals SET count = count - 1, bytes = bytes - old.size
    WHERE tenant = old.tenant AND kind = 'chunks';
END;

CREATE TRIGGER messages_added AFTER INSERT ON messages BEGIN
    INSERT INTO totals VALUES (new.tenant, 'messages', 1, new.size)
    ON CONFLICT DO UPDATE SET count = count + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER messages_removed AFTER DELETE ON messages BEGIN
    UPDATE totals SET count = count - 1, bytes = bytes - old.size
    WHERE tenant = old.tenant AND kind = 'messages';
END;

CREATE TRIGGER rejects_added AFTER INSERT ON rejects BEGIN
    INSERT INTO totals VALUES (new.tenant, 'rejects', 1, new.size)
    ON CONFLICT DO UPDATE SET count = count + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER rejects_removed AFTER DELETE ON rejects BEGIN
    UPDATE totals SET count = count - 1, bytes = bytes - old.size
    WHERE tenant = old.tenant AND kind = 'rejects';
END;

CREATE TRIGGER refusals_added AFTER INSERT ON refusals BEGIN
    INSERT INTO totals VALUES (coalesce(new.tenant, ''), 'refusals', 1, new.size)
    ON CONFLICT DO UPDATE SET count = count + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER refusals_removed AFTER DELETE ON refusals BEGIN
    UPDATE totals SET count = count - 1, bytes = bytes - old.size
    WHERE tenant = coalesce(old.tenant, '') AND kind = 'refusals';
END;
