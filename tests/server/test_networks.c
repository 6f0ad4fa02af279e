/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "server/networks.h"

static void endpoints_are_read(void **state)
{
    (void)state;
    pkv_error error;
    struct pkv__endpoint e;
    assert_done(pkv__endpoint_parse(&e, "10.0.0.1:4789", &error), error);
    assert_int_equal(e.address.ss_family, AF_INET);
    assert_int_equal(e.port, 4789);
    assert_false(e.both);
    assert_done(pkv__endpoint_parse(&e, "[::1]:6081", &error), error);
    assert_int_equal(e.address.ss_family, AF_INET6);
    assert_int_equal(((struct sockaddr_in6 *)&e.address)->sin6_addr.s6_addr[15], 1);
    assert_false(e.both);
    assert_done(pkv__endpoint_parse(&e, ":4789", &error), error);
    assert_true(e.both);
}

static void what_is_no_endpoint_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "4789",
        "10.0.0.1",
        "10.0.0.1:",
        "10.0.0.1:65536",
        "::1:4789",
        "[]:1",
        "[::1]",
        "localhost:1",
        "[::1:4789",
        "1.2.3:4789",
        "x:4789",
        "0:-1",
        "10.0.0.1:a",
        "10.0.0.1: 12",
        "[::1]4789",
        "[aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]:1"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct pkv__endpoint e;
        pkv_error error;
        if (pkv__endpoint_parse(&e, wrong[i], &error) != PKV_E_INVALID)
            fail_msg("'%s' was taken", wrong[i]);
    }
}

static bool allows(const char *network, const char *address)
{
    char *values[] = {(char *)(uintptr_t)network};
    struct pkv__strings texts = {values, 1};
    struct pkv__networks networks;
    uint8_t bytes[16];
    bool v6 = strchr(address, ':') != NULL;
    pkv_error error;
    assert_done(pkv__networks_init(&networks, &texts, &error), error);
    assert_int_equal(inet_pton(v6 ? AF_INET6 : AF_INET, address, bytes), 1);
    bool allowed = pkv__networks_allow(&networks, bytes, v6 ? 16 : 4);
    pkv__networks_deinit(&networks);
    return allowed;
}

static void networks_hold_their_addresses_and_no_others(void **state)
{
    (void)state;
    assert_true(allows("10.0.0.0/8", "10.255.0.1"));
    assert_false(allows("10.0.0.0/8", "11.0.0.1"));
    assert_true(allows("10.1.2.128/25", "10.1.2.129"));
    assert_false(allows("10.1.2.128/25", "10.1.2.127"));
    assert_true(allows("10.1.2.3", "10.1.2.3"));
    assert_false(allows("10.1.2.3", "10.1.2.2"));
    assert_true(allows("0.0.0.0/0", "1.2.3.4"));
    assert_false(allows("0.0.0.0/0", "::1"));
    assert_true(allows("2001:db8::/33", "2001:db8:7fff::1"));
    assert_false(allows("2001:db8::/33", "2001:db8:8000::1"));
}

static void what_is_no_network_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",         "10.0.0.0/33", "10.0.0.0/",   "::/129",
                                        "10.0.0/8", "all",         "10.0.0.0/8/8"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char *values[] = {(char *)(uintptr_t)wrong[i]};
        struct pkv__strings texts = {values, 1};
        struct pkv__networks networks;
        if (pkv__networks_init(&networks, &texts, NULL) != PKV_E_INVALID)
            fail_msg("'%s' was taken", wrong[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endpoints_are_read),
        cmocka_unit_test(what_is_no_endpoint_is_refused),
        cmocka_unit_test(networks_hold_their_addresses_and_no_others),
        cmocka_unit_test(what_is_no_network_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
