/* CSV files: what is read, and what is refused. */
#include "files.h"

#include "comma.h"

#include <taper/ext.h>

#include <errno.h>

/* What happens when a file is to be read again, or a pipe to be copied. */
static struct {
    const char *path, *text; /* the file is this one then, for once; NULL: it stays as it is */
    bool no_copy;
} meanwhile;

int fseeko(FILE *f, off_t at, int whence)
{
    if (meanwhile.path) {
        FILE *changed = fopen(meanwhile.path, "r+b"); /* the same file, of the same length */
        assert_non_null(changed);
        assert_true(fputs(meanwhile.text, changed) >= 0 && fclose(changed) == 0);
        meanwhile.path = NULL;
    }
    return fseek(f, (long)at, whence);
}

FILE *tmpfile(void)
{
    char path[] = "/tmp/taper-copy-XXXXXX";
    errno = ENOSPC;
    int fd = meanwhile.no_copy ? -1 : mkstemp(path);
    if (fd < 0) return NULL;
    unlink(path);
    return fdopen(fd, "w+b");
}

/* The file t.csv with this text. */
#define OPEN(c, text, ...) OPEN_(c, text, __VA_ARGS__, .struct_size = sizeof(tp_dataset_options))
#define OPEN_(c, text, ...) \
    tp_dataset_open_with((c), write_text("t.csv", (text)), &(tp_dataset_options){__VA_ARGS__})
#define PLAIN(c, text) OPEN(c, text, .separator = 0)
#define X(d)           tp_dataset_x((d), TP_F64)
#define Y(d)           tp_dataset_y((d), TP_F64)

static void expect_names(const tp_dataset *d, const char *features, const char *classes)
{
    char got[256] = "";
    for (int i = 0; tp_dataset_feature_name(d, i); i++) {
        if (i) strcat(got, "|");
        strcat(got, tp_dataset_feature_name(d, i));
    }
    assert_string_equal(got, features);
    got[0] = 0;
    for (int i = 0; i < tp_dataset_classes(d); i++) {
        if (i) strcat(got, "|");
        strcat(got, tp_dataset_class_name(d, i));
    }
    assert_string_equal(got, classes);
}

static void test_plain(void **state)
{
    tp_context *c = *state;
    tp_dataset *d = PLAIN(c, "width,height,kind\n1,2.5,b\n-3,4e1,a\n.5,+6.,b\n");
    assert_int_equal(tp_dataset_size(d), 3);
    assert_int_equal(tp_dataset_dtype(d), TP_F64);
    assert_int_equal(tp_dataset_target_kind(d), TP_TARGET_CLASSES);
    assert_string_equal(tp_dataset_target_name(d), "kind");
    expect_names(d, "width|height", "a|b");
    expect_values(X(d), TP_SHAPE(3, 2), 1, 2.5, -3, 40, .5, 6);
    expect_values(Y(d), TP_SHAPE(3), 1, 0, 1);
    assert_int_equal(tp_dtype_of(Y(d)), TP_I64);
    assert_null(tp_dataset_category(d, 0, 0));
    d = PLAIN(c, "1,2,7.5\n3,4,8\n");
    assert_int_equal(tp_dataset_target_kind(d), TP_TARGET_NUMBERS);
    assert_int_equal(tp_dataset_classes(d), 0);
    assert_string_equal(tp_dataset_target_name(d), "target");
    expect_names(d, "", "");
    expect_values(X(d), TP_SHAPE(2, 2), 1, 2, 3, 4);
    expect_values(Y(d), TP_SHAPE(2), 7.5, 8);
}

/* RFC 4180, and what is outside of it: a byte order mark, empty lines, spaces around fields, no last line
 * end. */
static void test_quoting(void **state)
{
    tp_context *c = *state;
    tp_dataset *d = PLAIN(
        c, "\xef\xbb\xbf\"a, \"\"x\"\"\",\"b\r\nc\" , k\r\n\r\n1, 2 ,\"yes, \"\"it\"\" is\"\r\n\n3,\"4\",no");
    expect_names(d, "a, \"x\"|b\r\nc", "no|yes, \"it\" is");
    expect_values(X(d), TP_SHAPE(2, 2), 1, 2, 3, 4);
    d = PLAIN(c, "a,k\r1,x\r2,y\r"); /* the line ends of old */
    expect_values(X(d), TP_SHAPE(2, 1), 1, 2);
    d = PLAIN(c, "a,k\n1,\" x\"\n1, x\n");
    expect_names(d, "a", " x|x");
}

static void test_separators(void **state)
{
    tp_context *c = *state;
    static const char *const texts[] = {"a,b,k\n1,2,x y\n3,4,x z\n",
                                        "a;b;k\n1;2;x,y\n3;4;x,z\n",
                                        "a\tb\tk\n1\t2\tx,y\n3\t4\tx\n",
                                        "a|b|k\n1|2|x\n3|4|y\n",
                                        "a b k\n1 2 x\n3 4 y\n",
                                        "  a b   k\n 1  2  x \n3 4 y\n",
                                        "a,b,k\n1,2,\"x;y\"\n3,4,\"x;z\"\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        tp_dataset *d = PLAIN(c, texts[i]);
        expect_values(X(d), TP_SHAPE(2, 2), 1, 2, 3, 4);
        assert_int_equal(tp_dataset_classes(d), 2);
    }
    tp_dataset *d = OPEN(c, "1:2:0\n3:4:1\n", .separator = ':');
    expect_values(X(d), TP_SHAPE(2, 2), 1, 2, 3, 4);
    d = OPEN(c, "1\n2\n", .kind = TP_TARGET_NONE);
    expect_values(X(d), TP_SHAPE(2, 1), 1, 2);
}

static void test_header(void **state)
{
    tp_context *c = *state;
    static const char text[] = "1,2,3\n4,5,6\n7,8,9\n";
    expect_names(OPEN(c, text, .header = TP_HEADER_FOUND), "", "3|6|9");
    expect_names(OPEN(c, text, .header = TP_HEADER_YES), "1|2", "6|9");
    expect_names(OPEN(c, "a,b\nc,d\n", .header = TP_HEADER_NO), "", "b|d");
    expect_names(OPEN(c, "a,b\nc,d\n", .header = TP_HEADER_FOUND), "a", "d");
    assert_true(tp_dataset_is_nil(PLAIN(c, "a,b,2\n1,2,3\n4,5,6\n")));
    expect_error(c, TP_ERR_DATA,
                 "t.csv: line 1, column 0 (from 0): 'a' is not a number, as most of the column are");
}

static void test_target(void **state)
{
    tp_context *c = *state;
    static const char text[] = "a,b,k\n10,0.5,u\n9,1.5,v\n10,2.5,v\n";
    tp_dataset *d = OPEN(c, text, .target = "a");
    expect_names(d, "b|k", "9|10"); /* by size, not by text */
    expect_values(Y(d), TP_SHAPE(3), 1, 0, 1);
    expect_values(X(d), TP_SHAPE(3, 2), .5, 0, 1.5, 1, 2.5, 1);
    assert_string_equal(tp_dataset_category(d, 1, 1), "v");
    assert_null(tp_dataset_category(d, 1, 2));
    assert_string_equal(tp_dataset_target_name(d), "a");
    expect_values(Y(OPEN(c, text, .target = "1")), TP_SHAPE(3), .5, 1.5, 2.5);
    expect_values(Y(OPEN(c, text, .target = "a", .kind = TP_TARGET_NUMBERS)), TP_SHAPE(3), 10, 9, 10);
    d = OPEN(c, text, .target = "b", .kind = TP_TARGET_CLASSES);
    expect_names(d, "a|k", "0.5|1.5|2.5");
    d = OPEN(c, text, .kind = TP_TARGET_NONE);
    expect_names(d, "a|b|k", "");
    assert_int_equal(tp_dataset_target_kind(d), TP_TARGET_NONE);
    assert_true(tp_is_nil(Y(d)));
    expect_error(c, TP_ERR_STATE, "tp_dataset_y: this data set has no targets");
    d = OPEN(c, "a,k\n1,5\n2,5a\n3,6\n", .kind = TP_TARGET_CLASSES);
    expect_names(d, "a", "5|5a|6"); /* asked for: no error */
    d = OPEN(c, "a,1,0\n5,6,7.5\n", .target = "0", .header = TP_HEADER_YES);
    expect_values(Y(d), TP_SHAPE(1), 7.5); /* a name comes before a number */
    static const char *const none[] = {"K", "3", "-1", "", "99999999999999999999"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        assert_true(tp_dataset_is_nil(OPEN(c, text, .target = none[i])));
        expect_error(c, TP_ERR_DATA, "t.csv: there is no column '");
    }
}

static void test_missing(void **state)
{
    tp_context *c = *state;
    static const char text[] = "a,b,k\n1,u,x\n,v,y\n3,v,x\nNA,?,x\n8,v,y\n";
    PLAIN(c, text);
    expect_error(c, TP_ERR_DATA, "t.csv: line 3, column 'a': '' is a missing value");
    tp_dataset *d = OPEN(c, text, .missing = TP_MISSING_DROP);
    expect_values(X(d), TP_SHAPE(3, 2), 1, 0, 3, 1, 8, 1);
    expect_values(Y(d), TP_SHAPE(3), 0, 0, 1);
    d = OPEN(c, text, .missing = TP_MISSING_MEAN);
    expect_values(X(d), TP_SHAPE(5, 2), 1, 0, 4, 1, 3, 1, 4, 1, 8, 1);
    OPEN(c, "a,k\n1,x\n2,nan\n", .missing = TP_MISSING_MEAN);
    expect_error(c, TP_ERR_DATA, "t.csv: line 3, column 'k': 'nan' is a missing value");
    OPEN(c, "a,k\nNULL,x\n,y\n", .missing = TP_MISSING_MEAN);
    expect_error(c, TP_ERR_DATA, "line 2, column 'a': 'NULL' is missing, as in all rows");
    OPEN(c, "a,k\nNaN,x\n,y\n", .missing = TP_MISSING_DROP);
    expect_error(c, TP_ERR_DATA, "t.csv: every row has a missing value: nothing is left");
    d = OPEN(c, "a,k\n1,x\n2,\n", .kind = TP_TARGET_NONE, .target = "k"); /* not read: not missed */
    expect_values(X(d), TP_SHAPE(2, 1), 1, 2);
}

/* All that is refused, with the place. */
static void test_refused(void **state)
{
    tp_context *c = *state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "t.csv: the file is empty"},
        {"\n\r\n\n", "t.csv: the file is empty"},
        {"\xef\xbb\xbf", "t.csv: the file is empty"},
        {"a,b\n", "t.csv: there is no row below the names of the columns"},
        {"a\n1\n2\n", "t.csv: there is no column of values besides the target"},
        {"a,b,k\n1,2,x\n1,x\n", "t.csv: line 3 has 2 fields; the first line has 3"},
        {"a,b,k\n1,2,x\n\n\n1,2,x,4\n", "t.csv: line 5 has 4 fields; the first line has 3"},
        {"a,b,k\r\n1,\"2\r\n\r\n\",x\r\n1,2,x,4\r\n", "t.csv: line 5 has 4 fields; the first line has 3"},
        {"a,b,a\n1,2,3\n", "t.csv: line 1: two columns are called 'a'"},
        {"a,k\n1,x\nabc,y\n2,x\n3,y\n",
         "t.csv: line 3, column 'a': 'abc' is not a number, as most of the column are"},
        {"a,k\nabc,x\n1,y\n2,x\n3,y\n",
         "t.csv: line 2, column 'a': 'abc' is not a number, as most of the column are"},
        {"1,0\n2,1\ninf,1\n3,0\n", "t.csv: line 3, column 0 (from 0): 'inf' is not a number"},
        {"1,0\n2,1\n0x10,1\n3,0\n", "t.csv: line 3, column 0 (from 0): '0x10' is not a number"},
        {"1,0\n2,1\n1e999,1\n3,0\n", "t.csv: line 3, column 0 (from 0): '1e999' is too large for a number"},
        {"1,0\n2,1\n3,1e\n3,0\n", "t.csv: line 3, column 1 (from 0): '1e' is not a number"},
        {"a,k\n1,x\n2,\"y\n3,x\n", "the file ends within quotes"},
        {"a,k\n1,x\n2,y\"z\n3,x\n", "t.csv: line 3: a quote within a field that is not in quotes"},
        {"a,k\n1,x\n2,\"y\"z\n3,x\n", "t.csv: line 3: a quote within a field that is not in quotes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (!tp_dataset_is_nil(PLAIN(c, cases[i].text))) fail_msg("case %zu was taken", i);
        expect_error(c, TP_ERR_DATA, cases[i].message);
    }
    write_bytes("t.csv", "a,k\n1,x\0y\n2,x\n", 14);
    tp_dataset_open(c, path_of("t.csv"));
    expect_error(c, TP_ERR_DATA, "t.csv: line 2: a byte 0: this is no text file");
    OPEN(c, "a,k\n1,0.5\nx,2\n", .kind = TP_TARGET_NUMBERS, .target = "0");
    expect_error(c, TP_ERR_DATA, "line 3, column 'a': 'x' is not a number");
    tp_dataset_open(c, test_folder);
    expect_error(c, TP_ERR_IO, "cannot read: Is a directory");
    tp_dataset_open(c, path_of("none.csv"));
    expect_error(c, TP_ERR_IO, "none.csv: cannot open: No such file or directory");
}

/* A file longer than one read of it, with rows across its ends, and with a field too long. */
static void test_long(void **state)
{
    tp_context *c = *state;
    enum { ROWS = 30000, HUGE_FIELD = (1 << 20) + 100 };
    char *text = malloc(HUGE_FIELD + 64), *p = text;
    p += sprintf(p, "a,b\n");
    for (int i = 0; i < ROWS; i++) p += sprintf(p, "%d,\"%d.25\"\n", i, 2 * i);
    tp_dataset *d = PLAIN(c, text);
    assert_int_equal(tp_dataset_size(d), ROWS);
    tp_tensor *x = X(d), *y = Y(d);
    for (int64_t i = 0; i < ROWS; i += 7) {
        expect_near(tp_get(x, TP_INTS(i, 0)), (double)i, 0);
        expect_near(tp_get(y, TP_INTS(i)), 2 * (double)i + .25, 0);
    }
    strcpy(p, "1,x\n");
    PLAIN(c, text);
    expect_error(c, TP_ERR_DATA, "t.csv: line 30002, column 'b': 'x' is not a number");
    p = text + sprintf(text, "a,b\n1,2\n3,");
    memset(p, '7', HUGE_FIELD);
    strcpy(p + HUGE_FIELD, "\n");
    PLAIN(c, text);
    expect_error(c, TP_ERR_DATA, "t.csv: line 3: a field of more than 1 MiB; is a quote missing?");
    free(text);
}

/* What fits another data set: its columns by name, its categories and classes. */
static void test_like(void **state)
{
    tp_context *c = *state;
    tp_dataset *like = PLAIN(c, "size,color,kind\n1,red,cat\n2,blue,dog\n3,red,eel\n");
    tp_dataset *empty = tp_dataset_rows(like, NULL, 0); /* all that a model knows */
    tp_dataset *d = OPEN(c, "kind,extra,color,size\ndog,7,blue,5\ndog,x,blue,6\n", .like = empty);
    expect_names(d, "size|color", "cat|dog|eel");
    expect_values(X(d), TP_SHAPE(2, 2), 5, 0, 6, 0);
    expect_values(Y(d), TP_SHAPE(2), 1, 1);
    assert_string_equal(tp_dataset_category(d, 1, 1), "red");
    assert_string_equal(tp_dataset_target_name(d), "kind");
    d = OPEN(c, "color,size\nred,5\n", .like = empty, .kind = TP_TARGET_NONE);
    expect_values(X(d), TP_SHAPE(1, 2), 5, 1);
    d = OPEN(c, "5,red,cat\n", .like = empty);
    expect_values(X(d), TP_SHAPE(1, 2), 5, 1);
    d = OPEN(c, "5,red\n", .like = empty, .kind = TP_TARGET_NONE);
    expect_values(X(d), TP_SHAPE(1, 2), 5, 1);
    static const struct {
        const char *text, *message;
        tp_target_kind kind;
    } cases[] = {
        {"size,kind\n1,cat\n", "t.csv: the column 'color' is missing", 0},
        {"size,color\n1,red\n", "t.csv: there is no column 'kind' for the target", 0},
        {"size,color,kind\n1,green,cat\n",
         "t.csv: line 2, column 'color': 'green' is none of the values known", 0},
        {"size,color,kind\n1,red,cow\n", "t.csv: line 2, column 'kind': 'cow' is none of the values known",
         0},
        {"size,color,kind\nred,red,cat\n", "t.csv: line 2, column 'size': 'red' is not a number", 0},
        {"5,red,7,cat\n", "t.csv: 3 columns of values, where 2 are expected", 0},
        {"5,red,cat\n", "t.csv: 3 columns of values, where 2 are expected", TP_TARGET_NONE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        OPEN(c, cases[i].text, .like = empty, .kind = cases[i].kind);
        expect_error(c, TP_ERR_DATA, cases[i].message);
    }
    like = PLAIN(c, "1,0\n2,1\n3,2\n"); /* classes that are numbers, however written */
    expect_values(Y(OPEN(c, "4,2.0\n5,1e0\n", .like = like)), TP_SHAPE(2), 2, 1);
    OPEN(c, "4,3\n", .like = like);
    expect_error(c, TP_ERR_DATA, "'3' is none of the values known");
    tp_dataset *images = tp_dataset_new(c, tp_zeros(c, TP_SHAPE(1, 2, 2), TP_U8), NULL);
    d = OPEN(c, "1,2,3,4\n5,6,7,8\n", .like = images, .kind = TP_TARGET_NONE);
    expect_values(X(d), TP_SHAPE(2, 2, 2), 1, 2, 3, 4, 5, 6, 7, 8);
}

static void read_numbers(void)
{
    tp_context *c = tp_open(NULL);
    tp_dataset *d = PLAIN(c, "0.1,1.5\n123456.789e-3,2.5\n2.2250738585072011e-308,3.5\n");
    expect_near(tp_get(X(d), TP_INTS(0, 0)), 0.1, 0);
    expect_near(tp_get(X(d), TP_INTS(1, 0)), 123.456789, 0);
    expect_near(tp_get(X(d), TP_INTS(2, 0)), 2.2250738585072011e-308, 0);
    expect_near(tp_get(Y(d), TP_INTS(2)), 3.5, 0);
    assert_int_equal(tp_close(c), 0);
}

static void test_locale(void **state)
{
    (void)state;
    read_numbers();
    if (!with_decimal_comma(read_numbers)) skip();
}

/* Columns without a name keep their order, and "1" is another name than "1.0". */
static void test_like_by_odd_names(void **state)
{
    tp_context *c = *state;
    tp_dataset *like = PLAIN(c, ",size,,kind\n1,2,3,cat\n4,5,6,dog\n");
    expect_values(X(OPEN(c, "kind,,size,\ncat,1,2,3\n", .like = like)), TP_SHAPE(1, 3), 1, 2, 3);
    OPEN(c, "kind,,size\ncat,1,2\n", .like = like);
    expect_error(c, TP_ERR_DATA, "the column '' is missing");
    like = OPEN(c, "1,1.0,y\n2,3,a\n4,5,b\n", .header = TP_HEADER_YES);
    tp_dataset *d = OPEN(c, "y,1.0,1\na,3,2\n", .like = like, .header = TP_HEADER_YES);
    expect_values(X(d), TP_SHAPE(1, 2), 2, 3);
}

static void test_standard_input(void **state)
{
    tp_context *c = *state;
    assert_non_null(freopen(write_text("in.csv", "a,k\n1,x\n2,y\n"), "rb", stdin));
    expect_values(X(tp_dataset_open(c, "-")), TP_SHAPE(2, 1), 1, 2);
    assert_non_null(freopen(write_text("in.csv", "a,k\n1\n"), "rb", stdin));
    tp_dataset_open(c, "-");
    expect_error(c, TP_ERR_DATA, "standard input: line 2 has 1 fields");
}

/* A pipe that another process writes `text` to, as standard input. */
static void pipe_in(const char *text)
{
    char command[300];
    write_text("piped", text);
    snprintf(command, sizeof command, "mkfifo %s && (cat %s > %s &)", path_of("pipe"), path_of("piped"),
             path_of("pipe"));
    unlink(path_of("pipe"));
    assert_int_equal(system(command), 0);
    assert_non_null(freopen(path_of("pipe"), "rb", stdin));
}

/* What can be read only once is kept in a file meanwhile. */
static void test_pipe(void **state)
{
    tp_context *c = *state;
    static const char text[] = "a,name,k\n1,u,x\n2,v,y\n3,u,x\n";
    pipe_in(text);
    expect_values(X(tp_dataset_open(c, "-")), TP_SHAPE(3, 2), 1, 0, 2, 1, 3, 0);
    pipe_in(text);
    meanwhile.no_copy = true;
    assert_true(tp_dataset_is_nil(tp_dataset_open(c, "-")));
    meanwhile.no_copy = false;
    expect_error(c, TP_ERR_IO, "standard input: cannot keep a copy of it: No space left on device");
}

/* A file that is another one when it is read again, by the values or to find them. */
static void test_changes(void **state)
{
    tp_context *c = *state;
    static const struct {
        const char *before, *after, *message;
        tp_missing missing;
    } cases[] = {
        {"a,k\n1,1.5\n2,2\n3,4\n", "a,k\n1,1.5\n2,2\n5,4\n", "the file changed while it was read", 0},
        {"a,k\n1,1.5\n?,2\n3,4\n", "a,k\n1,1.5\n2,2\n33,4", "the file changed while it was read", 1},
        {"a,k\n1,1.5\n2,2\n3,4\n", "a,k\n1,1.5\n2,2,3,4\n", "line 3 has 4 fields; the first line has 2", 0},
        {"a,k\n1,1.5\n2,2\n3,4\n", "a,k\n1,1.5\n2,2\n3,x\n", "line 4, column 'k': 'x' is not a number", 0},
        {"a,k\n1,x\n2,y\n3,x\n", "a,k\n1,x\n2,y\n3,z\n", "the file changed while it was read", 0},
        {"a,k\n1,x\n2,y\n3,x\n", "a,k\n1,x\n2,y\n3,\n\n", "line 4, column 'k': '' is a missing value", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(strlen(cases[i].before), strlen(cases[i].after));
        meanwhile.path = write_text("t.csv", cases[i].before);
        meanwhile.text = cases[i].after;
        assert_true(tp_dataset_is_nil(tp_dataset_open(c, path_of("t.csv"), .missing = cases[i].missing)));
        expect_error(c, TP_ERR_DATA, cases[i].message);
        assert_null(meanwhile.path);
    }
    write_text("t.csv", "a,k\n1,x\n2,y\n3,x\n"); /* only the last reading finds another label */
    write_text("other.csv", "a,k\n0,x\n0,y\n");
    tp_dataset *like = tp_dataset_open(c, path_of("other.csv"));
    meanwhile.path = path_of("t.csv");
    meanwhile.text = "a,k\n1,x\n2,y\n3,y\n";
    assert_true(tp_dataset_is_nil(tp_dataset_open(c, path_of("t.csv"), .like = like)));
    expect_error(c, TP_ERR_DATA, "t.csv: the file changed while it was read");
}

/* --- memory --- */

enum { MANY = 200000, MIB = 1 << 20 };

static void put_numbers(FILE *f, uint32_t i)
{
    uint32_t r = i * 2654435761u;
    fprintf(f, "%u,0.%u,%d,%u.5\n", i, r, -(int)(r % 10), r % 7);
}

static void put_gaps(FILE *f, uint32_t i) { fprintf(f, i % 3 ? "%u,a,0.5,1\n" : ",,%u.5,0\n", i); }

static void put_labels(FILE *f, uint32_t i)
{
    static const char *const labels[] = {"setosa", "versicolor", "virginica"};
    fprintf(f, "%u,%s,%u\n", i, labels[i * 2654435761u % 3], i % 10);
}

static void put_names(FILE *f, uint32_t i) { fprintf(f, "%u,name of %u,1,.5,k\n", i % 9, i * 2654435761u); }

static void put_classes(FILE *f, uint32_t i) { fprintf(f, "1,2,3,4,%u\n", i * 2654435761u); }

/* No more than a MiB beyond what the data set is then: none of the texts, but for those that are names. */
static void test_memory(void **state)
{
    (void)state;
    static const struct {
        void (*put)(FILE *f, uint32_t i);
        size_t numbers, names; /* of a row in the data set: numbers, and bytes of names */
    } cases[] = {
        {put_numbers, 4, 0}, {put_gaps, 4, 0}, {put_labels, 3, 0}, {put_names, 5, 28}, {put_classes, 5, 19}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        FILE *f = fopen(path_of("large.csv"), "wb");
        for (uint32_t k = 0; k < MANY; k++) cases[i].put(f, k);
        assert_int_equal(fclose(f), 0);
        void *c;
        open_context(&c);
        size_t before = books.bytes, size = MANY * (8 * cases[i].numbers + cases[i].names);
        tp_dataset *d = tp_dataset_open(c, path_of("large.csv"), .missing = TP_MISSING_MEAN);
        assert_int_equal(tp_dataset_size(d), MANY);
        tp_memory_trim(c);
        size_t most = books.most - before, kept = books.bytes - before;
        print_message("%zu bytes of data, %zu with what blocks are rounded up to, %zu at most\n", size, kept,
                      most);
        assert_in_range(kept, MANY * 8 * cases[i].numbers, size + size / 4);
        assert_in_range(most, kept, kept + MIB);
        assert_int_equal(close_context(&c), 0);
    }
}

/* Whatever becomes of a file, it is read or refused. */
static void test_damaged(void **state)
{
    tp_context *c = *state;
    static const char text[] =
        "\xef\xbb\xbfsize;\"co\"\"lor\";kind\r\n1.5;red;cat\r\n2e1;\"blue\r\n\";dog\r\n;red;cat\r\n";
    char bytes[sizeof text];
    uint64_t random = 1;
    for (size_t i = 0; i < sizeof text - 1 + 3000; i++) {
        size_t n = i < sizeof text ? i : sizeof text - 1;
        memcpy(bytes, text, n);
        for (int k = 0; i >= sizeof text && k < 3; k++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            bytes[(random >> 33) % n] ^= (char)(1 << (random >> 60) % 8);
        }
        tp_mark scope = tp_open_scope(c);
        tp_dataset_options o = {.missing = i % 3, .kind = i / 3 % 4, .header = i / 12 % 3};
        tp_dataset *d = tp_dataset_open_with(c, write_bytes("t.csv", bytes, n), &o);
        assert_true(tp_dataset_is_nil(d) == !tp_ok(c));
        if (!tp_ok(c)) assert_true(tp_error(c) == TP_ERR_DATA && strstr(tp_error_text(c), "t.csv"));
        tp_close_scope(c, scope);
        tp_clear(c);
    }
}

/* With the at-th allocation failing nothing is left over; false if it takes fewer. */
static bool fail_at(const tp_dataset_options *options, bool like, long at)
{
    faulty hook;
    tp_context *c = faulty_open(&hook, all_after);
    tp_dataset_options o = *options;
    if (like) o.like = tp_dataset_open(c, path_of("t.csv"), .missing = TP_MISSING_DROP);
    tp_mark scope = tp_open_scope(c);
    faulty_arm(&hook, at);
    tp_dataset *d = tp_dataset_open_with(c, path_of("t.csv"), &o);
    bool refused = faulty_disarm(&hook);
    EXPECT(refused == tp_dataset_is_nil(d) && refused == !tp_ok(c), "csv", at, c);
    if (refused) EXPECT(tp_error(c) == TP_ERR_MEMORY && names_a_call(tp_error_text(c)), "csv", at, c);
    tp_clear(c);
    tp_close_scope(c, scope);
    EXPECT(tp_dataset_size(tp_dataset_open_with(c, path_of("t.csv"), &o)) > 0, "csv", at, c);
    tp_close(c);
    EXPECT(hook.books.blocks == 0, "csv", at, NULL);
    return refused;
}

static void test_faults(void **state)
{
    (void)state;
    write_text("t.csv", "a,b,k\n1,u,x\n,v,y\n3,v,x\nNA,?,x\n8,v,y\n2,u,x\n3,u,y\n4,u,x\n4,u,y\n5,v,x\n");
    static const tp_dataset_options options[] = {{.missing = TP_MISSING_DROP},
                                                 {.missing = TP_MISSING_MEAN, .split = "test"},
                                                 {.missing = TP_MISSING_MEAN, .split = "train"}};
    for (int i = 0; i < 4; i++) {
        long at = 1;
        while (fail_at(&options[i % 3], i == 3, at)) at++;
        assert_true(at > 20);
    }
}

static const struct CMUnitTest tests[] = {
    TEST(test_plain),          TEST(test_quoting),
    TEST(test_separators),     TEST(test_header),
    TEST(test_target),         TEST(test_missing),
    TEST(test_refused),        TEST(test_long),
    TEST(test_like),           TEST(test_like_by_odd_names),
    TEST(test_standard_input), TEST(test_pipe),
    TEST(test_changes),        cmocka_unit_test(test_memory),
    TEST(test_damaged),        cmocka_unit_test(test_locale),
    FAULT_TESTS(test_faults),
};

int main(void) { return cmocka_run_group_tests(tests, make_folder, remove_folder); }
