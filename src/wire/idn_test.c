/* Names beyond ASCII: the form that DNS knows, and nothing else under its cover. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "wire/idn.h"

static void a_name_beyond_ascii_gets_its_a_labels(void **state)
{
    (void)state;
    static const struct {
        const char *name, *ascii;
    } cases[] = {
        {"bücher.example", "xn--bcher-kva.example"},
        {"BÜCHER.Example", "xn--bcher-kva.example"},
        {"u\u0308ber.example", "xn--ber-goa.example"},
        {"mail.bücher.example", "mail.xn--bcher-kva.example"},
        {"bücher。example", "xn--bcher-kva.example"},
        {"ｅxample.org", "example.org"},
        {"faß.example", "xn--fa-hia.example"},
        {"例え.テスト", "xn--r8jz45g.xn--zckzah"},
        {"пример.испытание", "xn--e1afmkfd.xn--80akhbyknj4f"},
        {"אחת.example", "xn--4dbo1d.example"},
        {"xn--bcher-kva.bücher.example", "xn--bcher-kva.xn--bcher-kva.example"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[IDN_TEXT_MAX];
        sv got = idn_to_ascii(sv_of(cases[i].name), text);
        assert_non_null(got.p);
        assert_string_equal(text, cases[i].ascii);
        assert_true(sv_eq(got, sv_of(cases[i].ascii)));
    }
}

static void a_name_in_ascii_stays_as_it_is(void **state)
{
    (void)state;
    static const char *const cases[] = {"example.org", "EXAMPLE.org", "xn--nothing--",
                                        "[192.0.2.1]", "a_b",         ""};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[IDN_TEXT_MAX];
        sv name = sv_of(cases[i]), got = idn_to_ascii(name, text);
        assert_ptr_equal(got.p, name.p);
        assert_int_equal(got.n, name.n);
    }
}

static void what_idna_does_not_allow_is_refused(void **state)
{
    (void)state;
    static const sv cases[] = {
        SV_INIT("ü..example"),
        SV_INIT(".ü"),
        SV_INIT("ü."),
        SV_INIT("ü。"),
        SV_INIT("-ü.example"),
        SV_INIT("ü-.example"),
        SV_INIT("ü b.example"),
        SV_INIT("ü_b.example"),
        SV_INIT("ü＠b.example"),
        SV_INIT("ü／b.example"),
        SV_INIT("ü\0b.example"),
        SV_INIT("☃.example"),    /* no letter */
        SV_INIT("ex＠mple.org"), /* mapped to "@" */
        SV_INIT("℀.example"),    /* to "a/c" */
        SV_INIT("a\u200d"
                "b.example"),       /* a joiner that joins nothing */
        SV_INIT("\u0308a.example"), /* a mark without its letter */
        SV_INIT("אa.example"),      /* both directions in one label */
        SV_INIT("xn--ü.example"),
        SV_INIT("xn--bcher-kv.ü.example"),
        SV_INIT("\xc3.example"),
        SV_INIT("\xff"),
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[IDN_TEXT_MAX] = "before";
        sv got = idn_to_ascii(cases[i], text);
        assert_null(got.p);
        assert_string_equal(text, "before");
    }
}

/* What count of "ä" in how many labels is taken. */
static bool takes(size_t letters, size_t labels)
{
    char name[1024], text[IDN_TEXT_MAX];
    size_t n = 0;
    for (size_t i = 0; i < labels; i++) {
        for (size_t j = 0; j < letters; j++)
            n += (size_t)snprintf(name + n, sizeof name - n, "ä");
        n += (size_t)snprintf(name + n, sizeof name - n, i + 1 < labels ? "." : "");
    }
    sv got = idn_to_ascii(sv_make(name, n), text);
    return got.p && got.n < IDN_TEXT_MAX;
}

static void the_bounds_are_those_of_a_labels(void **state)
{
    (void)state;
    assert_true(takes(57, 1)); /* "xn--4ca" and an "a" for each further one: 63 */
    assert_false(takes(58, 1));
    assert_true(takes(20, 6));  /* 245 bytes, and 161 as A-labels */
    assert_false(takes(21, 6)); /* 257 bytes */
    assert_false(takes(500, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_beyond_ascii_gets_its_a_labels),
        cmocka_unit_test(a_name_in_ascii_stays_as_it_is),
        cmocka_unit_test(what_idna_does_not_allow_is_refused),
        cmocka_unit_test(the_bounds_are_those_of_a_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
