/* Hashing for tables. Not for fingerprints or secrets: those use libsodium. */
#ifndef VEDETTE_BASE_HASH_H
#define VEDETTE_BASE_HASH_H

#include "base/sv.h"

/* FNV-1a, 64 bits; the same on every machine and in every run. */
uint64_t hash_sv(sv s);

/* The same with ASCII letters folded to lower case. */
uint64_t hash_sv_fold(sv s);

/* For choices among equals: a number for each index, another one with another chance. */
uint32_t hash_lot(uint32_t chance, size_t index);

#endif
