/* SPDX-License-Identifier: BSD-2-Clause */
/* What an import knows beyond a writer: where in its file it is. */
#ifndef PKV_SERVER_WRITER_INTERNAL_H
#define PKV_SERVER_WRITER_INTERNAL_H

#include <pktvault/writer.h>

/* The number of the next packet in the file that is imported, if it is not that of the packets
 * appended so far. */
void pkv__writer_set_position(pkv_writer *writer, uint64_t packet);
/* The last segment's statistics shall say that the file was read to its end, and its hash. */
void pkv__writer_set_complete(pkv_writer *writer, const char content[33]);
unsigned pkv__writer_segments(const pkv_writer *writer); /* begun */

#endif
