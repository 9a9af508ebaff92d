/* DKIM's forms and signatures, by the vectors of RFC 6376 and RFC 8463. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "wire/base64.h"
#include "wire/dkim.h"
#include "wire/dkim_form.h"

enum { ROOM = 64 * 1024 };

static void keep(void *arg, sv bytes)
{
    assert_true(bytes.n <= DKIM_PIECE_BYTES);
    assert_int_equal(buf_put(arg, bytes), 0);
}

static void form_body(sv body, size_t step, struct buf *out)
{
    struct dkim_body form;
    dkim_body_open(&form, keep, out);
    for (; body.n; body = sv_from(body, step))
        dkim_body_feed(&form, sv_first(body, step));
    dkim_body_end(&form);
}

static void expect_text(sv got, sv want)
{
    if (!sv_eq(got, want))
        print_error("got \"%.*s\", not \"%.*s\"\n", SV_ARG(got), SV_ARG(want));
    assert_true(sv_eq(got, want));
}

static void a_body_takes_its_form_however_it_is_cut(void **state)
{
    (void)state;
    static const struct {
        sv body, form;
    } rows[] = {
        {SV_INIT(""), SV_INIT("")}, /* RFC 6376 §3.4.4: nothing stays nothing */
        {SV_INIT("\r\n"), SV_INIT("")},
        {SV_INIT("\r\n\r\n \t\r\n"), SV_INIT("")},
        {SV_INIT(" C \r\nD \t E\r\n\r\n\r\n"), SV_INIT(" C\r\nD E\r\n")}, /* §3.4.5 */
        {SV_INIT("no end"), SV_INIT("no end\r\n")},
        {SV_INIT("trail \t"), SV_INIT("trail\r\n")},
        {SV_INIT("a\r\n\r\n\r\nb\r\n"), SV_INIT("a\r\n\r\n\r\nb\r\n")},
        {SV_INIT("a\r\n  \r\nb"), SV_INIT("a\r\n\r\nb\r\n")},
        {SV_INIT("\r\n\r\na\r\n"), SV_INIT("\r\n\r\na\r\n")},
        {SV_INIT("a\rb\nc\r\n"), SV_INIT("a\rb\nc\r\n")},
        {SV_INIT("a\r\r\n"), SV_INIT("a\r\r\n")},
        {SV_INIT("a\r"), SV_INIT("a\r\r\n")},
        {SV_INIT("\t\r\n\t.\r\n"), SV_INIT("\r\n .\r\n")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t step = 1; step < 8; step++) {
            struct buf out = BUF_INIT(ROOM);
            form_body(rows[i].body, step, &out);
            expect_text(buf_view(&out), rows[i].form);
            buf_free(&out);
        }
}

static void a_body_larger_than_a_piece_is_given_out_in_pieces(void **state)
{
    (void)state;
    struct buf body = BUF_INIT(ROOM), want = BUF_INIT(ROOM), out = BUF_INIT(ROOM);
    for (int i = 0; i < 1000; i++) {
        buf_put(&body, SV("some  words of a line \r\n"));
        buf_put(&want, SV("some words of a line\r\n"));
    }
    form_body(buf_view(&body), 1000, &out);
    assert_true(sv_eq(buf_view(&out), buf_view(&want)));
    buf_free(&body);
    buf_free(&want);
    buf_free(&out);
}

static void a_header_takes_its_form_in_the_order_of_the_names(void **state)
{
    (void)state;
    static const struct {
        sv head, names[6];
        const char *form;
    } rows[] = {
        {SV_INIT("A: X\r\nB : Y\t\r\n\tZ  \r\n"), {SV_INIT("a"), SV_INIT("B")}, "a:X\r\nb:Y Z\r\nd:s; b="},
        {SV_INIT("B: 1\r\nA: x\r\n"), {SV_INIT("A"), SV_INIT("B")}, "a:x\r\nb:1\r\nd:s; b="},
        {SV_INIT("R: top\r\nR: middle\r\nR: low\r\n"),
         {SV_INIT("R"), SV_INIT("r"), SV_INIT("R"), SV_INIT("R")},
         "r:low\r\nr:middle\r\nr:top\r\nd:s; b="},
        {SV_INIT("A:\r\n folded\r\n\t \r\n on\r\n"), {SV_INIT("A"), SV_INIT("C")}, "a:folded on\r\nd:s; b="},
        {SV_INIT("A:\r\nno colon\r\nB: last without end"),
         {SV_INIT("A"), SV_INIT("B"), SV_INIT("no colon")},
         "a:\r\nb:last without end\r\nd:s; b="},
        {SV_INIT(""), {SV_INIT("A")}, "d:s; b="},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf out = BUF_INIT(ROOM);
        size_t count = 0;
        while (count < 6 && rows[i].names[count].n)
            count++;
        assert_int_equal(dkim_form_header(rows[i].head, rows[i].names, count, SV("D:  s;\r\n\tb="), &out), 0);
        expect_text(buf_view(&out), sv_of(rows[i].form));
        buf_free(&out);
    }
}

static void a_message_is_cut_at_its_first_empty_line(void **state)
{
    (void)state;
    static const struct {
        sv content, head, body;
    } rows[] = {
        {SV_INIT("A: 1\r\n\r\nx\r\n\r\ny"), SV_INIT("A: 1\r\n"), SV_INIT("x\r\n\r\ny")},
        {SV_INIT("A: 1\r\n"), SV_INIT("A: 1\r\n"), SV_INIT("")},
        {SV_INIT("A: 1\r\n\r\n"), SV_INIT("A: 1\r\n"), SV_INIT("")},
        {SV_INIT("\r\nA: 1\r\n\r\n"), SV_INIT(""), SV_INIT("A: 1\r\n\r\n")},
        {SV_INIT(""), SV_INIT(""), SV_INIT("")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sv head, body;
        dkim_split(rows[i].content, &head, &body);
        expect_text(head, rows[i].head);
        expect_text(body, rows[i].body);
    }
}

/* --- RFC 8463 appendix A --- */

static const sv vector_head = SV_INIT("From: Joe SixPack <joe@football.example.com>\r\n"
                                      "To: Suzie Q <suzie@shopping.example.net>\r\n"
                                      "Subject: Is dinner ready?\r\n"
                                      "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
                                      "Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n");
static const sv vector_body = SV_INIT("Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n");
static const sv vector_field = SV_INIT("DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"
                                       " d=football.example.com; i=@football.example.com;\r\n"
                                       " q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"
                                       " subject : date : message-id : from : subject : date;\r\n"
                                       " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
                                       " b=");
static const char vector_seed[] = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
static const char vector_b[] =
    "/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==";

static struct dkim_key *key_of(EVP_PKEY *pkey)
{
    struct dkim_key *key = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL), 1);
    char *text;
    long n = BIO_get_mem_data(bio, &text);
    assert_int_equal(dkim_key_read(sv_make(text, (size_t)n), &key, NULL), 0);
    BIO_free(bio);
    EVP_PKEY_free(pkey);
    return key;
}

static struct dkim_key *vector_key(void)
{
    struct buf seed = BUF_INIT(64);
    assert_int_equal(base64_decode(sv_of(vector_seed), &seed), 0);
    EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key(
        EVP_PKEY_ED25519, NULL, (const unsigned char *)buf_view(&seed).p, buf_view(&seed).n);
    assert_non_null(pkey);
    buf_free(&seed);
    return key_of(pkey);
}

static void the_vector_of_rfc_8463_comes_out_to_the_letter(void **state)
{
    (void)state;
    static const sv names[] = {SV_INIT("from"),       SV_INIT("to"),   SV_INIT("subject"), SV_INIT("date"),
                               SV_INIT("message-id"), SV_INIT("from"), SV_INIT("subject"), SV_INIT("date")};
    struct dkim_key *key = vector_key();
    struct buf form = BUF_INIT(ROOM), raw = BUF_INIT(ROOM), text = BUF_INIT(ROOM);
    assert_int_equal(dkim_form_header(vector_head, names, 8, vector_field, &form), 0);
    assert_int_equal(dkim_key_sign(key, buf_view(&form), &raw, NULL), 0);
    assert_int_equal(base64_encode(buf_view(&raw), &text), 0);
    expect_text(buf_view(&text), sv_of(vector_b));
    buf_free(&form);
    buf_free(&raw);
    buf_free(&text);
    dkim_key_free(key);
}

/* --- Whole signatures --- */

static const sv usual[] = {SV_INIT("From"), SV_INIT("Subject"),    SV_INIT("Date"),
                           SV_INIT("To"),   SV_INIT("Message-ID"), SV_INIT("Cc")};

static int sign(const struct dkim_key *key, sv head, sv body, struct buf *out, struct err *err)
{
    struct buf content = BUF_INIT(ROOM);
    struct dkim_signer signer = {.domain = SV("football.example.com"),
                                 .selector = SV("test"),
                                 .key = key,
                                 .fields = usual,
                                 .field_count = sizeof usual / sizeof *usual};
    buf_put(&content, head);
    buf_put(&content, SV("\r\n"));
    buf_put(&content, body);
    int rc = dkim_sign(&signer, buf_view(&content), 1528637909, out, err);
    buf_free(&content);
    return rc;
}

static sv tag(sv field, const char *name)
{
    size_t at = sv_find(field, sv_of(name));
    assert_true(at != SV_NPOS);
    sv rest = sv_from(field, at + strlen(name));
    return sv_split(&rest, ';');
}

static void a_signature_names_what_is_there_and_from_and_subject_once_more(void **state)
{
    (void)state;
    struct dkim_key *key = vector_key();
    struct buf out = BUF_INIT(ROOM);
    assert_int_equal(sign(key, vector_head, vector_body, &out, NULL), 0);
    expect_text(tag(buf_view(&out), "\th="), SV("From:From:Subject:Subject:Date:To:Message-ID"));
    expect_text(tag(buf_view(&out), "bh="), SV("2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8="));
    expect_text(tag(buf_view(&out), " a="), SV("ed25519-sha256"));
    assert_true(sv_ends(buf_view(&out), SV("==\r\n")));
    buf_free(&out);
    dkim_key_free(key);
}

static void an_empty_body_has_the_hash_of_nothing(void **state)
{
    (void)state;
    struct dkim_key *key = vector_key();
    static const sv bodies[] = {SV_INIT(""), SV_INIT("\r\n"), SV_INIT("\r\n\r\n")};
    for (size_t i = 0; i < 3; i++) {
        struct buf out = BUF_INIT(ROOM);
        assert_int_equal(sign(key, vector_head, bodies[i], &out, NULL), 0);
        expect_text(tag(buf_view(&out), "bh="), SV("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="));
        buf_free(&out);
    }
    dkim_key_free(key);
}

/* The signature over what is said to be signed holds by the public key alone, and no other does. */
static bool holds(EVP_PKEY *pkey, sv head, const sv *names, size_t count, sv field)
{
    struct buf form = BUF_INIT(ROOM), text = BUF_INIT(ROOM), raw = BUF_INIT(ROOM);
    size_t at = sv_find(field, SV("\tb=")) + 3;
    assert_int_equal(dkim_form_header(head, names, count, sv_first(field, at), &form), 0);
    for (sv b = sv_from(field, at); b.n; b = sv_from(b, 1))
        if (!strchr("\r\n\t", b.p[0]))
            buf_put_char(&text, b.p[0]);
    assert_int_equal(base64_decode(buf_view(&text), &raw), 0);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, pkey), 1);
    int good = EVP_DigestVerify(context, (const unsigned char *)buf_view(&raw).p, buf_view(&raw).n,
                                (const unsigned char *)buf_view(&form).p, buf_view(&form).n);
    EVP_MD_CTX_free(context);
    buf_free(&form);
    buf_free(&text);
    buf_free(&raw);
    return good == 1;
}

static void an_rsa_signature_holds_and_breaks_with_the_header(void **state)
{
    (void)state;
    EVP_PKEY *pkey = EVP_RSA_gen(2048);
    assert_non_null(pkey);
    EVP_PKEY_up_ref(pkey);
    struct dkim_key *key = key_of(pkey);
    static const sv names[] = {SV_INIT("From"), SV_INIT("From"), SV_INIT("Subject"),   SV_INIT("Subject"),
                               SV_INIT("Date"), SV_INIT("To"),   SV_INIT("Message-ID")};
    struct buf out = BUF_INIT(ROOM), added = BUF_INIT(ROOM);
    assert_int_equal(sign(key, vector_head, vector_body, &out, NULL), 0);
    expect_text(tag(buf_view(&out), " a="), SV("rsa-sha256"));
    assert_true(holds(pkey, vector_head, names, 7, buf_view(&out)));
    buf_put(&added, SV("Subject: another\r\n"));
    buf_put(&added, vector_head);
    assert_false(holds(pkey, buf_view(&added), names, 7, buf_view(&out)));
    buf_free(&out);
    buf_free(&added);
    dkim_key_free(key);
    EVP_PKEY_free(pkey);
}

static void a_message_without_exactly_one_from_is_not_signed(void **state)
{
    (void)state;
    struct dkim_key *key = vector_key();
    static const sv heads[] = {SV_INIT(""), SV_INIT("Subject: x\r\n"),
                               SV_INIT("From: a@example.org\r\nfrom : b@example.org\r\n")};
    for (size_t i = 0; i < 3; i++) {
        struct buf out = BUF_INIT(ROOM);
        struct err err = {.class = ERR_NONE};
        assert_int_equal(sign(key, heads[i], vector_body, &out, &err), -1);
        assert_int_equal(err.class, ERR_DATA);
        assert_int_equal(buf_view(&out).n, 0);
    }
    dkim_key_free(key);
}

static void of_many_fields_of_one_name_the_lowest_are_signed(void **state)
{
    (void)state;
    struct dkim_key *key = vector_key();
    struct buf head = BUF_INIT(ROOM), out = BUF_INIT(ROOM);
    for (int i = 0; i < 50; i++)
        buf_put(&head, SV("To: a@example.org\r\n"));
    buf_put(&head, SV("From: a@example.org\r\n"));
    assert_int_equal(sign(key, buf_view(&head), vector_body, &out, NULL), 0);
    size_t named = 0;
    for (sv names = tag(buf_view(&out), "\th="); names.p;)
        named += sv_eq(sv_trim(sv_split(&names, ':')), SV("To"));
    assert_int_equal(named, DKIM_SAME_MAX);
    buf_free(&head);
    buf_free(&out);
    dkim_key_free(key);
}

static void no_line_of_a_signature_is_longer_than_mail_likes(void **state)
{
    (void)state;
    struct dkim_key *key = vector_key();
    struct buf head = BUF_INIT(ROOM), out = BUF_INIT(ROOM);
    for (int i = 0; i < DKIM_SAME_MAX; i++)
        buf_put(&head, SV("To: a@example.org\r\nCc: a@example.org\r\nMessage-ID: <x@y>\r\nDate: today\r\n"));
    buf_put(&head, SV("From: a@example.org\r\n"));
    assert_int_equal(sign(key, buf_view(&head), vector_body, &out, NULL), 0);
    for (sv rest = buf_view(&out); rest.n;) {
        sv line = sv_split(&rest, '\n');
        assert_true(line.n <= 79 && sv_ends(line, SV("\r")));
    }
    buf_free(&head);
    buf_free(&out);
    dkim_key_free(key);
}

static void a_key_that_dkim_cannot_use_is_refused_without_telling_it(void **state)
{
    (void)state;
    struct dkim_key *key = NULL;
    struct err err = {.class = ERR_NONE};
    assert_int_equal(dkim_key_read(SV("sesame"), &key, &err), -1);
    assert_int_equal(err.class, ERR_DATA);
    assert_null(strstr(err.cause, "sesame"));
    EVP_PKEY *others[] = {EVP_EC_gen("P-256"), EVP_RSA_gen(DKIM_RSA_BITS_MIN / 2)};
    for (size_t i = 0; i < 2; i++) {
        BIO *bio = BIO_new(BIO_s_mem());
        PEM_write_bio_PKCS8PrivateKey(bio, others[i], NULL, NULL, 0, NULL, NULL);
        char *text;
        long n = BIO_get_mem_data(bio, &text);
        assert_int_equal(dkim_key_read(sv_make(text, (size_t)n), &key, &err), -1);
        assert_int_equal(err.class, ERR_DATA);
        BIO_free(bio);
        EVP_PKEY_free(others[i]);
    }
    assert_null(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_takes_its_form_however_it_is_cut),
        cmocka_unit_test(a_body_larger_than_a_piece_is_given_out_in_pieces),
        cmocka_unit_test(a_header_takes_its_form_in_the_order_of_the_names),
        cmocka_unit_test(a_message_is_cut_at_its_first_empty_line),
        cmocka_unit_test(the_vector_of_rfc_8463_comes_out_to_the_letter),
        cmocka_unit_test(a_signature_names_what_is_there_and_from_and_subject_once_more),
        cmocka_unit_test(an_empty_body_has_the_hash_of_nothing),
        cmocka_unit_test(an_rsa_signature_holds_and_breaks_with_the_header),
        cmocka_unit_test(a_message_without_exactly_one_from_is_not_signed),
        cmocka_unit_test(of_many_fields_of_one_name_the_lowest_are_signed),
        cmocka_unit_test(no_line_of_a_signature_is_longer_than_mail_likes),
        cmocka_unit_test(a_key_that_dkim_cannot_use_is_refused_without_telling_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
