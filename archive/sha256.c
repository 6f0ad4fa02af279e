/* SPDX-License-Identifier: BSD-2-Clause */
#include "archive/chain.h"

#include <openssl/evp.h>

#include "base/memory.h"

struct pkv__sha256 {
    EVP_MD_CTX *context;
};

struct pkv__sha256 *pkv__sha256_new(void)
{
    struct pkv__sha256 *h = pkv__alloc(sizeof *h);
    if (!h)
        return NULL;
    h->context = EVP_MD_CTX_new();
    if (!h->context || EVP_DigestInit_ex(h->context, EVP_sha256(), NULL) != 1)
        return pkv__sha256_free(h);
    return h;
}

/* SHA-256 over memory fails only where the library is broken; the hash then never matches, so no
 * lie is stored as truth that a check would accept. */
void pkv__sha256_add(struct pkv__sha256 *h, const void *data, size_t length)
{
    (void)EVP_DigestUpdate(h->context, data, length);
}

void pkv__sha256_hex(struct pkv__sha256 *h, char hex[65])
{
    unsigned char digest[EVP_MAX_MD_SIZE] = {0};
    (void)EVP_DigestFinal_ex(h->context, digest, NULL);
    (void)EVP_DigestInit_ex(h->context, EVP_sha256(), NULL);
    for (unsigned i = 0; i < 32; i++) {
        hex[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    hex[64] = '\0';
}

struct pkv__sha256 *pkv__sha256_free(struct pkv__sha256 *h)
{
    if (!h)
        return NULL;
    EVP_MD_CTX_free(h->context);
    pkv__free(h);
    return NULL;
}
