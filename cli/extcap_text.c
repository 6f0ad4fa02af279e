/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "cli/extcap.h"

void cli_extcap_interfaces(void)
{
    printf("extcap {version=%s}{display=pktvault archive}\n", pkv_version());
    puts("interface {value=" CLI_EXTCAP_INTERFACE "}{display=pktvault archive}");
}

/* Wireshark wants to know one beforehand; what comes says for itself what it is. */
void cli_extcap_dlts(void)
{
    puts("dlt {number=1}{name=EN10MB}{display=Ethernet}");
}

/* The grammar knows no escapes. */
static bool can_be_said(const char *value)
{
    return strpbrk(value, "{}\n\r") == NULL;
}

/* Text, not `timestamp`: Wireshark's calendar knows neither "-2h" nor "yesterday". Text, not
 * `fileselect`: that one cannot select a directory. */
void cli_extcap_config(const char *archive)
{
    printf("arg {number=0}{call=--archive}{display=Archive}{type=string}"
           "{tooltip=The directory of the archive}");
    if (archive && can_be_said(archive))
        printf("{default=%s}", archive);
    puts("\narg {number=1}{call=--filter}{display=Filter}{type=string}"
         "{tooltip=As for pktvault query: vni 100 and host 10.0.0.10 and tcp port 443}\n"
         "arg {number=2}{call=--since}{display=Since}{type=string}{validation=^[-+@.:\\w ]*$}"
         "{tooltip=14:03, 2026-11-17 14:03:22, -2h, yesterday, @1763388202; empty: all}\n"
         "arg {number=3}{call=--until}{display=Until}{type=string}{validation=^[-+@.:\\w ]*$}"
         "{tooltip=As Since; not with Follow}\n"
         "arg {number=4}{call=--decap}{display=Without the tunnel}{type=boolflag}{default=false}"
         "{tooltip=The inner packets, one interface a tunnel}\n"
         "arg {number=5}{call=--follow}{display=Follow}{type=boolflag}{default=false}"
         "{tooltip=Go on with what is being recorded; from now on if Since is empty}");
}
