/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/extcap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/complain.h"
#include "cli/output.h"

static const char HELP[] =
    "usage: pktvault extcap --extcap-interfaces\n"
    "       pktvault extcap --extcap-dlts|--extcap-config --extcap-interface pktvault\n"
    "       pktvault extcap --capture --extcap-interface pktvault --fifo FILE [OPTION]…\n"
    "An archive as a capture interface of Wireshark, which runs this itself: extcap(4).\n"
    "Wireshark finds it as `pktvault-extcap` in its folder for extcap programs.\n\n"
    "  --archive DIR, -a archive; several are merged\n"
    "  --filter EXPR     as the words of pktvault query\n"
    "  --since TIME, -S  --until TIME, -U  as pktvault query takes them\n"
    "  --utc             read times in UTC\n"
    "  --decap           without the tunnel\n"
    "  --follow          go on with what arrives\n"
    "  --config FILE     instead of /etc/pktvault/pktvault.conf\n"
    "  --extcap-capture-filter EXPR   joined with --filter by `and`; alone: checked\n"
    "  --extcap-version N, --extcap-reload-option NAME   mean nothing here\n\n"
    "  tshark -i pktvault -o extcap.pktvault.filter:'vni 100 and port 443'\n";

enum {
    INTERFACES = CLI_SEARCH_END,
    DLTS,
    CONFIGURATION,
    CAPTURE,
    INTERFACE,
    FIFO,
    CAPTURE_FILTER,
    FILTER,
    DECAP,
    FOLLOW,
    IGNORED,
    RELOAD
};

struct settings {
    struct cli_extcap extcap;
    const char *interface;
    int task; /* INTERFACES, DLTS, CONFIGURATION, CAPTURE, RELOAD; 0: to check the capture filter */
};

static int take_option(struct settings *s, int option, char **argv)
{
    switch (option) {
    case INTERFACES:
    case DLTS:
    case CONFIGURATION:
    case CAPTURE:
        s->task = s->task == RELOAD ? RELOAD : option;
        return CLI_DONE;
    case RELOAD:
        s->task = RELOAD;
        return CLI_DONE;
    case INTERFACE:
        s->interface = optarg;
        return CLI_DONE;
    case FIFO:
        s->extcap.fifo = optarg;
        return CLI_DONE;
    case CAPTURE_FILTER:
        s->extcap.capture_filter = optarg;
        return CLI_DONE;
    case FILTER:
        s->extcap.filter = optarg;
        return CLI_DONE;
    case DECAP:
        s->extcap.search.flags |= PKV_QUERY_DECAP;
        return CLI_DONE;
    case FOLLOW:
        s->extcap.follow = true;
        return CLI_DONE;
    case IGNORED:
        return CLI_DONE;
    default:
        return cli_search_option(&s->extcap.search, option, argv);
    }
}

static int check(const struct settings *s, bool words)
{
    if (words)
        return cli_usage("there are words that belong to no option");
    if (!s->task && !s->extcap.capture_filter)
        return cli_usage("nothing is asked for");
    if (s->task != INTERFACES && s->task != 0 && !s->interface)
        return cli_usage("--extcap-interface is missing");
    if (s->interface && strcmp(s->interface, CLI_EXTCAP_INTERFACE) != 0)
        return cli_usage("there is no interface '%s', but " CLI_EXTCAP_INTERFACE, s->interface);
    if (s->task == CAPTURE && !s->extcap.fifo)
        return cli_usage("--capture needs --fifo");
    return CLI_DONE;
}

/* CLI_DONE and *helped where --help was all. */
static int read_options(struct settings *s, int argc, char **argv, bool *helped)
{
    static const struct option LONG[] = {
        {"extcap-interfaces", no_argument, NULL, INTERFACES},
        {"extcap-dlts", no_argument, NULL, DLTS},
        {"extcap-config", no_argument, NULL, CONFIGURATION},
        {"extcap-interface", required_argument, NULL, INTERFACE},
        {"extcap-capture-filter", required_argument, NULL, CAPTURE_FILTER},
        {"extcap-version", required_argument, NULL, IGNORED},
        {"extcap-reload-option", required_argument, NULL, RELOAD},
        {"capture", no_argument, NULL, CAPTURE},
        {"fifo", required_argument, NULL, FIFO},
        {"archive", required_argument, NULL, 'a'},
        {"filter", required_argument, NULL, FILTER},
        {"since", required_argument, NULL, 'S'},
        {"until", required_argument, NULL, 'U'},
        {"utc", no_argument, NULL, CLI_UTC},
        {"decap", no_argument, NULL, DECAP},
        {"follow", no_argument, NULL, FOLLOW},
        {"config", required_argument, NULL, CLI_CONFIG},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0}};
    int option, status = CLI_DONE;
    while (status == CLI_DONE && (option = getopt_long(argc, argv, ":a:S:U:h", LONG, NULL)) != -1) {
        *helped = option == 'h';
        if (*helped)
            return CLI_DONE;
        status = take_option(s, option, argv);
    }
    return status == CLI_DONE ? check(s, optind < argc) : status;
}

static bool is_given(const char *text)
{
    return text && *text;
}

/* Each filter for itself, so that a complaint shows what the user wrote, and so that "a) or (b"
 * does not become right between our parentheses. */
static int check_filter(struct cli_search *search, const char *filter)
{
    pkv_error error;
    pkv_query *query;
    if (pkv_query_open(&query, search->archives.directories, search->archives.count, filter,
                       PKV_TIME_MIN, PKV_TIME_MIN + 1, search->flags, search->archives.options,
                       &error) < 0)
        return cli_fail(&error, filter);
    (void)pkv_query_free(query);
    return CLI_DONE;
}

static int join_filters(struct cli_extcap *extcap)
{
    pkv_error error = {.code = PKV_E_MEMORY};
    bool both = is_given(extcap->filter) && is_given(extcap->capture_filter);
    const char *one = is_given(extcap->filter) ? extcap->filter : extcap->capture_filter;
    int status = both ? check_filter(&extcap->search, extcap->filter) : CLI_DONE;
    if (both && status == CLI_DONE)
        status = check_filter(&extcap->search, extcap->capture_filter);
    if (status != CLI_DONE || !is_given(one))
        return status;
    char *joined = NULL;
    int length = both ? asprintf(&joined, "(%s) and (%s)", extcap->filter, extcap->capture_filter)
                      : asprintf(&joined, "%s", one);
    if (length < 0)
        return cli_fail(&error, NULL);
    free(extcap->search.expression);
    extcap->search.expression = joined;
    return CLI_DONE;
}

static int capture(struct cli_extcap *extcap, int argc, char **argv)
{
    int status = CLI_DONE;
    if (extcap->follow && extcap->search.range.until)
        status = cli_usage("--follow goes without --until");
    if (status == CLI_DONE)
        status = cli_search_settle(&extcap->search, argc, argv);
    if (status == CLI_DONE)
        status = join_filters(extcap);
    if (status == CLI_DONE)
        return cli_extcap_capture(extcap);
    cli_extcap_nothing(extcap->fifo);
    return status;
}

/* Also with a configuration that cannot be read: the capture will say what is wrong with it. */
static void print_config(struct cli_archives *archives)
{
    const char *directory = NULL;
    (void)cli_archives_default(archives, &directory);
    cli_extcap_config(archives->count > 0 ? archives->directories[0] : directory);
}

/* Wireshark takes the first line of standard output for what is wrong, and knows nothing where the
 * status is not 0. */
static int check_capture_filter(struct cli_extcap *extcap, int argc, char **argv)
{
    pkv_error error = {.code = 0};
    pkv_query *query = NULL;
    int status = cli_search_settle(&extcap->search, argc, argv);
    if (status != CLI_DONE)
        return status;
    int result = pkv_query_open(&query, extcap->search.archives.directories,
                                extcap->search.archives.count, extcap->capture_filter, PKV_TIME_MIN,
                                PKV_TIME_MIN + 1, 0, extcap->search.archives.options, &error);
    (void)pkv_query_free(query);
    if (result < 0 && error.code != PKV_E_SYNTAX)
        return cli_fail(&error, NULL);
    if (result < 0)
        puts(error.text);
    return CLI_DONE;
}

static int run(struct settings *s, int argc, char **argv)
{
    switch (s->task) {
    case INTERFACES:
        cli_extcap_interfaces();
        return CLI_DONE;
    case DLTS:
        cli_extcap_dlts();
        return CLI_DONE;
    case CONFIGURATION:
        print_config(&s->extcap.search.archives);
        return CLI_DONE;
    case CAPTURE:
        return capture(&s->extcap, argc, argv);
    case RELOAD: /* no option of ours has values that change */
        return CLI_DONE;
    default:
        return check_capture_filter(&s->extcap, argc, argv);
    }
}

int cli_extcap(int argc, char **argv)
{
    struct settings s = {.task = 0};
    bool helped = false;
    int status = cli_search_init(&s.extcap.search);
    if (status != CLI_DONE)
        return status;
    status = read_options(&s, argc, argv, &helped);
    cli_output_begin();
    if (helped)
        (void)fputs(HELP, stdout);
    else if (status == CLI_DONE)
        status = run(&s, argc, argv);
    cli_search_deinit(&s.extcap.search);
    return cli_output_end(status);
}
