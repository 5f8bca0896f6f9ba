#!/usr/bin/env python3
"""check_budgets.py [ROOT]: length of files and functions, cyclomatic complexity, and a comment on every
public declaration. Exceptions: tools/budget-exceptions.txt."""
import pathlib
import re
import sys

FUNCTION_LINES, COMPLEXITY, FILE_LINES, EXAMPLE_LINES = 60, 15, 600, 80

TOKEN = re.compile(r"""/\*.*?\*/ | //[^\n]* | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'""", re.S | re.X)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n\\]|\\.)*", re.M | re.S)
DEFINE = re.compile(r"[ \t]*#[ \t]*define[ \t]+(\w+)")
CONDITIONAL = re.compile(r"^[ \t]*#[ \t]*(?:if|ifdef|ifndef|else|elif|endif)\b[^\n]*\n", re.M)
EXTERN_C = re.compile(r'extern\s+" *"\s*\{')
ATTRIBUTE = re.compile(r"__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)")
BRANCH = re.compile(r"\b(?:if|for|while|case)\b|&&|\|\||\?")


# Blanking keeps the length and the lines, so that offsets stay true.
def blank(text):
    return re.sub(r"[^\n]", " ", text)


def without_comments(text):
    """Comments and the insides of strings blanked."""
    return TOKEN.sub(lambda m: blank(m[0]) if m[0][0] == "/" else m[0][0] + blank(m[0][1:-1]) + m[0][-1], text)


def without_directives(code):
    return EXTERN_C.sub(lambda m: blank(m[0]), DIRECTIVE.sub(lambda m: blank(m[0]), code))


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def statements(plain):
    """(start, end, is_function) of every declaration and definition at file level."""
    depth = start = 0
    is_function = False
    for match in re.finditer(r"[{};]", plain):
        if match[0] == "{":
            if depth == 0:
                is_function = plain[:match.start()].rstrip().endswith(")")
            depth += 1
            continue
        if match[0] == "}":
            depth = max(depth - 1, 0)  # the brace that closes extern "C" has no partner here
        text = plain[start:match.end()]
        alone = text.strip() == "}"
        if depth > 0 or (match[0] == "}" and not is_function and not alone):
            continue
        if not alone:
            yield start + len(text) - len(text.lstrip()), match.end(), is_function
        start, is_function = match.end(), False


def defines(code):
    """(name, start, end) of every macro."""
    for directive in DIRECTIVE.finditer(code):
        name = DEFINE.match(directive[0])
        if name:
            yield name[1], directive.start(), directive.end()


def bodies(code):
    """(name, start, end) of every function and macro."""
    yield from defines(code)
    plain = without_directives(code)
    for start, end, is_function in statements(plain):
        if is_function:
            name = re.search(r"(\w+)\s*\(", ATTRIBUTE.sub("", plain[start:end]))
            yield name[1] if name else "?", start, end


def measure(path, text):
    """(place, kind, value, limit, line) of all that has a budget in a file."""
    limit = EXAMPLE_LINES if path.parts[0] == "examples" else FILE_LINES
    yield str(path), "lines", text.count("\n"), limit, 1
    code = without_comments(text)
    for name, start, end in bodies(code):
        line = line_of(code, start)
        yield f"{path}:{name}", "lines", line_of(code, end) - line + 1, FUNCTION_LINES, line
        yield f"{path}:{name}", "complexity", 1 + len(BRANCH.findall(code[start:end])), COMPLEXITY, line


def has_comment(text, comments, start, end):
    """Whether a comment stands on the first or last line of text[start:end], or ends right before it."""
    start = text.rfind("\n", 0, start) + 1
    last = text.rfind("\n", 0, end) + 1
    eol = [text.find("\n", start), text.find("\n", end)]
    if any(start <= at < eol[0] or last <= at < eol[1] for at, _ in comments):
        return True
    above = [(at, to) for at, to in comments if to <= start]
    if not above:
        return False
    at, to = above[-1]
    begins_line = not text[text.rfind("\n", 0, at) + 1:at].strip()  # else it belongs to that line
    return begins_line and CONDITIONAL.sub("", text[to:start] + "\n").strip(" \t") == "\n" * 2


def uncommented(text):
    """(line, declaration) of each public declaration without a comment."""
    code = without_comments(text)
    guard = re.search(r"#ifndef\s+(\w+)", code)
    exempt = set(re.findall(r"^[ \t]*#[ \t]*undef\s+(\w+)", code, re.M)) | ({guard[1]} if guard else set())
    comments = [m.span() for m in TOKEN.finditer(text) if m[0][0] == "/"]
    found = [(start, end, False) for start, end, _ in statements(without_directives(code))]
    for name, start, end in defines(code):
        if name in exempt or name.endswith("_"):
            continue  # the include guard, what the header itself uses up, what is not for users
        found.append((start, end, True))
        exempt.add(name)  # one comment covers every branch of an #if
    last_macro = None  # macros one below the other share a comment
    for start, end, is_macro in sorted(found):
        gap = text[last_macro:start] if is_macro and last_macro else None
        shares = gap is not None and gap.count("\n") == 1 and not gap.strip()
        if not shares and not has_comment(text, comments, start, end):
            yield line_of(text, start), " ".join(code[start:end].split())[:70]
            last_macro = None
        else:
            last_macro = end if is_macro else None


def read_exceptions(path):
    exceptions = {}
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            place, kind, limit, _reason = line.split(None, 3)
            exceptions[place, kind] = int(limit)
    return exceptions


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)
    exceptions = read_exceptions(pathlib.Path(__file__).with_name("budget-exceptions.txt"))
    errors, used, count = [], set(), 0
    for top in ("include", "src", "cli", "examples", "tests", "bench"):
        for file in sorted(f for f in (root / top).rglob("*") if f.suffix in (".c", ".h", ".def", ".cpp")):
            path, text = file.relative_to(root), file.read_text()
            for place, kind, value, limit, line in measure(path, text):
                count += 1
                if limit < value <= exceptions.get((place, kind), limit):
                    used.add((place, kind))
                elif value > limit:
                    errors.append(f"{path}:{line}: {place.rpartition(':')[2]}: {value} {kind}, at most {limit}")
            if top == "include" and file.suffix == ".h":
                errors += [f"{path}:{line}: no comment: {what}" for line, what in uncommented(text)]
    errors += [f"exception not needed: {place} {kind}" for place, kind in exceptions.keys() - used]
    print("\n".join(errors + [f"{count} measurements, {len(errors)} errors"]))
    return bool(errors) or not count


if __name__ == "__main__":
    sys.exit(main())
