/* SPDX-License-Identifier: BSD-2-Clause */
/* Every limit and default of pktvault, with its reason. */
#ifndef PKV_BASE_LIMITS_H
#define PKV_BASE_LIMITS_H

/* Segment format (docs/FORMAT.md). */
/* Raw bytes at which a block is cut: no ratio lost against 256 KiB, and a lone packet is decoded
 * four times faster. */
#define PKV__BLOCK_TARGET_BYTES 65536u
/* Largest raw block: what the LZ4 frame header announces. */
#define PKV__BLOCK_MAX_BYTES (1u << 20)
#define PKV__LZ4_PACK_MAX_BYTES 65536u /* that our own compressor takes: positions in 16 bits */
/* A packet with its options and block header must fit a block. */
#define PKV__PACKET_MAX_BYTES 1000000u
#define PKV__PACKET_OPTIONS_MAX_BYTES 40000u /* the rest of such a block */
/* A segment's interfaces: a hostile pcapng may declare millions. */
#define PKV__INTERFACES_MAX 65536u
#define PKV__INTERFACE_OPTIONS_MAX_BYTES 65536u
/* Of a pcapng block of others that must stand in memory, as libpcap. */
#define PKV__FOREIGN_BLOCK_MAX_BYTES (16u << 20)
#define PKV__ZSTD_WINDOW_LOG_MAX 27     /* 128 MiB: what zstd writes without --long */
#define PKV__CHAIN_MAX_BYTES (1u << 30) /* chain.log: 5 million segments, read whole */
/* Of a file that is read in order: few calls, and it stays in the cache. */
#define PKV__READ_AHEAD_BYTES (256u << 10)

/* Rotation and flushing: defaults of the configuration, as it writes them, and what is fixed. */
#define PKV__ROTATE_BYTES "256M"
#define PKV__ROTATE_INTERVAL "5m"
#define PKV__FLUSH_INTERVAL "500ms" /* with the scan of open segments: findable within a second */
#define PKV__SYNC_INTERVAL "5s"     /* what a power cut may cost */
#define PKV__ROTATE_IDLE_NS (3600ll * 1000000000) /* a segment without packets */
#define PKV__STATISTICS_NS (60ll * 1000000000)
/* For what the kernel may hold back when a source ends. */
#define PKV__SOURCE_DRAIN_NS (250ll * 1000000)
/* Between two looks at what was lost, while packets come. */
#define PKV__LOSS_TELL_NS (100ll * 1000000)
#define PKV__CLOCK_STEP_NS (1ll * 1000000000) /* a step back by more seals the segment */
/* How much of the time in which none could be made a segment covers: with what it lasts, less than
 * the day that who looks for segments looks back. */
#define PKV__START_BACK_NS (12 * 3600ll * 1000000000)

/* How much older than its live segment a packet may be: it waited in the kernel while the recorder
 * could not read it, for less than the service's watchdog allows, or was pushed late. */
#define PKV__LATE_PACKET_NS (60ll * 1000000000)

/* Memory of the recorder. */
/* Raw blocks waiting for workers and disk: 1.7 s at 200 kpps of 377 bytes. */
#define PKV__BUFFER_BYTES "128M"
/* Of an import, twice where its blocks are handed over: more would only leave the cache. */
#define PKV__WRITER_BUFFER_BYTES (4u << 20)
#define PKV__LANES_MAX 64u
/* Of a lane that wait for its disk, one a second mostly: 256 KiB, then readings are joined. */
#define PKV__LANE_ORDERS_MAX 1024u
#define PKV__LIVE_LANE_LAST 999u
#define PKV__WORKERS_MAX 64u
#define PKV__POOL_KEPT_BLOCKS 256u            /* free ones kept for the next burst: 16 MiB */
#define PKV__DISK_RETRY_NS (1ll * 1000000000) /* between tries while the disk refuses */
/* Stretches of losses that a lane remembers until a segment tells them: 8 KiB; more are joined
 * with their neighbours. */
#define PKV__LOSS_RECORDS 64u
/* Losses that follow each other closer are one stretch. */
#define PKV__LOSS_JOIN_NS (1ll * 1000000000)
#define PKV__IMPORT_LANE_FIRST 1000u
#define PKV__IMPORT_LANE_LAST 9999u
#define PKV__RECEIVE_BUFFER_BYTES "64M"
#define PKV__RING_BYTES "64M"
#define PKV__DATAGRAM_MAX_BYTES 65535u

/* Decoding. */
#define PKV__TUNNELS_MAX 2u     /* GENEVE around VXLAN; more is left to Wireshark */
#define PKV__VLAN_TAGS_MAX 4u   /* looked through; 802.1ad allows two, four is generous */
#define PKV__EXTENSIONS_MAX 16u /* IPv6 extension headers: a chain of more is hostile */
#define PKV__MPLS_LABELS_MAX 8u

/* Flow state of one segment. */
#define PKV__FLOWS_MAX 1000000u /* flows in memory before the indexer spills: 200 MB */
/* Fragment trains remembered at a time; the oldest is forgotten first. */
#define PKV__FRAGMENTS_MAX 65536u
/* How long a first fragment waits for later ones: RFC 8200, 4.5. */
#define PKV__FRAGMENTS_NS (60ll * 1000000000)

/* A file that comes within a tick of the file system's clock after a directory was looked at does
 * not show in the directory's time: the coarsest in use (FAT). */
#define PKV__SETTLED_NS (2ll * 1000000000)

/* Configuration and expressions. */
#define PKV__SIZELESS_MAX_BYTES 1000000u /* of a small file that is a pipe */
#define PKV__EXPRESSION_MAX_BYTES 65536u
#define PKV__EXPRESSION_DEPTH_MAX 200u /* nested parentheses and nots */
#define PKV__EXPRESSION_TERMS_MAX 4096u
/* libpcap's optimizer takes the cube of them: 0.7 s for 64 ranges of ports, 1 s for 128 ports;
 * hours, gigabytes and a stack overflow for 4,000. */
#define PKV__EXACT_TERMS_MAX 128u
/* Left to libpcap in one piece: 680 sums of bytes take 0.1 s, 6,000 take 7 s. */
#define PKV__LIBPCAP_TERM_MAX_BYTES 4096u
#define PKV__DAY_NOTES_MAX_BYTES (4u << 20) /* a day is 60 bytes: two centuries */
/* Of an interval: a year, so that times a few intervals ahead fit. */
#define PKV__DURATION_MAX_NS (365 * 86400 * 1000000000ll)
#define PKV__CONFIGURATION_MAX_BYTES (1u << 20) /* 1,024 names of VNIs are 60 KB */
#define PKV__OPTION_KEYS_MAX 40u                /* room for the text of every key */
#define PKV__OPTION_VALUES_MAX 1024u            /* of one repeatable key */
#define PKV__VNI_MAX 16777215u

/* Indexer and databases. */
#define PKV__DATABASE_VALUE_MAX_BYTES (256 << 20) /* a posting list of 100 million packets */
/* Readers take a longer value than the file for a computed one; no less than these, as SQLite's own
 * texts are values, and some of a catalog may still stand in its WAL. */
#define PKV__INDEX_VALUE_BYTES (64 << 10)
#define PKV__CATALOG_VALUE_BYTES (4 << 20)
/* Instructions of SQLite and pages that answering may take. A row takes some 60, and 40 bytes. */
#define PKV__DATABASE_WORK_MIN 1000000
#define PKV__DATABASE_WORK_A_BYTE 8
#define PKV__CATALOG_WAIT_MS 5000 /* for readers that recover a WAL; nobody else writes */
/* Past it the largest filter is wrong half of the time: none is kept. */
#define PKV__FILTER_KEYS_MAX 50000u
/* Packets whose order is held in memory: 64 MB, twice to sort them. */
#define PKV__EPOCH_PACKETS_MAX 16000000u
/* Rows a segment: a statistics block a second makes 300 in 5 minutes. */
#define PKV__LOSSES_MAX 100000u
#define PKV__DAMAGES_MAX 1000u /* rows a segment; the rest of it is as unreadable */
#define PKV__FED_MAX 2u /* segments that are indexed while they are imported, or wait for it */
#define PKV__FED_BYTES (192ull << 20) /* flow table of one; past it it is read once sealed */
#define PKV__FOLLOWED_MAX 16u         /* open segments indexed while they grow: live lanes */
/* Their flow tables together; past it they are read once sealed. */
#define PKV__FOLLOWED_BYTES (256ull << 20)
/* For a last look: a segment takes less than 1 s. */
#define PKV__INDEXER_STOP_NS (5ll * 1000000000)
#define PKV__INDEXER_RETRY_NS (5ll * 1000000000)
#define PKV__FOLLOW_NS (250ll * 1000000) /* between two looks at the segments */
#define PKV__INDEX_WAIT_POLL_NS 50000000
/* Without a step forward: then the other indexer is stuck. */
#define PKV__INDEX_WAIT_NS (120ll * 1000000000)
/* For the catalog row of a segment that is chained: a running indexer adds it at once. */
#define PKV__VERIFY_WAIT_NS (5ll * 1000000000)
/* A deleted index file or catalog row is made again after it. */
#define PKV__RECHECK_NS (60ll * 1000000000)

/* Queries. */
#define PKV__MISSING_LISTED_MAX 1000u /* of each cause: no cause hides another */
/* Packets that wait for their turn; past it they go to a temporary file. */
#define PKV__QUERY_HELD_BYTES (24u << 20)
#define PKV__QUERY_FLOWS_COUNTED_MAX (1u << 19) /* 8 MiB of hashes; then "at least" */
#define PKV__QUERY_AHEAD_MIN 16u  /* blocks to read, from which on threads are worth their start */
#define PKV__QUERY_AHEAD_MAX 24u  /* blocks that are read ahead: mostly 64 KiB, 1 MiB at most */
#define PKV__QUERY_THREADS_MAX 8u /* more do not help one thread that merges and delivers */
/* A search that goes on from another gives packets that are so late, in segments of which that one
 * read nothing. Looking further back means more segments that are asked for each time. */
#define PKV__QUERY_LATE_NS (3600ll * 1000000000)
/* Two mirrors deliver the same packet within this. */
#define PKV__DEDUP_WINDOW_NS (500ll * 1000000)
/* Remembered within the window; the oldest is forgotten first. */
#define PKV__DEDUP_PACKETS 65536u
/* Programs of libpcap for one term; more link types match nothing. */
#define PKV__FILTER_LINK_TYPES_MAX 32u
#define PKV__FILTER_OWN_TERMS_MAX 64u /* of pktvault in an exact expression: a bit each */
/* Of their values whose programs are kept; more are compiled for each packet. */
#define PKV__FILTER_COMBINATIONS_MAX 256u

#endif
