-- catalog.sqlite: what the archive holds, a row a sealed segment. Derived: it can be deleted and made again from
-- segments/, index/ and chain.log (pktvault index --rebuild); a dump ordered by key is then the same.
--
-- Times are nanoseconds since 1970-01-01 UTC.
--
-- Every page of the file has 8 reserved bytes at its end, which hold the sum of the others: docs/FORMAT.md.

PRAGMA application_id = 0x504b5643; -- "PKVC"
PRAGMA user_version = 4;

CREATE TABLE meta (
    key TEXT PRIMARY KEY, -- uuid
    value ANY
) STRICT, WITHOUT ROWID;

CREATE TABLE segment (
    name TEXT PRIMARY KEY,       -- stem: 20261122T143000.123456789Z-0-000042
    lane INTEGER NOT NULL,       -- 0-63 live sources, 1000- imports
    sequence INTEGER NOT NULL,   -- of the lane
    import INTEGER NOT NULL,     -- 1: came from a capture file; its coverage is that of its packets
    start_ns INTEGER NOT NULL,   -- coverage: the source was listened to from start to end
    end_ns INTEGER NOT NULL,
    first_ns INTEGER,            -- smallest and largest time of a packet; NULL: none
    last_ns INTEGER,
    packets INTEGER NOT NULL,
    flows INTEGER NOT NULL,
    raw_bytes INTEGER NOT NULL,    -- pcapng before compression
    stored_bytes INTEGER NOT NULL, -- the segment file
    blocks INTEGER NOT NULL,
    sha256 TEXT NOT NULL,          -- of the segment file, as in chain.log
    recovered INTEGER NOT NULL,    -- 1: its writer died, recovery sealed it
    origin TEXT,                   -- what the section header says of where the packets come from
    span INTEGER NOT NULL          -- coverage and packets begin less than 2^span ns before end_ns
) STRICT, WITHOUT ROWID;

-- For time ranges. In a range, the segments of one span end in it, or less than 2^span ns behind it; there are few spans,
-- so the range costs what it holds and not what the archive holds. All that gaps are counted from stands in the index.
CREATE INDEX segment_time ON segment (import, span, end_ns, start_ns, first_ns, last_ns);

-- For every segment with packets, what may be in it; schema/summary.h describes the filters. An empty filter says
-- nothing: too much is in the segment. A query without a range reads all of this table, so nothing else is in it.
CREATE TABLE summary (
    name TEXT NOT NULL UNIQUE,
    import INTEGER NOT NULL,   -- as in segment
    first_ns INTEGER NOT NULL,
    last_ns INTEGER NOT NULL,
    link_types BLOB NOT NULL,  -- exact: LEB128 differences, ascending
    vnis BLOB NOT NULL,        -- exact: likewise
    addresses BLOB NOT NULL    -- filter: inner and outer addresses, with their /24 and /16 (IPv6: /64 and /48)
) STRICT;

CREATE TABLE summary_ports (
    name TEXT NOT NULL UNIQUE,
    ports BLOB NOT NULL -- filter: inner and outer ports
) STRICT;

-- Packets that were lost, from the statistics blocks of the segments.
CREATE TABLE loss (
    name TEXT NOT NULL,         -- segment
    interface INTEGER NOT NULL,
    cause TEXT NOT NULL,        -- kernel, buffer, disk, refused
    from_ns INTEGER NOT NULL,   -- the counter stood still until then …
    until_ns INTEGER NOT NULL,  -- … and had moved by then
    packets INTEGER NOT NULL,
    PRIMARY KEY (name, interface, cause, from_ns)
) STRICT, WITHOUT ROWID;

-- Parts of segments that cannot be read.
CREATE TABLE damage (
    name TEXT NOT NULL,
    offset INTEGER NOT NULL,    -- in the segment file; -1: the file as a whole
    reason TEXT NOT NULL,
    PRIMARY KEY (name, offset)
) STRICT, WITHOUT ROWID;

-- Names of VNIs as the configuration of the recorder had them, by segment.
CREATE TABLE vni_name (
    name TEXT NOT NULL,         -- segment
    first INTEGER NOT NULL,     -- first and last VNI of the range
    last INTEGER NOT NULL,
    label TEXT NOT NULL,
    PRIMARY KEY (name, first, last)
) STRICT, WITHOUT ROWID;
