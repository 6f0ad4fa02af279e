-- The index of one sealed segment: index/YYYY/MM/DD/STEM.sqlite. Derived: it can be deleted and made again from the
-- segment. Written once, never changed. docs/QUERIES.md shows how to use it with nothing but sqlite3.
--
-- Times are nanoseconds since 1970-01-01 UTC: datetime(first_ns / 1000000000, 'unixepoch'); those of blocks and flows
-- are nanoseconds after base_ns in meta, which takes less room, and the views have them in full.
--
-- Every page of the file has 8 reserved bytes at its end, which hold the sum of the others: docs/FORMAT.md.

PRAGMA application_id = 0x504b5649; -- "PKVI"
PRAGMA user_version = 3;            -- version of this schema

-- What is known of the whole segment. Keys: segment (stem of its name), uuid (of the archive), packets, raw_bytes,
-- stored_bytes, flows, start_ns and end_ns (coverage), first_ns and last_ns (of its packets; absent without any), base_ns
-- (what after_ns counts from).
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value ANY
) STRICT, WITHOUT ROWID;

-- Interface Description Blocks of the segment, numbered as there.
CREATE TABLE interface (
    id INTEGER PRIMARY KEY,
    link_type INTEGER NOT NULL,   -- LINKTYPE_ number
    snap_length INTEGER NOT NULL, -- 0: no limit
    packets INTEGER NOT NULL,
    name TEXT,
    description TEXT,
    options BLOB                  -- further pcapng options, little endian
) STRICT;

-- What carried the packets. Row 0 is "no tunnel".
CREATE TABLE tunnel (
    id INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL, -- 0 none, 1 VXLAN, 2 GENEVE
    vni INTEGER,           -- NULL without a tunnel
    a BLOB, b BLOB         -- the two outer addresses, the lower first: 4 or 16 bytes
) STRICT;

-- The LZ4 blocks of the segment file: each can be read and decoded alone. Blocks without a packet are left out.
CREATE TABLE block (
    id INTEGER PRIMARY KEY,         -- 0, 1, … in the order of the file
    offset INTEGER NOT NULL,        -- of its size word in the file
    stored_bytes INTEGER NOT NULL,  -- with size word and checksum
    raw_bytes INTEGER NOT NULL,
    first_ordinal INTEGER NOT NULL, -- packets are numbered 0, 1, … through the segment
    packets INTEGER NOT NULL,
    after_ns INTEGER NOT NULL,      -- smallest time of its packets - base_ns
    duration_ns INTEGER NOT NULL    -- largest - smallest
) STRICT;

-- Every address that is an end of a flow, in ascending order of (length, bytes), so that a net is a range of ids.
CREATE TABLE host (
    id INTEGER PRIMARY KEY,
    address BLOB NOT NULL, -- 4 bytes IPv4, 6 bytes MAC, 16 bytes IPv6; empty: the link has none
    flows BLOB NOT NULL    -- ids of its flows, ascending, as LEB128 differences (the first from 0)
) STRICT;

-- One row a flow in this segment: (tunnel, protocol, endpoint, endpoint). Of a million flows those before are put down
-- and the memory of them is lost, so that a flow that goes on has another row. src is the initiator: who sent the SYN, or
-- received the SYN+ACK, else who came first. Bytes are those of the inner frames as they were on the wire.
CREATE TABLE flow (
    id INTEGER PRIMARY KEY,        -- 0, 1, … in the order of the first packet
    tunnel INTEGER NOT NULL,       -- tunnel.id
    protocol INTEGER NOT NULL,     -- 0-255: IP protocol; 65536 + Ethertype where it is not IP; -1: malformed
    src INTEGER NOT NULL,          -- host.id
    dst INTEGER NOT NULL,          -- host.id
    src_port INTEGER,              -- NULL: has no ports, or a fragment whose first was not seen (see orphan)
    dst_port INTEGER,
    after_ns INTEGER NOT NULL,     -- first packet - base_ns
    duration_ns INTEGER NOT NULL,  -- last packet - first packet
    src_packets INTEGER NOT NULL, src_bytes INTEGER NOT NULL,
    dst_packets INTEGER NOT NULL, dst_bytes INTEGER NOT NULL,
    src_flags INTEGER NOT NULL, dst_flags INTEGER NOT NULL, -- TCP flags seen, as in the header: FIN 1, SYN 2, RST 4 …
    orphan INTEGER,                -- 1: fragments whose first was not seen, or cut before the ports; else NULL
    icmp INTEGER,                  -- type * 256 + code of the first ICMP packet that src sent; NULL: not ICMP
    -- Posting list, its packets: LEB128 of (difference to the previous ordinal) * 2 + direction; the first difference is
    -- from 0. Direction 0: sent by src.
    ordinals BLOB NOT NULL
) STRICT;

-- Hosts with their addresses as text: 10.0.0.1, 2001:0db8:0000:…, 00:0c:29:…
CREATE VIEW host_view AS
SELECT id, CASE length(x)
    WHEN 8 THEN printf('%d.%d.%d.%d',
        instr(d, substr(x, 1, 1)) * 16 + instr(d, substr(x, 2, 1)) - 17,
        instr(d, substr(x, 3, 1)) * 16 + instr(d, substr(x, 4, 1)) - 17,
        instr(d, substr(x, 5, 1)) * 16 + instr(d, substr(x, 6, 1)) - 17,
        instr(d, substr(x, 7, 1)) * 16 + instr(d, substr(x, 8, 1)) - 17)
    WHEN 12 THEN printf('%s:%s:%s:%s:%s:%s', substr(x, 1, 2), substr(x, 3, 2), substr(x, 5, 2),
        substr(x, 7, 2), substr(x, 9, 2), substr(x, 11, 2))
    WHEN 32 THEN printf('%s:%s:%s:%s:%s:%s:%s:%s', substr(x, 1, 4), substr(x, 5, 4), substr(x, 9, 4),
        substr(x, 13, 4), substr(x, 17, 4), substr(x, 21, 4), substr(x, 25, 4), substr(x, 29, 4))
    END AS address
FROM (SELECT id, lower(hex(address)) AS x, '0123456789abcdef' AS d FROM host);

-- Blocks with their times in full.
CREATE VIEW block_view AS
SELECT b.id, offset, stored_bytes, raw_bytes, first_ordinal, packets, value + after_ns AS first_ns,
    value + after_ns + duration_ns AS last_ns
FROM block b JOIN meta ON key = 'base_ns';

-- Flows with names in place of numbers, for reading.
CREATE VIEW flow_view AS
SELECT f.id, datetime((m.value + f.after_ns) / 1000000000, 'unixepoch') AS first_utc, m.value + f.after_ns AS first_ns,
    f.duration_ns,
    CASE t.kind WHEN 1 THEN 'vxlan' WHEN 2 THEN 'geneve' END AS tunnel, t.vni, hex(t.a) AS outer_a, hex(t.b) AS outer_b,
    CASE f.protocol WHEN 1 THEN 'icmp' WHEN 6 THEN 'tcp' WHEN 17 THEN 'udp' WHEN 58 THEN 'icmp6' WHEN 132 THEN 'sctp'
        WHEN 67590 THEN 'arp' WHEN -1 THEN 'malformed' ELSE f.protocol END AS protocol,
    s.address AS src, f.src_port, d.address AS dst, f.dst_port,
    f.src_packets, f.src_bytes, f.dst_packets, f.dst_bytes, f.src_flags, f.dst_flags
FROM flow f JOIN meta m ON m.key = 'base_ns' JOIN tunnel t ON t.id = f.tunnel JOIN host_view s ON s.id = f.src JOIN host_view d ON d.id = f.dst;
